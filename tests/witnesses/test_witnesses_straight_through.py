"""A forward that is flat is held to the reference that is named as the truth: differences say nothing there."""

import numpy as np
import pytest
import torch

from gradcheck import check_layer

X = np.random.default_rng(0).normal(size=(4, 3))


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "right"), (1.5, "wrong")])
def test_a_straight_through_estimator_is_compared_with_its_reference(factor, verdict):
    report = check_layer(
        lambda x: (np.round(x), None),
        lambda dout, cache: factor * dout,
        X,
        reference=lambda x: x + (x.round() - x).detach(),
    )
    assert [g.verdict for g in report.gradients] == [verdict]


WRONG = {
    "zero": lambda d: 0 * d,
    "1.5 times": lambda d: 1.5 * d,
    "negated": lambda d: -d,
    "1 % in one entry": lambda d: d * np.where(np.arange(12).reshape(3, 4) == 5, 1.01, 1),
}


@pytest.mark.parametrize("how", [None, *WRONG])
@pytest.mark.parametrize("seed", range(3))
def test_a_step_of_the_differences_over_a_jump_is_no_witness_against_the_reference(seed, how):
    x = 3 * np.random.default_rng(seed).normal(size=(3, 4))
    report = check_layer(
        lambda x: (np.round(x), None),
        lambda dout, cache: dout * 1.0 if how is None else WRONG[how](dout),
        x,
        reference=lambda x: x + (x.round() - x).detach(),
        raises=False,
    )
    [row] = report.gradients
    assert row.verdict == ("right" if how is None else "wrong")
    if how is None:
        assert row.reason.endswith("taken as deliberate")
    else:
        assert row.reason == "not what the reference gives"
        assert report.findings


class Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        return -g


@pytest.mark.parametrize(("factor", "verdict"), [(-1, "right"), (1, "wrong"), (-2, "wrong")])
def test_a_reversed_gradient_is_held_to_its_reference_though_the_forward_is_smooth(factor, verdict):
    report = check_layer(
        lambda x: (3 * x, None), lambda d, _: 3 * factor * d, X, reference=lambda x: Reverse.apply(3 * x), raises=False
    )
    [row] = report.gradients
    assert row.verdict == verdict
    if factor == -1:
        assert "taken as deliberate" in str(report)
    if factor == 1:
        assert "what differences of the forward give, and not the reference" in row.reason


def test_a_reference_that_loses_a_path_is_told_where_the_backward_is_the_true_derivative():
    report = check_layer(lambda x: (x * x, x), lambda d, x: 2 * d * x, X, reference=lambda x: x * x.detach())
    assert not report.ok
    assert "or is wrong" in report.gradients[0].reason


def test_a_smooth_forward_and_a_reference_that_agrees_get_no_remark():
    report = check_layer(lambda x: (x * x, x), lambda d, x: 2 * d * x, X, reference=lambda x: x * x)
    assert report.ok
    assert "deliberate" not in str(report)


def rounding(factor):
    class Rounding(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w, labels, scale, b):
            ctx.save_for_backward(x, labels, b)
            ctx.scale = scale
            return (x.round() * w + b)[labels] * scale

        @staticmethod
        def backward(ctx, g):
            x, labels, _ = ctx.saved_tensors
            full = torch.zeros_like(x).index_add(0, labels, g * ctx.scale)
            return None, factor * (full * x.round()).sum(0), None, None, full.sum(0)

    return Rounding


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("factor", "verdict"), [(1, "right"), (-1, "wrong")])
def test_a_function_is_held_to_a_reference_whatever_its_arguments_are_called(factor, verdict, dtype):
    x, w, b = (torch.from_numpy(a).to(dtype) for a in (3 * X, X[0], X[1]))
    labels = torch.tensor([0, 0, 3])

    def reference(x, w, labels, scale, b):
        return (x.round() * w + b)[labels] * scale

    for called in (reference, lambda *given: reference(*given)):
        report = check_layer(
            rounding(factor), x, w, labels, 2.0, b, reference=called, constants=["x"], budget=0, raises=False
        )
        verdicts = {g.name: g.verdict for g in report.gradients if g.verdict != "not differentiated"}
        assert verdicts == {"dw": verdict, "db": "right"}


def through(factor, buffer):
    """A straight-through estimator of rows, whose backward adds up in ``buffer``."""

    class Through(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            return x.round() + w

        @staticmethod
        def backward(ctx, g):
            total = torch.zeros_like(g[0], dtype=buffer or g.dtype)
            for row in g:
                total = total + row
            return factor * g, total.to(g.dtype)

    return Through


@pytest.mark.parametrize("buffer", [None, torch.float16])
@pytest.mark.parametrize(("factor", "verdict"), [(1, "right"), (1.01, "wrong"), (0.99, "wrong")])
def test_below_float64_a_straight_through_estimator_is_held_to_its_reference_in_float64(factor, verdict, buffer):
    x = torch.from_numpy(3 * np.random.default_rng(0).normal(size=(200, 2))).half()

    def reference(x, w):
        return x + (x.round() - x).detach() + w

    report = check_layer(through(factor, buffer), x, x[0], reference=reference, budget=0, raises=False)
    assert [g.verdict for g in report.gradients] == [verdict, "right"]
    if verdict == "wrong":
        assert "off by 1.0e-02 when both are run in float64" in report.gradients[0].reason
        assert check_layer(through(factor, buffer), x, x[0], reference=reference, budget=0, rtol=0.02).ok
