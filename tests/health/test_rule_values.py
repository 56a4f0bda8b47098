"""Births, overflow and underflow, each from samples that have it and from some that only look like it."""

import math
from dataclasses import replace

import pytest
from made_samples import PLACE, found, lasting, layer, parameter, sample, stats

from gradcheck.health.order import ordered
from gradcheck.health.rules.birth import BirthOfNaN
from gradcheck.health.rules.hidden_by_clipping import HiddenByClipping
from gradcheck.health.rules.latent_overflow import LatentOverflow
from gradcheck.health.rules.underflow import Underflow
from gradcheck.health.sample import Birth, GradientClip
from gradcheck.report import Finding


def born(operation: str = "exp", step: int = 48, **more) -> Birth:
    told = {"entries": 3, "size": 200, "first_index": (4, 2), "operands": ("z[4, 2] = 812.3",), "where": PLACE}
    return Birth(step=step, phase="forward", what="Inf", operation=operation, layer="out", **(told | more))


def test_a_birth_is_told_with_its_operands_and_what_followed():
    rule = BirthOfNaN()
    rule.birth(born(consequences=("p = NaN", "loss = NaN"), remark="found at the next step"))
    rule.birth(born("log", step=49))
    [finding] = rule.findings()
    assert (finding.code, finding.severity, finding.step, finding.where) == ("GC300", "error", 48, PLACE)
    assert "exp makes the first infinity" in finding.title
    assert "layer out at step 48" in finding.title
    assert "3 of 200 entries" in finding.evidence[0]
    assert "[4, 2]" in finding.evidence[0]
    assert "z[4, 2] = 812.3" in finding.evidence[1]
    assert "found at the next step" in finding.evidence
    assert finding.consequences == ("p = NaN", "loss = NaN", "step 49: log at line 7 makes Inf too")


@pytest.mark.parametrize(
    ("operation", "help_"),
    [
        ("softmax", "row's maximum"),
        ("np.log", "keep 0 out of the logarithm"),
        ("exp", "88 in float32"),
        ("SqrtBackward0", "derivative of sqrt at 0"),
        ("divide", "denominator"),
        ("where", "branch not taken"),
        ("matmul", "lower the learning rate"),
    ],
)
def test_the_help_of_a_birth_is_about_its_operation(operation, help_):
    rule = BirthOfNaN()
    rule.birth(born(operation))
    [finding] = rule.findings()
    assert help_ in " ".join((*finding.cause, *finding.help))


@pytest.mark.parametrize(
    ("operation", "more", "told"),
    [
        ("Tensor.std", {"what": "NaN"}, "a single sample"),
        ("backward of Tensor.std", {"phase": "backward", "what": "NaN"}, "a standard deviation that is 0"),
        ("backward of torch.acos", {"phase": "backward"}, "infinite at ±1"),
        ("backward of linalg_eigh", {"phase": "backward", "what": "NaN"}, "eigenvectors"),
        ("np.mean", {"what": "NaN"}, "mean of no entries"),
        ("np.sqrt", {"what": "NaN", "operands": ("v[0] = -9.97",)}, "below 0"),
        ("/", {"operands": ("x[0, 0] = 1", "s[0] = 0")}, "denominator"),
        ("**", {"what": "NaN", "operands": ("z[0] = -0.6",)}, "negative base"),
        ("np.arctanh", {"operands": ("z[0] = 1",)}, "look at the values"),
        ("My update of 0.weight", {"phase": "update", "what": "NaN", "operands": ("lr = 0.1",)}, "divisions and roots"),
        ("Adam update of 0.weight", {"phase": "update", "what": "NaN", "operands": ("lr = 0.1, eps = 0",)}, "eps"),
    ],
)
def test_where_nothing_grew_nobody_is_told_to_lower_the_learning_rate(operation, more, told):
    rule = BirthOfNaN()
    rule.birth(replace(born(operation, operands=("z[4, 2] = 1",)), **more))
    [finding] = rule.findings()
    assert told in " ".join((*finding.cause, *finding.help))
    assert "learning rate" not in finding.help[0]


def test_a_row_that_is_masked_throughout_has_inputs_that_are_not_finite():
    rule = BirthOfNaN()
    rule.birth(replace(born("Tensor.softmax"), what="NaN", inputs="masked"))
    [finding] = rule.findings()
    assert "unmasked" in finding.help[0]
    assert "all finite" not in finding.evidence[0]


@pytest.mark.parametrize("operation", ["input", "parameter", "buffer", "constant", "@"])
def test_what_was_bad_when_it_came_was_made_by_nothing(operation):
    rule = BirthOfNaN()
    operands = ("x[4, 2] = nan",)
    rule.birth(replace(born(operation), what="NaN", operands=operands, inputs="bad", step=0))
    [finding] = rule.findings()
    assert finding.title.startswith("x[4, 2] is NaN before anything is done with it")
    assert "all finite" not in " ".join(finding.evidence)
    assert "learning rate" not in finding.help[0]
    # and nothing that the training did is its reason
    large = Finding("GC330", "error", "a step changes w", step=0)
    assert {f.code: f.cause for f in ordered([large, finding])}["GC300"] == finding.cause != ()


