"""The report on a sweep: which configurations, which are wrong, and what they share."""

import numpy as np
import pytest

from gradcheck import check_layer, load_report
from gradcheck.outcome import collecting
from gradcheck.views.console import to_text
from gradcheck.views.html import to_html
from gradcheck.views.summary import Summary


def forward(x, scale=1, shift=0):
    return x * scale + shift, scale


def wrong_above_two(dout, scale):
    return dout * min(scale, 2)


def report(backward=wrong_above_two, **sweep):
    return check_layer(forward, backward, np.arange(6.0).reshape(2, 3) - 2.5, sweep=sweep or {"scale": [1, 2, 3, 4]})


def test_the_first_line_says_for_which():
    assert (
        str(report())
        .splitlines()[0]
        .startswith("✗ forward: wrong for every scale above 2, right for all others (2 of 4 configurations)")
    )
    right = report(lambda dout, scale: dout * scale)
    assert str(right).startswith("✓ forward: right in all 4 configurations")
    everywhere = report(lambda dout, scale: -dout)
    assert str(everywhere).startswith("✗ forward: wrong in all 4 configurations (dx)")


def test_each_configuration_has_a_row():
    lines = str(report(scale=[1, 3], shift=[0, 5])).splitlines()
    rows = [line.split() for line in lines if "✓ right" in line or "✗ wrong" in line]
    assert [row[:2] for row in rows] == [["1", "0"], ["1", "5"], ["3", "0"], ["3", "5"]]
    assert [row[4] for row in rows] == ["right", "right", "wrong", "wrong"]
    assert [row[5:] for row in rows] == [[], [], ["dx"], ["dx"]]


def test_many_right_ones_are_told_in_one_line():
    text = str(report(scale=[1, 2, 3], shift=list(range(20))))
    assert "40 more are right" in text
    assert text.count("✗ wrong") == 20


def test_what_was_not_checked_says_why():
    text = str(report(scale=[1, "a"]))
    assert "? undecided, not checked: the forward forward" in text


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_it_is_never_wider_than_the_page(width):
    assert max(map(len, to_text(report(scale=[1, 2, 3], shift=[0, 1, 2]), width).splitlines())) <= width


def test_html_and_the_summary_have_it_too():
    with collecting() as reports:
        made = report()
    assert "wrong for every scale above 2" in to_html(made)
    assert to_html(made).count("✗ wrong") == 2
    assert "GC130" in str(Summary(reports, [], ""))


def test_each_wrong_gradient_is_drawn_once_at_the_first_configuration():
    swept = report()
    assert [[one.name for one in c.drawn] for c in swept.configurations] == [[], [], ["dx"], []]
    page = to_html(swept)
    assert page.count("<details") == 1
    assert "<summary>dx in pictures, scale 3</summary>" in page
    assert page.count('class="map"') == 3
    assert load_report(swept.to_json()) == swept
