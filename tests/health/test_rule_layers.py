"""What stops a gradient inside a layer, and what bounds values and gradients."""

import numpy as np
import pytest
from made_samples import PLACE, found, lasting, layer, output, sample

from gradcheck.health.rules.dead_units import DeadUnits
from gradcheck.health.rules.few_positions import FewPositions
from gradcheck.health.rules.gradient_clipping import GradientClipping
from gradcheck.health.rules.saturation import Saturation
from gradcheck.health.rules.stopped_gradient import StoppedGradient
from gradcheck.health.rules.value_clipping import ValueClipping
from gradcheck.health.sample import GradientClip, ValueClip
from gradcheck.report import Where


def relu(share_active: float, units: int = 100, kind: str = "relu", **more):
    return layer("2", kind, active=np.arange(units) < share_active * units, **more)


def test_dead_units_are_told_by_their_share():
    [finding] = lasting(DeadUnits(), 5, layers=[relu(0.39)])
    assert (finding.code, finding.severity, finding.layer, finding.step) == ("GC320", "warning", "2", 0)
    assert finding.title == "layer 2 (relu): 61 % of its units were 0 for all of the last 320 samples"
    assert "61 of 100 units" in finding.evidence[0]


def test_all_units_dead_is_an_error_and_channels_are_units():
    [finding] = lasting(DeadUnits(), 6, layers=[relu(0.0, shape=(64, 100, 8, 8))])
    assert finding.severity == "error"
    assert "all of its channels were 0" in finding.title


def test_a_unit_that_is_active_once_in_the_window_lives():
    samples = [sample(k, layers=[layer("2", "relu", active=np.arange(100) % 4 == k % 4)]) for k in range(8)]
    assert found(DeadUnits(), samples) == []


@pytest.mark.parametrize(
    ("made", "steps", "batch"),
    [(relu(0.9), 8, 64), (relu(0.0), 4, 16), (relu(0.0), 2, 512), (relu(0.0, kind="gelu"), 8, 64)],
    ids=["some", "too few samples", "too few steps", "another activation"],
)
def test_units_in_health(made, steps, batch):
    assert lasting(DeadUnits(), steps, layers=[made], samples=batch) == []


def test_some_dead_units_are_information_and_units_that_come_back_none():
    [finding] = lasting(DeadUnits(), 8, layers=[relu(0.7)])
    assert finding.severity == "info"
    samples = [sample(k, layers=[relu(0.1 if k < 9 else 1.0)]) for k in range(10)]
    assert found(DeadUnits(), samples[:9])
    assert found(DeadUnits(), samples) == []


@pytest.mark.parametrize(("alive", "severity"), [(0.45, "info"), (0.15, "warning"), (0.0, "error")])
def test_dead_units_of_a_network_that_learns(alive, severity):
    samples = [sample(k, loss=2.3 / (k + 1), layers=[relu(alive)]) for k in range(9)]
    [finding] = found(DeadUnits(), samples)
    assert finding.severity == severity


def test_units_die_at_the_step_after_which_half_of_them_were_never_active():
    samples = [sample(k, layers=[relu(1.0 if k < 4 else 0.3)]) for k in range(12)]
    [finding] = found(DeadUnits(), samples)
    assert finding.step == 4


def test_a_long_run_needs_a_long_window():
    samples = [sample(100 * k, layers=[relu(1.0 if k < 45 else 0.0)]) for k in range(50)]
    assert found(DeadUnits(), samples) == []


def flat(kind: str = "logistic", slope: float = 3e-5, share: float = 1.0, **more):
    return layer("1", kind, slope=slope, flat=share, **more)


def test_saturation_is_told_by_the_gradient_that_passes():
    [finding] = lasting(Saturation(), layers=[flat()])
    assert (finding.code, finding.severity, finding.layer) == ("GC321", "error", "1")
    assert "passes 0.003 % of the gradient and is flat at 100 % of its entries" in finding.title
    assert "Glorot" in finding.help[0]
    [milder] = lasting(Saturation(), layers=[flat("tanh", 0.08, 0.8)])
    assert milder.severity == "warning"
    [clipped] = lasting(Saturation(), layers=[flat("clip", 0.2, 0.95)])
    assert "widen the bounds" in clipped.help[0]


@pytest.mark.parametrize(
    "made",
    [
        flat(slope=0.5, share=0.4),
        flat("softmax", before_loss=True),
        flat("logistic", gate=True),
        flat("relu", slope=0.05, share=0.95),
    ],
    ids=["large values", "before the loss", "a gate", "a ReLU"],
)
def test_saturation_in_health(made):
    assert lasting(Saturation(), layers=[made], output=output()) == []


@pytest.mark.parametrize(("losses", "told"), [([0.09] * 6, True), ([0.09, 0.05, 0.02, 0.01, 0.01, 0.01], False)])
def test_a_softmax_before_a_squared_error_does_stop_the_gradient(losses, told):
    made = flat("softmax", 0.01, before_loss=True)
    squared = output(loss_kind="squared error")
    samples = [sample(k, layers=[made], output=squared, loss=loss) for k, loss in enumerate(losses)]
    findings = found(Saturation(), samples)
    assert bool(findings) == told
    assert all("cross-entropy" in f.help[0] for f in findings)


def test_a_clip_with_its_line_known_is_no_saturated_layer():
    made = flat("clip", 0.2, 0.95)
    assert lasting(Saturation(), layers=[made], value_clips=[bounded(950)]) == []


