"""A gradient times, or over, an array at hand."""

import numpy as np
import pytest
from planted_arrays import cause, causes

from gradcheck import check_layer
from gradcheck.causes import difference_of

TIMES = {
    "times w": (lambda dw, w: dw * w, "multiply by w once less"),
    "divided by w": (lambda dw, w: dw / w, "multiply by w: it is left out"),
}


@pytest.mark.parametrize("says", TIMES)
def test_the_array_is_named(says):
    change, help_ = TIMES[says]
    finding = cause(lambda dw, dout, x, w: change(dw, w))
    assert (finding.code, finding.title) == ("GC213", f"dw is the true gradient {says}")
    assert finding.help == (help_,)


def test_the_array_in_the_place_of_its_gradient():
    finding = cause(lambda dw, dout, x, w: 1.0 * w)
    assert finding.title == "dw is w itself"
    assert finding.help == ("multiply w by the derivative: it is returned as it is",)


def test_the_parameter_in_the_place_of_the_input():
    rng = np.random.default_rng(2)
    x, w, dout = rng.standard_normal((3, 4, 5))
    [finding] = difference_of(dout * w, dout * x, "dw", {"x": x, "w": w}, None)
    assert finding.title == "dw is the true gradient with w in the place of x"
    assert finding.help == ("multiply by x, not by w",)


def test_an_array_that_is_broadcast():
    rng = np.random.default_rng(2)
    true, gamma = rng.standard_normal((6, 4)), rng.standard_normal(4)
    [finding] = difference_of(true / gamma, true, "dx", {"gamma": gamma}, None)
    assert finding.title == "dx is the true gradient divided by gamma"


def test_a_line_of_the_forward_is_named_before_an_array():
    x = np.random.default_rng(2).standard_normal((5, 4))
    [finding] = causes(check_layer(lambda x: np.tanh(x), lambda dout, x: dout, x))
    assert "tanh" in finding.title
    assert finding.where is not None


def test_an_array_that_is_not_at_hand_is_not_named():
    other = np.random.default_rng(9).standard_normal((4, 3))
    assert cause(lambda dw, dout, x, w: dw * other).code == "GC299"
