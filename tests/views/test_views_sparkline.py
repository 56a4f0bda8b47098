import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from gradcheck.views.plain import to_ascii
from gradcheck.views.sparkline import ALIKE, CALM, Scale, bar, curve

NAN, INF = math.nan, math.inf
ANY = st.lists(st.none() | st.floats(), max_size=80)


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([], ""),
        ([1.0], "▄"),
        ([0.3, 0.3, 0.3], "▄▄▄"),
        ([1.0, 1.05, 0.95, 1.02], "▄▄▄▄"),
        ([10.0**n for n in range(8)], "▁▂▃▄▅▆▇█"),
        ([10.0 ** -n for n in range(8)], "█▇▆▅▄▃▂▁"),
        ([1.0, 10.0], "▁█"),
        ([None, 1.0, None, 10.0], " ▁ █"),
        ([None, None], "  "),
        ([0.0, 1.0, 10.0, 0.0], "0▁█0"),
        ([0.0, 0.0], "00"),
        ([1.0, 10.0, INF, NAN], "▁█!!"),
        ([NAN, -INF], "!!"),
        ([5e-324, 1.7e308], "▁█"),
        ([-1.7e308, 0.0, 1.7e308], "▁▅█"),
        ([-3.0, -3.1, -3.05], "▄▄▄"),
        ([-1.0, 0.0, 1.0], "▁▅█"),
        ([-5e-324, 5e-324], "▁█"),
    ],
)  # fmt: skip
def test_a_curve_of_few_values_has_a_character_for_each(values, drawn):
    assert curve(values, 20) == drawn


def test_many_values_share_characters_and_the_largest_of_them_shows():
    assert curve([1.0] * 50 + [100.0] + [1.0] * 49, 10) == "▁▁▁▁▁█▁▁▁▁"
    assert curve([1.0] * 99 + [NAN], 10) == "▄▄▄▄▄▄▄▄▄!"
    assert curve([1.0, 0.0, 0.0, 0.0], 2) == "▄0"
    assert curve([1.0, None, None, None, 10.0, 10.0], 3) == "▁ █"


@given(ANY, st.integers(1, 40))
def test_a_curve_is_as_long_as_the_page_or_the_course(values, width):
    drawn = curve(values, width)
    assert len(drawn) == cell_len(drawn) == min(len(values), width)
    assert len(to_ascii(drawn)) == len(drawn)


@given(st.lists(st.floats(1e-300, 1e300), min_size=2, max_size=8))
def test_larger_values_are_never_lower(values):
    drawn = curve(values, 8)
    pairs = list(zip(values, drawn, strict=True))
    for (x, a), (y, b) in itertools.pairwise(sorted(pairs)):
        assert x == y or a <= b


@given(ANY, st.none() | st.floats(), st.integers(1, 20))
def test_a_bar_fits_its_cells(values, value, width):
    drawn = bar(value, Scale([*values, value], ALIKE), width)
    assert cell_len(drawn) <= width
    assert bool(drawn) == (value is not None and math.isfinite(value) and (value > 0 or min(finite(values, value)) < 0))


def finite(values, value):
    return [x for x in (*values, value) if x is not None and math.isfinite(x)]


def test_bars_compare_orders_of_magnitude():
    scale = Scale([1e-8, 1e-4, 1.0], ALIKE)
    assert [bar(x, scale, 4) for x in (1e-8, 1e-4, 1.0)] == ["▏", "██", "████"]
    alike = Scale([0.5, 1.0], ALIKE)
    assert len(bar(0.5, alike, 8)) == len(bar(1.0, alike, 8)) == 4


def test_a_scale_is_lengthened_to_what_was_asked():
    scale = Scale([1.0, 2.0], CALM)
    assert 0 < scale.at(1.0) < 0.5 < scale.at(2.0) < 1
    assert math.isclose(scale.at(2.0) - scale.at(1.0), math.log10(2))
    assert scale.at(1e9) == 1.0
    assert not scale.has(0.0)
    assert not scale.has(-1.0)
