"""Who agrees with whom decides; nothing vacuous passes."""

import ctypes
import math

import numpy as np
import pytest

from gradcheck import GradcheckError, check_layer


def rng(seed=0):
    return np.random.default_rng(seed)


def by_name(report):
    return {g.name: g for g in report.gradients}


def test_a_value_that_leaves_the_trace_does_not_make_a_wrong_gradient_right():
    """Autograd agrees with yours because both forget the same path; numeric differences know better."""

    def forward(x):
        return x * np.frombuffer(x.tobytes()).sum()  # the sum is a plain number from here on

    report = check_layer(forward, lambda d, x: d * np.sum(x), rng().standard_normal(5))
    assert by_name(report)["dx"].verdict == "wrong"
    leak = report.leaks[0]
    assert leak.where.source == "return x * np.frombuffer(x.tobytes()).sum()  # the sum is a plain number from here on"
    assert leak.how == ".tobytes of an array"


def test_a_right_gradient_is_right_although_a_value_left_the_trace():
    def forward(x):
        return x * np.frombuffer(x.tobytes()).sum()

    report = check_layer(forward, lambda d, x: d * np.sum(x) + np.sum(d * x), rng().standard_normal(5))
    result = by_name(report)["dx"]
    assert result.verdict == "right"
    assert result.compared_with == "numeric"


def test_a_loss_made_a_python_float_is_followed():
    report = check_layer(lambda x: float(np.sum(x**2)), lambda d, x: 2 * x * d, rng().standard_normal(5))
    assert report.leaks == ()
    assert by_name(report)["dx"].compared_with == "autograd"


def test_a_leak_that_loses_nothing_is_harmless():
    def forward(x):
        if np.frombuffer(x.tobytes()).sum() > 1e9:
            raise ValueError
        return x**2

    report = check_layer(forward, lambda d, x: 2 * x * d, rng().standard_normal(5))
    assert by_name(report)["dx"].compared_with == "autograd"
    assert report.ok


def opaque_square(x):
    """A forward that nobody can look into."""
    buffer = (ctypes.c_double * x.size)(*x.ravel().tolist())
    return np.array([v * v for v in buffer]).reshape(x.shape)


def test_an_opaque_forward_is_judged_by_numeric_differences():
    x = rng().standard_normal((3, 4))
    right = check_layer(opaque_square, lambda d, x: 2 * x * d, x)
    assert right.ok
    assert by_name(right)["dx"].compared_with == "numeric"
    assert right.leaks


@pytest.mark.parametrize("factor", [-1, 0.5, 2, 1.01, 1 + 2e-4])
def test_an_opaque_forward_with_a_wrong_backward(factor):
    report = check_layer(opaque_square, lambda d, x: 2 * factor * x * d, rng().standard_normal((3, 4)))
    result = by_name(report)["dx"]
    assert result.verdict == "wrong"
    assert result.relative_error == pytest.approx(abs(1 - 1 / factor), rel=3)  # of yours, for autograd's is not known


def test_one_wrong_entry_of_an_opaque_forward_is_found_and_shown():
    def backward(d, x):
        g = 2 * x * d
        g[1, 2] *= 1.5
        return g

    report = check_layer(opaque_square, backward, rng().standard_normal((3, 4)))
    assert [e.index for e in by_name(report)["dx"].worst] == [(1, 2)]


def test_a_zero_gradient_is_right_where_the_truth_is_zero():
    def forward(x, b):
        z = x + b
        return z - z.mean(axis=0), x.shape

    def backward(d, shape):
        dz = d - d.mean(axis=0)
        return dz, dz.sum(axis=0)

    report = check_layer(forward, backward, rng().standard_normal((6, 3)), rng(1).standard_normal(3))
    assert report.ok


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_rounding_around_a_true_zero_is_no_fault_and_a_real_value_is(dtype):
    def forward(x, b):
        z = x + b
        return (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + 1), z

    def right(d, z):
        import torch

        t = torch.tensor(z.astype(np.float64), requires_grad=True)
        out = (t - t.mean(0)) / torch.sqrt(t.var(0, correction=0) + 1)
        (dz,) = torch.autograd.grad(out, t, torch.tensor(d.astype(np.float64)))
        return dz.numpy().astype(z.dtype), dz.numpy().astype(z.dtype).sum(axis=0)

    x, b = rng().standard_normal((8, 3)), rng(1).standard_normal(3)
    assert by_name(check_layer(forward, right, x, b, dtype=dtype))["db"].verdict == "right"
    off = check_layer(forward, lambda d, z: (right(d, z)[0], d.sum(axis=0)), x, b, dtype=dtype)
    assert by_name(off)["db"].verdict == "wrong"


