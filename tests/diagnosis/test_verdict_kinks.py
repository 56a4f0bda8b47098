"""At a corner any value between the one-sided slopes is right; nothing else is excused."""

import re

import numpy as np
import pytest
from paid_ties import pay_every, pay_first, pay_nobody

from gradcheck import check_layer


def only(report):
    assert len(report.gradients) == 1
    return report.gradients[0]


def relu(x):
    return np.maximum(0, x)


AT_ZERO = {
    "nothing": lambda d, x: d * (x > 0),
    "everything": lambda d, x: d * (x >= 0),
    "a half": lambda d, x: d * np.where(x == 0, 0.5, x > 0),
    "a tenth": lambda d, x: d * np.where(x == 0, 0.1, x > 0),
}


@pytest.mark.parametrize("zeros", [1, 3, 12])
@pytest.mark.parametrize("name", AT_ZERO)
def test_any_convention_at_zero_is_right_and_counted(name, zeros):
    x = np.random.default_rng(0).standard_normal(12)
    x[:zeros] = 0
    result = only(check_layer(relu, AT_ZERO[name], x))
    assert result.verdict == "right"
    assert result.kinks == (0 if name == "a half" else zeros) or result.kinks == 1


BEYOND = {
    "twice at zero": lambda d, x: d * np.where(x == 0, 2.0, x > 0),
    "negative at zero": lambda d, x: d * np.where(x == 0, -0.5, x > 0),
    "passes negatives": lambda d, x: d * (x > -10),
    "blocks positives": lambda d, x: d * (x == 0),
    "zero": lambda d, x: d * 0,
}


@pytest.mark.parametrize("zeros", [0, 1, 3])
@pytest.mark.parametrize("name", BEYOND)
def test_what_lies_outside_of_the_slopes_is_wrong(name, zeros):
    x = np.random.default_rng(1).standard_normal(12)
    x[:zeros] = 0
    if zeros == 0 and "at zero" in name:
        pytest.skip("differs from the right one only at zero")
    assert only(check_layer(relu, BEYOND[name], x)).verdict == "wrong"


def pool(x):
    return x.reshape(-1, 4).max(axis=1)


def test_a_tied_max_pool_may_pay_the_first_maximum():
    x = np.random.default_rng(2).standard_normal(16)
    x[4:8] = 1.0
    assert only(check_layer(pool, pay_first, x)).verdict == "right"


def test_an_all_zero_backward_of_tied_windows_is_wrong_beside_the_tie():
    x = np.ones(8)
    assert only(check_layer(pool, lambda d, x: np.zeros_like(x), x)).verdict == "wrong"


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("name", ["abs", "clip", "maximum of two"])
def test_other_corners(name, seed):
    x = np.array([-1.5, 0.0, 0.7, 1.0, 2.0])
    forward, backward = {
        "abs": (np.abs, lambda d, x: d * np.sign(x)),
        "clip": (lambda x: np.clip(x, 0, 1), lambda d, x: d * ((x > 0) & (x < 1))),
        "maximum of two": (lambda x: np.maximum(x, 2 * x), lambda d, x: d * np.where(x > 0, 2, 1)),
    }[name]
    if name == "abs":
        result = only(check_layer(lambda x: np.abs(x), backward, x, seed=seed))
    else:
        result = only(check_layer(forward, backward, x, seed=seed))
    assert result.verdict == "right"


def test_kinks_without_a_trace_are_excused_by_numeric_slopes_alone():
    def opaque(x):
        return np.array([max(v, 0.0) for v in np.frombuffer(x.tobytes())])

    x = np.array([0.0, 1.0, -2.0, 3.0])
    assert only(check_layer(opaque, AT_ZERO["everything"], x)).verdict == "right"
    assert only(check_layer(opaque, BEYOND["twice at zero"], x)).verdict == "wrong"
    assert only(check_layer(opaque, BEYOND["passes negatives"], x)).verdict == "wrong"


