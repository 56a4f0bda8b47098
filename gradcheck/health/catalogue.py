"""Every rule of health, in the order of their codes. A new rule is a file in ``rules`` and a line here."""

from __future__ import annotations

from gradcheck.health.rule import Rule
from gradcheck.health.rules.added_up_gradients import AddedUpGradients
from gradcheck.health.rules.birth import BirthOfNaN
from gradcheck.health.rules.class_collapse import ClassCollapse
from gradcheck.health.rules.dead_units import DeadUnits
from gradcheck.health.rules.disagreeing_ranks import DisagreeingRanks
from gradcheck.health.rules.double_softmax import DoubleSoftmax
from gradcheck.health.rules.equal_units import EqualUnits
from gradcheck.health.rules.exploding_activations import ExplodingActivations
from gradcheck.health.rules.exploding_gradients import ExplodingGradients
from gradcheck.health.rules.few_positions import FewPositions
from gradcheck.health.rules.gradient_clipping import GradientClipping
from gradcheck.health.rules.hidden_by_clipping import HiddenByClipping
from gradcheck.health.rules.initial_loss import InitialLoss
from gradcheck.health.rules.initial_signal import InitialSignal
from gradcheck.health.rules.large_updates import LargeUpdates
from gradcheck.health.rules.latent_overflow import LatentOverflow
from gradcheck.health.rules.learning_rate_elsewhere import LearningRateElsewhere
from gradcheck.health.rules.loss_diverging import LossDiverging
from gradcheck.health.rules.loss_not_falling import LossNotFalling
from gradcheck.health.rules.loss_oscillating import LossOscillating
from gradcheck.health.rules.missing_gradients import MissingGradients
from gradcheck.health.rules.outside_optimizer import OutsideOptimizer
from gradcheck.health.rules.saturation import Saturation
from gradcheck.health.rules.small_updates import SmallUpdates
from gradcheck.health.rules.stopped_gradient import StoppedGradient
from gradcheck.health.rules.unchanged_parameters import UnchangedParameters
from gradcheck.health.rules.underflow import Underflow
from gradcheck.health.rules.unequal_shapes import UnequalShapes
from gradcheck.health.rules.value_clipping import ValueClipping
from gradcheck.health.rules.vanishing_activations import VanishingActivations
from gradcheck.health.rules.vanishing_gradients import VanishingGradients

__all__ = ["RULES", "rules"]

RULES: tuple[type[Rule], ...] = (
    BirthOfNaN,
    HiddenByClipping,
    LatentOverflow,
    Underflow,
    VanishingActivations,
    ExplodingActivations,
    VanishingGradients,
    ExplodingGradients,
    InitialSignal,
    DeadUnits,
    Saturation,
    ValueClipping,
    GradientClipping,
    FewPositions,
    StoppedGradient,
    LargeUpdates,
    SmallUpdates,
    UnchangedParameters,
    MissingGradients,
    OutsideOptimizer,
    EqualUnits,
    AddedUpGradients,
    InitialLoss,
    LossNotFalling,
    LossOscillating,
    LossDiverging,
    ClassCollapse,
    DoubleSoftmax,
    UnequalShapes,
    LearningRateElsewhere,
    DisagreeingRanks,
)


def rules() -> list[Rule]:
    """A fresh instance of every rule, for one watch."""
    return [rule() for rule in RULES]