def test_zero_where_numeric_is_not_is_wrong():
    report = check_layer(lambda x: x**2, lambda d, x: np.zeros_like(x), rng().standard_normal(4))
    assert by_name(report)["dx"].verdict == "wrong"


def test_a_constant_forward_with_a_zero_gradient_is_not_called_wrong():
    report = check_layer(
        lambda x, w: x + 0 * w, lambda d, x, w: (d, 0 * w), rng().standard_normal(4), rng(2).standard_normal(4)
    )
    assert report.ok


@pytest.mark.parametrize("error", [1e-3, 1e-4, 1e-5, 2e-6])
def test_errors_above_a_millionth_of_the_norm_are_caught(error):
    x = rng().standard_normal((20, 5))

    def backward(d, x):
        g = 2 * x * d
        g[3, 2] += error * np.linalg.norm(g)
        return g

    result = by_name(check_layer(lambda x: x**2, backward, x))["dx"]
    assert result.verdict == "wrong"
    assert result.relative_error == pytest.approx(error, rel=0.01)
    assert result.worst[0].index == (3, 2)
    assert abs(result.worst[0].numeric - result.worst[0].autograd) <= result.worst[0].numeric_error + 1e-9


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_no_false_alarm_at_any_precision(dtype, seed):
    x, w = rng(seed).standard_normal((6, 9)), rng(seed + 100).standard_normal((9, 4))

    def forward(x, w):
        h = np.tanh(x @ w)
        return h, (x, w, h)

    def backward(d, cache):
        x, w, h = cache
        dz = d * (1 - h * h)
        return dz @ w.T, x.T @ dz

    report = check_layer(forward, backward, x, w, dtype=dtype, seed=seed)
    assert report.ok, str(report)
    assert report.dtype == dtype


def test_the_callers_tolerance_rules_where_it_is_given():
    def backward(d, x):
        return 2 * x * d * 1.001

    x = rng().standard_normal(5)
    assert not check_layer(lambda x: x**2, backward, x).ok
    loose = check_layer(lambda x: x**2, backward, x, rtol=0.01)
    assert loose.ok
    assert by_name(loose)["dx"].limit == 0.01
    assert not check_layer(lambda x: x**2, backward, x, rtol=1e-4).ok


def test_a_forward_that_changes_although_reseeded_is_refused():
    state = np.random.default_rng()

    def forward(x):
        return x * np.random.default_rng().random(), x

    del state
    with pytest.raises(
        GradcheckError, match="gives other values when called again with the same inputs and the same seed"
    ):
        check_layer(forward, lambda d, x: d, np.ones(3))


def test_nothing_left_to_compare_is_refused():
    with pytest.raises(GradcheckError, match="nothing to differentiate in <lambda>: x: declared constant"):
        check_layer(lambda x, n: x * n, lambda d, x, n: d * n, np.ones(3), 2, constants=["x"])


def test_an_output_that_is_not_finite_is_refused():
    with (
        pytest.raises(GradcheckError, match="holds NaN or inf at the inputs given: check at inputs where it is finite"),
        np.errstate(all="ignore"),
    ):
        check_layer(lambda x: np.log(x), lambda d, x: d * np.exp(-np.log(x)), np.array([0.0, 1.0]))


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1e6, 1e12])
def test_scale_does_not_matter(scale):
    x = scale * rng().standard_normal((4, 3))
    assert check_layer(lambda x: x**3, lambda d, x: 3 * x**2 * d, x).ok
    assert not check_layer(lambda x: x**3, lambda d, x: 3 * x**2 * d * 1.0001, x).ok