@pytest.mark.parametrize("tied_windows", [1, 3])
def test_ties_may_be_paid_once_or_in_full_but_not_forgotten(tied_windows):
    x = np.random.default_rng(5).standard_normal(24)
    x[: 4 * tied_windows] = 3.0
    assert only(check_layer(pool, pay_first, x)).verdict == "right"
    assert only(check_layer(pool, pay_nobody, x)).verdict == "wrong"
    in_full = only(check_layer(pool, pay_every, x))
    assert in_full.verdict == "right"
    assert in_full.reason.startswith("every entry of a tie is paid in full, a convention that is accepted: moved")


@pytest.mark.parametrize("factor", [0.5, 0.3, 1.0])
def test_what_is_right_only_at_the_tie_is_wrong(factor):
    """0.5 is what torch's maximum has at a tie; elsewhere a ReLU's derivative is 0 or 1."""
    assert only(check_layer(relu, lambda d, x: factor * d, np.zeros(6))).verdict == "wrong"


def test_ties_that_float16_would_round_away():
    x = np.random.default_rng(6).standard_normal(24).astype(np.float16)
    x[:4] = 2.303
    assert only(check_layer(pool, pay_first, x)).verdict == "right"


@pytest.mark.parametrize("zeros", [1, 3, 12])
@pytest.mark.parametrize("name", ["nothing", "everything", "a tenth"])
def test_the_row_counts_the_entries_at_a_kink_and_its_numbers_do_not_contradict_each_other(name, zeros):
    x = np.random.default_rng(0).standard_normal(12)
    x[:zeros] = 0
    result = only(check_layer(relu, AT_ZERO[name], x))
    assert (result.verdict, result.kinks) == ("right", zeros)
    assert result.relative_error <= result.limit
    assert (result.probe is None) == (zeros == 12)
    if result.probe is not None:
        assert abs(result.probe.numeric - result.probe.autograd) <= result.probe.error + 1e-9
        assert abs(result.probe.numeric - result.probe.yours) <= result.probe.error + 1e-9


def test_kinks_where_autograd_has_the_same_convention_are_counted_too():
    def forward(x):
        mask = x > 0
        return x * mask, mask

    result = only(check_layer(forward, lambda dout, mask: dout * mask, np.array([[0.0, 1.0, -1.0, 0.0]])))
    assert (result.verdict, result.kinks, result.relative_error) == ("right", 2, 0)
    assert abs(result.probe.numeric - result.probe.yours) <= result.probe.error


def test_kinks_that_are_no_zeros_are_found_by_halving():
    def forward(x):
        mask = x > 1
        return (x - 1) * mask, mask

    x = np.random.default_rng(3).standard_normal((20, 30))
    x[[2, 5, 17], [1, 29, 4]] = 1.0
    result = only(check_layer(forward, lambda dout, mask: dout * mask, x))
    assert (result.verdict, result.kinks) == ("right", 3)
    assert abs(result.probe.numeric - result.probe.yours) <= result.probe.error


def test_kinks_too_many_to_be_found_are_said_without_a_number_and_without_a_probe():
    def forward(x):
        mask = x > 1
        return (x - 1) * mask, mask

    x = np.random.default_rng(3).standard_normal((20, 30))
    x[:, ::2] = 1.0
    result = only(check_layer(forward, lambda dout, mask: dout * mask, x))
    assert (result.verdict, result.kinks, result.probe) == ("right", 0, None)
    assert result.reason == "some of its entries are at a kink, and it is right beside it"


def test_a_tie_paid_in_full_is_named_on_its_row():
    x = np.random.default_rng(2).standard_normal(16)
    x[4:8] = 1.0
    report = check_layer(pool, pay_every, x)
    assert only(report).kinks == 4
    assert only(report).relative_error <= only(report).limit
    text = str(report)
    assert "every entry of a tie is paid in full, a convention that is accepted: moved" in text
    slope, yours = re.search(
        r"moved together they have the slope (\S+), and in yours (\S+)", " ".join(text.split())
    ).groups()
    assert abs(float(yours) / float(slope) - 4) < 0.01
    assert "4 entries at a kink, where the slopes differ, not in rel. error\n" in text


