"""Update-to-weight ratios, of the parameters that can be judged by them."""

from __future__ import annotations

from statistics import median

from gradcheck.health.floats import floats, usable
from gradcheck.health.sample import ParameterSample, Sample

__all__ = ["judged", "of_others", "ratios", "rounded_away"]

_NEAR_ZERO = 1e-6  # a root mean square: such weights are zero-initialised, or dead


def judged(parameter: ParameterSample) -> bool:
    """Whether ‖update‖ / ‖w‖ means something.

    It does not for biases and norms (they begin at 0, or are few), for embeddings (of which some rows move), for what
    is frozen or not trained, and for weights near 0.
    """
    if parameter.role not in ("weight", "other") or len(parameter.shape) < 2 or parameter.sparse:
        return False
    return parameter.trained and not parameter.frozen and usable(parameter.weight) and parameter.weight.rms > _NEAR_ZERO


def rounded_away(parameter: ParameterSample) -> float | None:
    """‖lr · gradient‖ / ‖w‖ of an update that is exactly 0 because it is below half of the weights' last digit."""
    g, update, lr = parameter.gradient, parameter.update, parameter.lr
    if not lr or not usable(g) or not usable(update) or update.norm or not g.norm or not parameter.weight.norm:
        return None
    wanted = lr * g.norm / parameter.weight.norm
    return wanted if wanted < floats(parameter.weight.dtype).eps / 2 else None


def ratios(sample: Sample) -> list[tuple[ParameterSample, float]]:
    """‖update‖ / ‖w‖ of every parameter that is judged by it and was updated."""
    return [
        (parameter, parameter.update.norm / parameter.weight.norm)
        for parameter in sample.parameters
        if judged(parameter) and usable(parameter.update)
    ]


def of_others(found: list[tuple[ParameterSample, float]], this: ParameterSample) -> float | None:
    """The median ratio of the others; None where there are none."""
    others = [ratio for parameter, ratio in found if parameter is not this]
    return median(others) if others else None