def test_no_birth_no_finding():
    assert list(BirthOfNaN().findings()) == []


def clip(norm: float = math.inf, bad: int = 0, factor: float = 0.0) -> GradientClip:
    return GradientClip(
        "clip_grad_norm_", PLACE, 1.0, norm=norm, factor=factor, worst="fc1.weight", zeroed=4096, bad=bad
    )


def test_an_overflow_that_a_clip_hides_is_an_error():
    [finding] = lasting(HiddenByClipping(), parameters=[parameter("fc1.weight")], gradient_clips=[clip()])
    assert (finding.code, finding.severity, finding.step) == ("GC301", "error", 0)
    assert "clip_grad_norm_ hides gradients that overflowed" in finding.title
    assert "every entry is finite" in finding.title
    assert "4096 entries that were not 0 became 0" in finding.evidence[0]
    assert "fc1.weight" in finding.evidence[0]


def test_a_norm_that_is_finite_in_float64_alone():
    [finding] = lasting(HiddenByClipping(), gradient_clips=[clip(norm=1e24)])
    assert "a norm of 1e+24, whose square overflows, went in at step 0" in finding.title


def test_entries_that_are_not_finite_are_counted():
    [finding] = lasting(HiddenByClipping(), gradient_clips=[clip(norm=math.nan, bad=17)])
    assert "17 non-finite entries" in finding.title


@pytest.mark.parametrize(
    "parts",
    [
        {"gradient_clips": [clip(norm=30.0, factor=1 / 30)]},
        {"gradient_clips": [clip(bad=3)], "parameters": [parameter("w", update=None)]},
    ],
    ids=["finite", "a step that gradient scaling skipped"],
)
def test_what_a_clip_does_not_hide(parts):
    assert lasting(HiddenByClipping(), **parts) == []


def large(high: float, dtype: str, low: float = 0.0):
    return layer("fc1") if high == 0 else _with(layer("fc1"), stats(1.0, dtype=dtype, low=low, high=high))


def _with(made, activation):
    made.activation = activation
    return made


@pytest.mark.parametrize(
    ("high", "dtype"), [(9000.0, "float16"), (2e19, "float32"), (2e19, "torch.bfloat16"), (2e154, "float64")]
)
def test_values_that_near_overflow(high, dtype):
    [finding] = lasting(LatentOverflow(), layers=[large(high, dtype)])
    assert (finding.code, finding.severity, finding.layer) == ("GC302", "warning", "fc1")
    assert f"close to overflow in {dtype.removeprefix('torch.')}" in finding.title
    assert ("square is infinite" in finding.evidence[0]) == (dtype != "float16" or high > 256)


@pytest.mark.parametrize(
    ("high", "dtype", "low"),
    [
        (3000.0, "float16", 0.0),
        (9000.0, "float32", 0.0),
        (1.0, "float16", -65504.0),
        (1.0, "float16", -1e4),
        (1.0, "float32", -3.4028234663852886e38),
        (1.0, "float32", -1e30),
    ],
    ids=["usual", "other type", "largest as a mask", "1e4 as a mask", "float32's largest", "a power of ten"],
)
def test_large_values_in_health(high, dtype, low):
    assert lasting(LatentOverflow(), layers=[large(high, dtype, low)]) == []


def test_gradients_scaled_up_in_float16_are_meant():
    made = layer("fc1")
    made.gradient = stats(1.0, dtype="float16", low=0.0, high=40000.0)
    assert lasting(LatentOverflow(), layers=[made]) == []


def lost(share: float, dtype: str = "float16", **more):
    made = layer("fc1")
    made.gradient = stats(1e-5, count=1000, dtype=dtype, zeros=500, subnormal=int(500 * share), smallest=6e-8)
    return {"layers": [made], **more}


def test_gradients_that_underflow():
    [finding] = lasting(Underflow(), **lost(0.4))
    assert (finding.code, finding.severity) == ("GC303", "warning")
    assert "fc1: 40 % of the gradient's entries underflow in float16, the smallest is 6e-08" in finding.title
    assert "GradScaler" in finding.help[0]


def test_a_few_small_gradients_are_no_underflow():
    assert lasting(Underflow(), **lost(0.05)) == []


def test_zeros_are_no_underflow():
    made = layer("act", "relu")
    made.activation = stats(1.0, zeros=60, subnormal=0, smallest=1e-4)
    assert lasting(Underflow(), layers=[made]) == []


def test_underflow_of_a_loss_that_has_converged():
    samples = [sample(k, loss=2.3 if k == 0 else 1e-3, **lost(0.4)) for k in range(8)]
    assert found(Underflow(), samples) == []


@pytest.mark.parametrize(("smallest", "told"), [(1e-100, True), (1e-20, False)])
def test_a_softmax_that_says_1e_100(smallest, told):
    made = layer("softmax", "softmax")
    made.activation = stats(0.3, dtype="float64", zeros=0, subnormal=0, smallest=smallest)
    findings = lasting(Underflow(), layers=[made])
    assert [f"goes down to {smallest:.3g}" in f.title for f in findings] == ([True] if told else [])
