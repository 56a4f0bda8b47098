"""Signals that shrink or grow: over the layers, over time, and at the very beginning."""

import pytest
from made_samples import found, lasting, layer, parameter, sample, stats

from gradcheck.health.depth import trend
from gradcheck.health.rules.exploding_activations import ExplodingActivations
from gradcheck.health.rules.exploding_gradients import ExplodingGradients
from gradcheck.health.rules.initial_signal import InitialSignal
from gradcheck.health.rules.vanishing_activations import VanishingActivations
from gradcheck.health.rules.vanishing_gradients import VanishingGradients


def outputs(*sizes: float, kind: str = "linear"):
    return [layer(f"fc{k}", kind, size) for k, size in enumerate(sizes)]


def gradients(*sizes: float, **more):
    return [layer(f"fc{k}", gradient=size, **more) for k, size in enumerate(sizes)]


def test_the_trend_is_the_factor_a_layer_and_begins_where_it_is_steep():
    fit = trend([1.0, 1.0, 1.0, 0.1, 0.01, 0.001])
    assert fit is not None
    assert fit.start == 3
    assert 0.1 < fit.factor < 0.5
    exact = trend([8.0, 4.0, 2.0, 1.0])
    assert exact is not None
    assert exact.factor == pytest.approx(0.5)
    assert (exact.total, exact.start) == (pytest.approx(0.125), 1)


@pytest.mark.parametrize("values", [[1.0, 1e-9], [1.0, 1.0, 1.0], [1.0, 100.0, 1.0, 100.0, 1.0]])
def test_what_is_no_trend(values):
    assert trend(values) is None


def test_activations_that_vanish():
    [finding] = lasting(VanishingActivations(), layers=outputs(1, 0.05, 0.0025, 1.2e-4, 3.0))
    assert (finding.code, finding.severity, finding.layer, finding.step) == ("GC310", "warning", "fc1", 0)
    assert "by a factor of 20" in finding.title
    assert "starting with layer fc1 (linear)" in finding.title
    assert "1 in the first of 4 layers with weights, 0.00012 in the last" in finding.evidence[0]
    assert "sqrt(2/fan_in)" in finding.help[0]


def test_activations_that_explode():
    [finding] = lasting(ExplodingActivations(), layers=outputs(1, 20, 400, 8000, 9))
    assert (finding.code, finding.severity, finding.layer) == ("GC311", "error", "fc1")
    assert "by a factor of 20 each" in finding.title


def test_activations_that_explode_as_the_training_goes_on():
    samples = [sample(k, layers=outputs(0.5, 3.0**k)) for k in range(12)]
    [finding] = found(ExplodingActivations(), samples)
    assert finding.layer == "fc1"
    assert finding.step == 7
    assert "at step 11" in finding.title


@pytest.mark.parametrize(
    "layers",
    [
        outputs(1, 0.5, 0.25, 0.12, 0.06),
        outputs(1, 3, 9, 27),
        outputs(1, 1e-9),
        outputs(1, 1e-2, 1e-4, 1e-6, kind="pool"),
        [layer(f"cell{k}", output=10.0 ** (-2 * k), gate=True) for k in range(5)],
        [layer(f"fc{k}", output=0.0) for k in range(5)],
        [layer(f"fc{k}", output=float("nan")) for k in range(5)],
    ],
    ids=["torch's default", "large", "two layers", "no weights", "gates", "zero", "after a NaN"],
)
def test_activations_in_health(layers):
    assert lasting(VanishingActivations(), layers=layers) == []
    assert lasting(ExplodingActivations(), layers=layers) == []


def test_a_layer_whose_output_grows_from_call_to_call():
    step = layer("step", output=300.0, calls=64, growth=1.25**63)
    [finding] = lasting(ExplodingActivations(), layers=[layer("read"), step])
    assert finding.layer == "step"
    assert "layer step (linear) is called 64 times a step, and its output changes by a factor of 1.25" in finding.title
    calm = layer("step", calls=64, growth=3.0)
    assert lasting(ExplodingActivations(), layers=[layer("read"), calm]) == []


def test_layers_after_one_that_vanishes_do_not_explode():
    samples = [sample(k, layers=outputs(10.0 ** (-3 * k), 1, 1, 1, 1)) for k in range(9)]
    assert found(ExplodingActivations(), samples) == []
    [finding] = found(VanishingActivations(), samples)
    assert finding.layer == "fc0"


def test_a_layer_that_begins_at_nearly_0_may_grow():
    samples = [sample(k, layers=[layer("fc0", output=1.0), layer("out", output=1e-8 * 10.0**k)]) for k in range(9)]
    assert found(ExplodingActivations(), samples) == []


