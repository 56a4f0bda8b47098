"""What is computed at a lower precision than its arrays have is named as that, and nothing else is."""

import numpy as np
import pytest

from gradcheck import check_layer
from gradcheck.yardstick import rounded

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(5, 4)), RNG.normal(size=(4, 3))


def forward(x, w):
    return x @ w, (x, w)


def backward_through(dtype, where):
    """A linear layer's backward that rounds to ``dtype``: all of it, what comes in, or what goes out."""

    def low(a):
        return rounded(a, dtype)

    def backward(dout, cache):
        x, w = cache
        if where == "all":
            return low(low(dout) @ low(w).T), low(low(x).T @ low(dout))
        if where == "upstream":
            return low(dout) @ w.T, x.T @ low(dout)
        return low(dout @ w.T), low(x.T @ dout)

    return backward


def codes(report):
    return {f.code for f in report.findings}


@pytest.mark.parametrize("where", ["all", "upstream"])
@pytest.mark.parametrize(("own", "low"), [("float64", "float16"), ("float64", "bfloat16"), ("float32", "float16"),
                                          ("float32", "bfloat16")])  # fmt: skip
def test_rounding_on_the_way_is_named(own, low, where):
    report = check_layer(forward, backward_through(low, where), X.astype(own), W.astype(own), raises=False)
    [finding] = report.findings
    assert (finding.code, finding.severity) == ("GC147", "error")
    assert finding.title == f"dx and dw are computed in {low} on the way, of lower precision than {own}"
    assert "exactly twice the gradient" in finding.evidence[1]
    assert not report.ok


@pytest.mark.parametrize("where", ["all", "upstream", "result"])
def test_float32_on_the_way_in_float64_passes_with_a_warning(where):
    report = check_layer(forward, backward_through("float32", where), X, W)
    [finding] = report.findings
    assert (finding.code, finding.severity) == ("GC147", "warning")
    assert "float32 on the way, of lower precision than float64" in finding.title
    assert report.ok


@pytest.mark.parametrize("low", ["float16", "bfloat16"])
def test_a_result_that_is_the_true_one_rounded_is_told_as_that(low):
    report = check_layer(forward, backward_through(low, "result"), X, W, raises=False)
    assert "GC211" in codes(report)
    assert "GC147" not in codes(report)
    assert any(f"rounded to {low}" in f.title for f in report.findings)


def test_values_that_were_rounded_when_they_were_kept_are_named():
    def keeps_halves(x, w):
        return x @ w, (x.astype(np.float16).astype(x.dtype), w)

    report = check_layer(keeps_halves, lambda dout, cache: (dout @ cache[1].T, cache[0].T @ dout), X, W, raises=False)
    [finding] = report.findings
    assert finding.title.startswith("dw is computed in float16 in what was kept for the backward")
    assert {g.name: g.verdict for g in report.gradients} == {"dx": "right", "dw": "wrong"}


def standardised(x):
    m, s = x.mean(1, keepdims=True), np.sqrt(x.var(1, keepdims=True) + 1e-5)
    return (x - m) / s, (x, m, s)


def standardised_backward(dout, cache):
    x, m, s = cache
    h = (x - m) / s
    return (dout - dout.mean(1, keepdims=True) - h * (dout * h).mean(1, keepdims=True)) / s


@pytest.mark.parametrize("offset", [0, 1e2, 1e4, 1e6])
def test_digits_that_a_right_formula_loses_are_not_blamed_on_a_dtype(offset):
    report = check_layer(standardised, standardised_backward, X + offset)
    assert report.ok
    assert not report.findings


@pytest.mark.parametrize(
    "factor", [1 + 3e-8, 1 + 3e-4, 1 + 1e-2], ids=["within the limit", "a little", "one in a hundred"]
)
def test_a_small_mistake_in_a_formula_is_no_rounding(factor):
    report = check_layer(np.tanh, lambda dout, x: factor * dout * (1 - np.tanh(x) ** 2), X, raises=False)
    assert "GC147" not in codes(report)


def test_what_is_not_linear_is_no_rounding():
    def backward(dout, x):
        return dout * (1 - np.tanh(x) ** 2) * (1 + 3e-4 * np.sign(dout - 0.1))

    report = check_layer(np.tanh, backward, X, raises=False)
    assert "GC147" not in codes(report)
    assert not report.ok
