"""A few entries in which autograd's gradient is NaN do not keep the others from being compared."""

import numpy as np
import pytest

from gradcheck import check_layer

X = np.random.default_rng(0).standard_normal((3, 4))
X[1] = 0


def length(x):
    return np.sqrt((x**2).sum(-1)), x


def backward(factor=1.0, at_zero=0.0):
    def back(dout, x):
        n = np.sqrt((x**2).sum(-1, keepdims=True))
        return np.where(n > 0, factor * dout[:, None] * x / np.where(n > 0, n, 1), at_zero)

    return back


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_subgradient_at_zero_is_right(dtype):
    report = check_layer(length, backward(), X.astype(dtype))
    assert report.ok
    assert report.gradients[0].kinks == 4


def test_other_rows_that_are_wrong_are_wrong():
    report = check_layer(length, backward(1.5), X)
    assert report.gradients[0].verdict == "wrong"
    assert "others are wrong" in report.gradients[0].reason
    assert report.gradients[0].relative_error == pytest.approx(0.5)


def test_no_subgradient_is_not_right():
    assert not check_layer(length, backward(at_zero=3.0), X).ok


def test_nan_of_ones_own_in_other_entries_is_wrong():
    def back(dout, x):
        dx = backward()(dout, x)
        dx[0, 0] = np.nan
        return dx

    assert check_layer(length, back, X).gradients[0].verdict == "wrong"


def test_nan_where_autograd_has_it_is_undecided_unless_others_are_wrong():
    assert check_layer(length, backward(at_zero=np.nan), X).gradients[0].verdict == "undecided"
    assert check_layer(length, backward(2.0, np.nan), X).gradients[0].verdict == "wrong"
