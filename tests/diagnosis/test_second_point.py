"""At other values what is right only here is found, and what stays in its domain is left alone."""

import numpy as np
import pytest

from gradcheck import check_layer


def rng(seed=0):
    return np.random.default_rng(seed)


def cross_entropy(p, y):
    return -np.log(np.clip(p, 1e-7, 1 - 1e-7)[np.arange(len(p)), y]).mean(), (p, y)


def cross_entropy_backward(scale):
    def backward(d, cache):
        p, y = cache
        dp = np.zeros_like(p)
        dp[np.arange(len(p)), y] = -scale / p[np.arange(len(p)), y] / len(p)
        return d * dp, None

    return backward


def binary(p, y):
    c = np.clip(p, 1e-7, 1 - 1e-7)
    return -(y * np.log(c) + (1 - y) * np.log(1 - c)).mean(), (p, y)


def binary_backward(d, cache):
    p, y = cache
    return d * -(y / p - (1 - y) / (1 - p)) / p.size, None


@pytest.mark.parametrize("seed", range(5))
def test_a_probability_is_not_moved_into_the_clip_before_its_logarithm(seed):
    p = rng(seed).dirichlet(np.ones(3), 5)
    y = rng(seed).integers(0, 3, 5)
    assert check_layer(cross_entropy, cross_entropy_backward(1), p, y).ok
    assert not check_layer(cross_entropy, cross_entropy_backward(2), p, y).ok
    p, y = rng(seed).uniform(0.05, 0.95, (5, 1)), np.round(rng(seed).random((5, 1)))
    assert check_layer(binary, binary_backward, p, y, constants=["y"]).ok


def relu(x):
    return np.maximum(x, 0), x


def test_what_only_inputs_of_the_other_sign_would_show_is_a_remark():
    x = 0.1 + rng().random((3, 4))
    report = check_layer(relu, lambda d, x: d.copy(), x)
    (remark,) = report.findings
    assert report.ok
    assert (remark.code, remark.severity, remark.gradient) == ("GC117", "info", "dx")
    assert remark.title == "dx is right at these inputs, and wrong where x has entries of both signs"
    assert remark.evidence[0].startswith("its relative error is ")
    assert remark.help == ("if x is not always positive, check with entries of both signs; if it is, nothing is wrong",)
    assert check_layer(relu, lambda d, x: d * (x > 0), x).findings == ()
    assert not check_layer(relu, lambda d, x: d, x - 0.5).ok


def small_beside(scale):
    return lambda x, y: (np.sin(x) + scale * np.sin(y), (x, y))


def backward_of_small(scale, factor):
    return lambda d, c: (d * np.cos(c[0]), factor * scale * d * np.cos(c[1]))


@pytest.mark.parametrize("scale", [1e-6, 1e-12, 1e-30])
@pytest.mark.parametrize("factor", [0.0, -1.0, 1.001])
def test_a_gradient_that_is_small_beside_the_others_is_judged_all_the_same(scale, factor):
    x, y = rng(0).standard_normal((2, 3, 4))
    assert check_layer(small_beside(scale), backward_of_small(scale, 1), x, y).ok
    report = check_layer(small_beside(scale), backward_of_small(scale, factor), x, y)
    assert [g.verdict for g in report.gradients] == ["right", "wrong"]


@pytest.mark.parametrize("scale", [1e-6, 1e-10, 1e-30])
@pytest.mark.parametrize("factor", [0.0, 2.0, 1.01, 1.00001])
def test_small_inputs_excuse_no_factor(scale, factor):
    x, w = rng(0).standard_normal((6, 4)), rng(1).standard_normal((4, 3))

    def backward(factor):
        return lambda d, c: (d @ c[1].T, c[0].T @ d * factor)

    assert check_layer(lambda x, w: (x @ w, (x, w)), backward(1.0), scale * x, w).ok
    report = check_layer(lambda x, w: (x @ w, (x, w)), backward(factor), scale * x, w)
    assert [g.verdict for g in report.gradients] == ["right", "wrong"]


@pytest.mark.parametrize("center", [0.0, 20.0, 38.0, 45.0])
def test_a_saturated_activation_may_lose_all_digits_by_its_formula(center):
    def sigmoid(x):
        s = 1 / (1 + np.exp(-x))
        return s, s

    x = center + rng().standard_normal((3, 4))
    assert check_layer(sigmoid, lambda d, s: d * s * (1 - s), x).ok
    assert not check_layer(sigmoid, lambda d, s: d * s, x).ok