def test_one_sample_is_an_accident():
    samples = [sample(k, layers=outputs(1, 20, 400, 8000 if k == 2 else 2, 1, 9)) for k in range(6)]
    assert found(ExplodingActivations(), samples) == []


def test_what_has_passed_is_information():
    samples = [sample(k, layers=outputs(1, 20, 400, 8000, 9) if k < 4 else outputs(1, 1, 2, 1, 9)) for k in range(12)]
    [finding] = found(ExplodingActivations(), samples)
    assert finding.severity == "info"
    assert "it passed: last seen at step 3" in finding.evidence


def test_gradients_that_vanish_on_the_way_back():
    [finding] = lasting(VanishingGradients(), layers=gradients(1e-8, 1e-6, 1e-4, 1e-2, 1e-2))
    assert (finding.code, finding.severity, finding.layer) == ("GC312", "warning", "fc2")
    assert "vanish on the way back" in finding.title
    assert "from layer fc2 (linear) to the input" in finding.title
    assert "0.01 at the last of 5 layers with weights, 1e-08 at the first" in finding.evidence[0]


def test_gradients_that_explode_on_the_way_back():
    [finding] = lasting(ExplodingGradients(), layers=gradients(100, 1, 0.01, 1e-4))
    assert (finding.code, finding.severity, finding.layer) == ("GC313", "warning", "fc2")


def test_a_gradient_far_larger_than_its_weights():
    parameters = [parameter("rnn.weight_hh", weight=0.1, gradient=1e4), parameter("out.bias", 1e-9, role="bias")]
    [finding] = lasting(ExplodingGradients(), parameters=parameters)
    assert (finding.gradient, finding.layer) == ("rnn.weight_hh", "rnn")
    assert "1e+05 times as large as its weights" in finding.title


@pytest.mark.parametrize(
    "layers",
    [gradients(1e-9, 1e-9, 2e-9, 1e-9), gradients(1e-3, 2e-2, 2e-1), gradients(0, 0, 0, 1), gradients(1e-9, 1)],
    ids=["a loss that has converged", "logistic layers", "stopped altogether", "two layers"],
)
def test_gradients_in_health(layers):
    assert lasting(VanishingGradients(), layers=layers) == []
    assert lasting(ExplodingGradients(), layers=layers) == []


def drawn(std: float, *sizes: float, after: str | None = None, mean: float = 0.0):
    weights = []
    layers = []
    for k, size in enumerate(sizes):
        layers.append(layer(f"fc{k}", output=size))
        if after:
            layers.append(layer(f"after{k}", after, 1.0))
        made = parameter(f"fc{k}.weight", fan_in=64, fan_out=32)
        made.weight = stats((std**2 + mean**2) ** 0.5, mean=mean)
        weights.append(made)
    return {"layers": layers, "parameters": weights}


def test_a_signal_that_shrinks_at_initialisation():
    [finding] = found(InitialSignal(), [sample(**drawn(0.01, 1, 0.08, 0.0064, 5e-4))])
    assert (finding.code, finding.severity, finding.layer) == ("GC314", "warning", "fc1")
    assert "the signal shrinks by a factor of 12" in finding.title
    assert "fc1.weight has std 0.01, He's is 0.177" in finding.title
    assert "Glorot's 0.144" in finding.evidence[1]
    assert "std 0.177 (He: sqrt(2/fan_in))" in finding.help[0]


def test_weights_from_0_to_1_have_a_mean():
    [finding] = found(InitialSignal(), [sample(**drawn(0.289, 18.0, 20.0, mean=0.5))])
    assert "drawn 4.62 times too large: fc0.weight has std 0.289 and mean 0.5" in finding.title
    assert finding.help[0].endswith("and mean 0")


def test_a_moderate_factor_is_information():
    [finding] = found(InitialSignal(), [sample(**drawn(0.07, 1, 0.3, 0.1, 0.03, 0.01))])
    assert finding.severity == "info"


@pytest.mark.parametrize(
    "parts",
    [
        drawn(0.07, 0.5, 0.3, 0.2, 0.1),
        drawn(0.177, 1, 1.4, 1.2, 1.5),
        drawn(1.0, 8.0, 8.0, 8.0, after="norm"),
        drawn(1.0, 0.4, 0.5),
        {**drawn(0.01, 1, 0.08, 0.0064, 5e-4), "first": False},
    ],
    ids=["torch's", "He's", "normalised", "small inputs", "not the first"],
)
def test_weights_drawn_as_they_should_be(parts):
    assert found(InitialSignal(), [sample(**parts)]) == []