def test_kinks_in_float32_leave_rounding_alone_as_the_relative_error():
    x = np.random.default_rng(2).standard_normal(16)
    x[4:8] = 1.0
    result = only(check_layer(pool, pay_every, x, dtype="float32"))
    assert (result.verdict, result.kinks) == ("right", 4)
    assert result.relative_error < 1e-6


def test_kinks_without_a_trace_are_left_out_of_the_probe():
    def opaque(x):
        return np.array([max(v, 0.0) for v in np.frombuffer(x.tobytes())])

    result = only(check_layer(opaque, AT_ZERO["everything"], np.array([0.0, 1.0, -2.0, 3.0])))
    assert (result.verdict, result.kinks) == ("right", 1)
    assert result.relative_error < 1e-6
    assert abs(result.probe.numeric - result.probe.yours) <= result.probe.error + 1e-9


def dense_relu(x, w, b):
    z = x @ w + b
    return np.maximum(z, 0), (x, w, z)


def dense_relu_backward(at_corners):
    def backward(d, cache):
        x, w, z = cache
        dz = d * np.where(z == 0, at_corners, z > 0)
        return dz @ w.T, x.T @ dz, dz.sum(axis=0)

    return backward


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("at_corners", [0.0, 1.0])
def test_a_blank_row_puts_many_units_on_their_corner_at_once(at_corners, seed):
    rng = np.random.default_rng(seed)
    x, w = rng.standard_normal((6, 4)), rng.standard_normal((4, 3))
    x[2] = 0
    report = check_layer(dense_relu, dense_relu_backward(at_corners), x, w, np.zeros(3), seed=seed)
    assert report.ok
    wrong = check_layer(dense_relu, dense_relu_backward(3.0), x, w, np.zeros(3), seed=seed)
    assert not wrong.ok


def windows(x):
    return np.lib.stride_tricks.sliding_window_view(x, 3)[::2]


def overlapping_pool(x, best=np.max):
    return best(windows(x), axis=1)


def pay_one(d, x, last=False):
    out = np.zeros_like(x)
    for k, window in enumerate(windows(x)):
        out[2 * k + (2 - window[::-1].argmax() if last else window.argmax())] += d[k]
    return out


UPSTREAM = np.array([2.0, -1.0, 0.5, -3.0])


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("best", [np.max, np.amax], ids=["max", "amax"])
@pytest.mark.parametrize("last", [False, True], ids=["first", "last"])
def test_overlapping_tied_windows_pay_one_maximum_though_no_bracket_holds_it(last, best, dtype):
    x = np.array([1, 1, 1, 1, 1, 0, 2, 2, 2], dtype)
    result = only(
        check_layer(lambda x: overlapping_pool(x, best), lambda d, x: pay_one(d, x, last), x, upstream=UPSTREAM)
    )
    assert result.verdict == "right"
    assert (
        result.reason
        == f"the {'last' if last else 'first'} of equal ones is paid throughout, a convention that is accepted"
    )


def test_overlapping_tied_windows_that_forget_one_are_wrong():
    x = np.array([1, 1, 1, 1, 1, 0, 2, 2, 2.0])
    report = check_layer(overlapping_pool, lambda d, x: pay_one(d * [1, 0, 1, 1], x), x, upstream=UPSTREAM)
    assert not report.ok


def test_a_tie_is_a_kink_whatever_the_maximum_is_called():
    x = np.array([[1.0, 1, 0], [2, 0, 2]])

    def pay_all(d, x):
        return d[:, None] * (x == x.max(axis=1, keepdims=True))

    for best in (np.max, np.amax, lambda x, axis: np.maximum.reduce(x, axis)):
        assert only(check_layer(lambda x, best=best: best(x, 1), pay_all, x)).kinks == 4


def test_a_tied_module_in_float16_is_right():
    torch = pytest.importorskip("torch")
    x = torch.tensor(np.random.default_rng(0).integers(0, 4, (2, 2, 7, 7))).to(torch.float16)
    report = check_layer(torch.nn.MaxPool2d(3, 2), x)
    assert report.ok