def test_further_saturated_layers_are_listed():
    made = [layer(f"a{k}", "tanh", slope=0.01, flat=1.0) for k in range(6)]
    findings = lasting(Saturation(), layers=made)
    assert [f.layer for f in findings] == ["a0", "a1", "a2"]
    assert "likewise layers a3, a4 and a5" in findings[-1].evidence


def bounded(low: int = 0, high: int = 0, bounds=(-5.0, 5.0), **more) -> ValueClip:
    return ValueClip("np.clip", PLACE, 1000, low, high, *bounds, **more)


def test_a_clip_that_holds_most_values():
    [finding] = lasting(ValueClipping(), value_clips=[bounded(300, 400)])
    assert (finding.code, finding.severity, finding.where) == ("GC322", "warning", PLACE)
    assert "np.clip holds 70 % of its entries at its bounds" in finding.title
    assert "30 % at the lower bound -5, 40 % at the upper bound 5" in finding.evidence[0]


def test_a_backward_that_ignores_the_clip():
    [finding] = lasting(ValueClipping(), value_clips=[bounded(20, same_mask=False, layer="z1")])
    assert finding.severity == "warning"
    assert "holds 2 % of what layer z1 gives at its bounds, and the backward ignores that" in finding.title
    assert "mask of the entries inside the bounds" in finding.help[0]


def test_a_few_clipped_values_are_information():
    [finding] = lasting(ValueClipping(), value_clips=[bounded(20, same_mask=True)])
    assert finding.severity == "info"
    assert "as it should" in " ".join(finding.evidence)


@pytest.mark.parametrize(
    "clip",
    [bounded(), bounded(700, bounds=(0.0, None)), bounded(700, bounds=(0.001, None))],
    ids=["nothing clipped", "a ReLU", "a ReLU with a floor"],
)
def test_clips_in_health(clip):
    assert lasting(ValueClipping(), value_clips=[clip]) == []


def test_a_floor_that_the_backward_ignores_is_told():
    [finding] = lasting(ValueClipping(), value_clips=[bounded(700, bounds=(0.001, None), same_mask=False)])
    assert finding.severity == "warning"


def test_clips_are_told_apart_by_their_line():
    there = Where("net.py", 12, "loss")
    two = [bounded(800), ValueClip("np.clip", there, 1000, 600, 0, -1.0, 1.0)]
    assert [f.where for f in lasting(ValueClipping(), value_clips=two)] == [PLACE, there]


def by_norm(norm: float, limit: float = 1.0) -> GradientClip:
    factor = min(1.0, limit / norm)
    return GradientClip("clip_grad_norm_", PLACE, limit, norm, factor, "fc1.weight", 0.9 * norm)


def test_clipping_that_decides_the_step():
    samples = [sample(k, gradient_clips=[by_norm(40.0 + k)]) for k in range(10)]
    [finding] = found(GradientClipping(), samples)
    assert (finding.code, finding.severity, finding.step) == ("GC323", "warning", 0)
    assert "cut the gradients at 100 % of the sampled steps, by a median factor of 44.5" in finding.title
    assert "fc1.weight (81 % of the squared norm at last)" in finding.evidence[1]


@pytest.mark.parametrize("norms", [[3.0] * 10, [0.5] * 9 + [400.0], [50.0, 0.5] * 5])
def test_clipping_now_and_then_is_information(norms):
    [finding] = found(GradientClipping(), [sample(k, gradient_clips=[by_norm(n)]) for k, n in enumerate(norms)])
    assert finding.severity == "info"


@pytest.mark.parametrize("norms", [[0.5] * 10, [400.0] * 4], ids=["never", "too few samples"])
def test_clipping_that_is_not_told(norms):
    assert found(GradientClipping(), [sample(k, gradient_clips=[by_norm(n)]) for k, n in enumerate(norms)]) == []


@pytest.mark.parametrize(
    ("clipped", "severity", "phrase"),
    [
        (700, "warning", "held 70 % of the gradient's entries at ±5"),
        (20, "info", "held 2 %"),
        (0, "info", "changed no gradient in 6 samples"),
    ],
)
def test_clipping_by_value(clipped, severity, phrase):
    clip = GradientClip("ndarray.clip", PLACE, 5.0, entries=1000, clipped=clipped, worst="W1" if clipped else "")
    [finding] = lasting(GradientClipping(), gradient_clips=[clip])
    assert finding.severity == severity
    assert phrase in finding.title


def test_a_max_pool_is_information():
    [finding] = lasting(FewPositions(), layers=[layer("pool", "pool", passes="1 of 16 positions")])
    assert (finding.code, finding.severity) == ("GC324", "info")
    assert finding.title == "layer pool passes the gradient to 1 of 16 positions"
    assert lasting(FewPositions(), layers=[layer("pool", "pool")]) == []


def passing(above: float, below: float | None, kind: str = "other"):
    made = layer("round", kind, gradient=above)
    made.input_gradient = None if below is None else layer("", gradient=below).gradient
    return made


@pytest.mark.parametrize("below", [0.0, 1e-12])
def test_a_layer_that_stops_the_gradient(below):
    [finding] = lasting(StoppedGradient(), layers=[passing(1e-3, below)])
    assert (finding.code, finding.severity, finding.layer) == ("GC325", "error", "round")
    assert "layer round stops the gradient: 0.001 comes in from above" in finding.title


@pytest.mark.parametrize(
    "made",
    [passing(1e-3, 1e-6), passing(1e-3, None), passing(0.0, 0.0), passing(1e-3, 0.0, "loss")],
    ids=["smaller", "no gradient asked for", "nothing to stop", "a loss"],
)
def test_layers_that_pass_gradient(made):
    assert lasting(StoppedGradient(), layers=[made]) == []
