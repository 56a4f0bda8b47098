"""Where tolerances are given the report says whether they or rounding ruled."""

import numpy as np
import pytest

from gradcheck import check_layer

X = np.random.default_rng(0).normal(size=(4, 3))


def checked(off, **tolerances):
    report = check_layer(np.tanh, lambda dout, x: off * dout * (1 - np.tanh(x) ** 2), X, raises=False, **tolerances)
    [g] = report.gradients
    return g, str(report)


def test_a_difference_that_only_rtol_allows_says_so():
    g, text = checked(1.001, rtol=1e-2)
    assert g.verdict == "right"
    assert g.reason == "within rtol = 0.01 as asked; rounding explains 1e-07"
    assert g.reason in text


def test_a_difference_that_only_atol_allows_is_not_called_rounding():
    g, text = checked(1.001, atol=1e-2)
    assert g.verdict == "right"
    assert g.reason.startswith("‖yours - true‖ = 2.9e-03 is within atol = 0.01 as asked")
    assert g.relative_error == pytest.approx(1e-3)
    assert "rounding alone" not in text


def test_a_difference_above_rtol_names_it():
    g, _ = checked(1.001, rtol=1e-4)
    assert g.verdict == "wrong"
    assert "held to rtol = 0.0001 as asked" in g.reason


def test_a_tolerance_below_rounding_is_told_beside_it():
    g, _ = checked(1 + 3e-8, rtol=1e-9)
    assert g.verdict == "wrong"
    assert g.reason == "held to rtol = 1e-09 as asked; rounding explains 1e-07"


@pytest.mark.parametrize("tolerances", [{}, {"rtol": 1e-4}, {"atol": 1e-4}, {"rtol": 1e-3, "atol": 1e-5}])
def test_where_both_agree_nothing_is_said(tolerances):
    g, _ = checked(1.0, **tolerances)
    assert (g.verdict, g.reason) == ("right", "")
