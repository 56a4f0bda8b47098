"""A first difference that meets what another witness says saves the second; one that does not is looked into."""

import math
from collections.abc import Callable

import pytest

from gradcheck.witnesses.derivative import derivative


class Counted:
    """(sin(1 + h) - sin(1 - h), its rounding error), and how often it was asked for."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, h: float) -> tuple[float, float]:
        self.calls += 1
        return math.sin(1 + h) - math.sin(1 - h), 1e-16


def test_one_step_is_enough_where_it_meets_the_other_witness() -> None:
    slope = Counted()
    found = derivative(slope, target=1e-6, expected=math.cos(1))
    assert slope.calls == 1
    assert found.error == 1e-6
    assert found.fits(math.cos(1))


@pytest.mark.parametrize("expected", [None, math.cos(1) + 2e-6, -math.cos(1), 0.0, math.nan, math.inf])
def test_any_other_expectation_changes_nothing(expected: float | None) -> None:
    slope = Counted()
    found = derivative(slope, target=1e-6, expected=expected)
    assert slope.calls > 1
    assert found == derivative(Counted(), target=1e-6)
    assert found.fits(math.cos(1))


@pytest.mark.parametrize("corner", [0.0, 0.5, -2.0])
def test_a_corner_is_told_from_curvature(corner: float) -> None:
    def function(h: float) -> float:
        return math.exp(h) + corner * max(h, 0.0)

    def difference(h: float) -> tuple[float, float, Callable[[], float]]:
        up, down = function(h), function(-h)
        return up - down, 1e-16, lambda: up - 2 * function(0) + down

    assert derivative(difference, target=1e-3).corner == pytest.approx(corner, abs=1e-8)
    assert math.isnan(derivative(difference, target=1e-3, once=True).corner)


def test_no_change_at_all_is_not_taken_for_a_zero_slope() -> None:
    found = derivative(lambda h: (0.0, 0.0) if h < 0.01 else (2 * h, 0.0), target=1e-6, expected=0.0)
    assert not (found.value == 0.0 and found.error <= 1e-6)


def test_a_single_step_says_a_value_and_what_was_asked_for_as_its_error() -> None:
    slope = Counted()
    found = derivative(slope, target=1e-6, once=True)
    assert slope.calls == 1
    assert found.error == 1e-6
    assert found.fits(math.cos(1))


@pytest.mark.parametrize(("noise", "error"), [(1e-3, 10.0), (math.nan, math.inf)])
def test_a_single_step_amid_noise_says_how_much_there_is(noise: float, error: float) -> None:
    found = derivative(lambda h: (2 * h, noise), target=1e-6, once=True)
    assert found.error == pytest.approx(error)