def test_a_tiny_gradient_beside_a_huge_one_is_judged_by_its_own_size():
    x, w = rng().standard_normal(4), 1e-9 * rng(1).standard_normal(4)

    def forward(x, w):
        return 1e6 * x + 1e-6 * w, None

    assert check_layer(forward, lambda d, c: (1e6 * d, 1e-6 * d), x, w).ok
    assert by_name(check_layer(forward, lambda d, c: (1e6 * d, 1.01e-6 * d), x, w))["dw"].verdict == "wrong"
    assert by_name(check_layer(forward, lambda d, c: (1e6 * d, 0 * d), x, w))["dw"].verdict == "wrong"


def test_python_numbers_as_outputs_have_a_gradient():
    def backward(d, x):
        return d * np.array([math.exp(x[0]) * x[1], math.exp(x[0])])

    report = check_layer(lambda x: math.exp(x[0]) * x[1], backward, np.array([0.3, 2.0]))
    assert report.ok
    assert by_name(report)["dx"].compared_with == "autograd"


def test_nothing_but_zeros_is_undecided():
    def forward(x, w):
        return x @ w, (x, w)

    def wrong(d, cache):
        x, w = cache
        return 7 * d @ w.T, -(x.T @ d)

    def right(d, cache):
        x, w = cache
        return d @ w.T, x.T @ d

    assert {g.verdict for g in check_layer(forward, wrong, np.zeros((2, 3)), np.zeros((3, 2))).gradients} == {"wrong"}
    report = check_layer(forward, right, np.zeros((2, 3)), np.zeros((3, 2)))
    assert not report.ok
    assert {g.verdict for g in report.gradients} == {"undecided"}
    assert "every gradient is zero at these inputs" in report.gradients[0].reason
    dead = check_layer(lambda x: np.maximum(x, 0), lambda d, x: d * (x > 0), -1 - rng().random(5))
    assert not dead.ok


@pytest.mark.parametrize("small", [1e-6, 1e-12, 1e-300])
def test_a_domain_that_a_step_would_leave(small):
    x = np.array([small, 0.5, 2.0])
    assert check_layer(lambda x: np.log(x), lambda d, x: d / x, x).ok
    wrong = check_layer(lambda x: np.log(x), lambda d, x: d / x * np.array([1.001, 1.0, 1.0]), x)
    assert by_name(wrong)["dx"].verdict != "right"


