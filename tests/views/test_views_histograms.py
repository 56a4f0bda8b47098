import re
from dataclasses import replace

import pytest
from test_views_html import Balance
from views_trainings import BORN, HEALTHY

from gradcheck.views.html_charts import charts
from gradcheck.views.spreads import histograms
from gradcheck.watched import Histogram

SPREAD = Histogram("output", -1.0, 3.0, (1, 0, 8, 4), entries=13, size=13, step=4)
DEAD = Histogram("gradient", 0.0, 0.0, (0, 0, 0, 0), log=True, zeros=30, entries=40, bad=10, size=900, step=5)
SMALL = Histogram("gradient", 1e-8, 1e-2, (0, 9, 1, 0), log=True, entries=10, size=900, step=5)


def with_histograms(report, *found, name=None):
    layers = report.watched.layers
    first = replace(layers[0], histograms=found, name=name or layers[0].name)
    return replace(report, watched=replace(report.watched, layers=(first, *layers[1:])))


def spoken(report):
    return [label for label in re.findall(r'aria-label="([^"]+)"', charts(report)) if "step " in label and ";" in label]


def test_histograms_stand_below_the_charts_and_are_told_in_words():
    drawn = charts(with_histograms(HEALTHY, SPREAD, DEAD, SMALL, name="<first>"))
    Balance(drawn)
    assert "histograms of what was found at fault" in drawn
    assert "&lt;first&gt;, output, step 4: from -1.00 to 3.00, most near 1.50; 13 entries" in drawn
    assert "every finite entry is 0" in drawn
    assert "40 of 900 entries, 75 % exactly 0, 25 % not finite" in drawn
    assert "magnitudes of the gradient, step 5: from 1.00e-08 to 0.0100, most near 1.78e-06" in drawn


def test_each_bar_is_as_high_as_its_share_and_an_empty_bin_has_none():
    svg = charts(with_histograms(HEALTHY, SPREAD))
    [path] = re.findall(r'<path class="bars" d="([^"]+)"', svg)
    heights = [float(h) for h in re.findall(r"v-([\d.]+)", path)]
    assert len(heights) == 3
    assert heights == pytest.approx([heights[1] / 8, heights[1], heights[1] / 2], abs=0.1)


def test_zero_is_marked_where_it_lies():
    [shown] = histograms(with_histograms(HEALTHY, SPREAD))
    assert shown.zero == pytest.approx(0.25)
    assert not shown.zero_named  # the word would stand in the number at the end


def test_a_training_without_faults_has_no_histograms():
    assert "histograms" not in charts(HEALTHY)
    assert histograms(replace(HEALTHY, watched=None)) == []


def test_they_are_drawn_below_the_four_panels_of_a_figure():
    pytest.importorskip("matplotlib")
    plain, shown = BORN.plot(), with_histograms(BORN, SPREAD, DEAD, SMALL, SPREAD, DEAD).plot()
    assert (len(plain.axes), len(shown.axes)) == (4, 9)
    assert shown.get_figheight() > plain.get_figheight()
    below = shown.axes[4]
    assert BORN.watched.layers[0].name in below.get_title(loc="left")
    assert "output, step 4" in below.get_title(loc="left")
    shown.canvas.draw()