@pytest.mark.parametrize("scale", [1e-5, 1e-7, 1e-9])
@pytest.mark.parametrize("wrong", [0.0, 0.99])
def test_a_row_that_is_small_beside_the_others_is_judged_as_well(scale, wrong):
    """An input in small units has a small row in the weight's gradient."""
    x, w = rng().standard_normal((8, 3)) * np.array([1.0, scale, 1.0]), rng(1).standard_normal((3, 4))

    def backward(d, cache):
        x, w = cache
        dw = x.T @ d
        dw[1] *= wrong
        return d @ w.T, dw

    assert check_layer(lambda x, w: (x @ w, (x, w)), lambda d, c: (d @ c[1].T, c[0].T @ d), x, w).ok
    report = check_layer(lambda x, w: (x @ w, (x, w)), backward, x, w)
    assert by_name(report)["dw"].verdict == "wrong"
    assert by_name(report)["dw"].worst[0].index[0] == 1


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("spread", [1, 20, 50, 500])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_saturated_softmax_is_right_at_low_precision(dtype, spread, seed):
    def forward(x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        return p, p

    x = (spread * rng(seed).standard_normal((3, 5))).astype(dtype)
    report = check_layer(forward, lambda d, p: p * (d - (d * p).sum(axis=1, keepdims=True)), x, seed=seed)
    assert all(g.verdict != "wrong" for g in report.gradients), str(report)


@pytest.mark.parametrize("factor", [1.05, 1.1, 0.9])
def test_float16_is_no_excuse(factor):
    x, w = (rng(k).standard_normal(s).astype(np.float16) for k, s in enumerate(((10, 4), (4, 3))))
    report = check_layer(lambda x, w: (x @ w, (x, w)), lambda d, c: (d @ c[1].T, c[0].T @ d * np.float16(factor)), x, w)
    assert by_name(report)["dw"].verdict == "wrong"


def test_without_autograd_the_error_bar_is_the_limit():
    assert not check_layer(opaque_square, lambda d, x: 2.00002 * x * d, rng().standard_normal((3, 4))).ok


def batch_norm(x, gamma, beta):
    mean, var = x.mean(axis=0), x.var(axis=0)
    xhat = (x - mean) / np.sqrt(var + 1e-5)
    return gamma * xhat + beta, (xhat, gamma, var)


def batch_norm_backward(forgets_gamma):
    def backward(d, cache):
        xhat, gamma, var = cache
        g = d if forgets_gamma else d * gamma
        dx = (g - g.mean(axis=0) - xhat * (g * xhat).mean(axis=0)) / np.sqrt(var + 1e-5)
        return dx, (d * xhat).sum(axis=0), d.sum(axis=0)

    return backward


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_special_values_do_not_hide_a_mistake(dtype):
    x = rng().standard_normal((6, 3))
    assert check_layer(batch_norm, batch_norm_backward(False), x, np.ones(3), np.zeros(3), dtype=dtype).ok
    report = check_layer(batch_norm, batch_norm_backward(True), x, np.ones(3), np.zeros(3), dtype=dtype)
    assert by_name(report)["dx"].verdict == "wrong"
    assert "at other values of its arrays" in by_name(report)["dx"].reason
    assert by_name(report)["dgamma"].verdict == "right"


SPECIAL = {
    "identity weight": (np.eye(4), lambda d, x, w: (d, x.T @ d)),
    "symmetric weight": (np.ones((4, 4)) + np.diag([1.0, 2, 3, 4]), lambda d, x, w: (d @ w, x.T @ d)),
    "zero weight": (np.zeros((4, 4)), lambda d, x, w: (0 * d, x.T @ d)),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_special_weights_do_not_hide_a_mistake(name):
    w, backward = SPECIAL[name]
    x = rng().standard_normal((5, 4))
    assert check_layer(lambda x, w: x @ w, lambda d, x, w: (d @ w.T, x.T @ d), x, w).ok
    assert by_name(check_layer(lambda x, w: x @ w, backward, x, w))["dx"].verdict == "wrong"


def test_a_batch_size_written_into_the_backward_is_found():
    x = rng().standard_normal((6, 3))
    assert check_layer(lambda x: np.mean(x**2), lambda d, x: d * 2 * x / x.size, x).ok
    report = check_layer(lambda x: np.mean(x**2), lambda d, x: d * 2 * x / 18, x)
    assert "with one sample fewer in the batch" in by_name(report)["dx"].reason


def test_a_forward_that_accepts_positive_values_only_is_asked_at_such():
    x = 0.1 + rng().random((5, 3))
    assert check_layer(lambda x: np.log(x) + np.sqrt(x), lambda d, x: d * (1 / x + 0.5 / np.sqrt(x)), x).ok


def test_a_forward_that_refuses_other_values_is_judged_at_its_own():
    def forward(x):
        if not np.array_equal(np.round(x, 2), x):
            raise ValueError("two decimals only")
        return x**2

    report = check_layer(forward, lambda d, x: 2 * x * d, np.array([0.25, 1.5, -0.75]))
    assert by_name(report)["dx"].verdict == "undecided"
    assert not report.ok


@pytest.mark.parametrize("factor", [1.05, -1.0, 0.0])
def test_what_is_wrong_in_float32_only_is_wrong(factor):
    def backward(d, x):
        return 2 * x * d * (np.float32(factor) if d.dtype == np.float32 else 1)

    x = rng().standard_normal((5, 4)).astype(np.float32)
    result = by_name(check_layer(lambda x: x**2, backward, x))["dx"]
    assert result.verdict == "wrong"
    assert result.reason == "right when run in float64, wrong in float32 by more than its rounding"


def test_inputs_that_overlap_in_memory():
    sequence = rng().standard_normal((8, 4))
    x, y = sequence[:-1], sequence[1:]
    assert check_layer(lambda x, y: x * y, lambda d, x, y: (d * y, d * x), x, y).ok
    assert not check_layer(lambda x, y: x * y, lambda d, x, y: (d * y, d * y), x, y).ok


def test_a_forward_that_validates_its_inputs_shares_no_cache():
    def forward(p):
        assert np.allclose(p.sum(axis=1), 1, atol=1e-2)
        return p**2

    p = np.abs(rng().standard_normal((4, 3)))
    report = check_layer(forward, lambda d, p: 2 * p * d, p / p.sum(axis=1, keepdims=True))
    assert not [f for f in report.findings if f.severity == "error"]
