import re
from dataclasses import replace

import pytest
from test_views_html import Balance
from views_trainings import BORN, DEEP, HEALTHY, NOTHING, TRAININGS, VANISHING, layer, steady

from gradcheck.views.courses import BAND, births, chosen, depth
from gradcheck.views.html import to_html
from gradcheck.views.html_charts import charts
from gradcheck.views.svg_chart import HEIGHT, WIDTH, Chart, Line
from gradcheck.watched import Series, Watched


def labels(report):
    return re.findall(r'aria-label="([^"]+)"', charts(report))


def test_a_training_is_drawn_against_depth_and_over_the_steps():
    told = [label.partition(":")[0] for label in labels(HEALTHY)]
    assert told == [
        "rms of every layer, last sample against depth, on a log scale",
        "loss against step, on a log scale",
        "activation rms against step, on a log scale",
        "gradient rms against step, on a log scale",
    ]


def test_the_healthy_band_is_a_factor_around_the_median():
    for found in depth(HEALTHY):
        low, high = found.band
        assert high / low == pytest.approx(BAND)
        assert all(low < x < high for x in found.values)
    gradient = depth(VANISHING)[1]
    assert min(gradient.values) < gradient.band[0]


@pytest.mark.parametrize("size", [1.14e307, 1.7e308, 1e-320])
def test_sizes_near_the_ends_of_float64_have_a_band_that_can_be_drawn(size):
    watched = replace(
        HEALTHY.watched, layers=tuple(replace(one, activation=steady(size, 0.0)) for one in HEALTHY.watched.layers)
    )
    report = replace(HEALTHY, watched=watched)
    low, high = depth(report)[0].band
    assert 0 < low <= high < float("inf")
    assert charts(report)


def test_a_birth_is_marked_at_its_layer_and_its_step():
    [birth] = births(BORN)
    assert (birth.layer, birth.step, birth.told) == (2, 48, "NaN")
    assert charts(BORN).count('<path class="mark"') == 4
    assert ">NaN</text>" in charts(BORN)


def test_of_many_layers_few_are_drawn_and_those_at_fault_among_them():
    few = chosen(DEEP.watched.layers)
    assert len(few) <= 8
    assert any(layer.codes for layer in few)
    assert (few[0], few[-1]) == (DEEP.watched.layers[0], DEEP.watched.layers[-1])


@pytest.mark.parametrize(
    "report",
    [
        NOTHING,
        replace(HEALTHY, watched=None),
        replace(HEALTHY, watched=Watched(3, 1, layers=(layer("a", "linear", (2,), Series(), Series()),))),
    ],
)
def test_where_nothing_was_measured_nothing_is_drawn(report):
    assert charts(report) == ""
    assert "<svg" not in to_html(report)


def test_zeros_and_what_is_not_finite_have_no_place_on_a_log_scale():
    course = Series((0, 1, 2, 3, 4), (1.0, 0.0, None, float("nan"), 100.0))
    watched = Watched(5, 5, layers=(layer("a", "linear", (2,), course, steady(1)),) * 2)
    Balance(charts(replace(HEALTHY, watched=watched)))
    assert depth(replace(HEALTHY, watched=watched))[0].values == (100.0, 100.0)


@pytest.mark.parametrize("points", [[(0, 1.0)], [(0, 1.0), (1, 1.0)], [(0, -3.0), (5, 3.0)], [(0, 0.0), (9, 0.0)]])
def test_every_point_lies_in_the_picture(points):
    svg = Chart("loss", "step", [Line("<a>", points, "#000000")], [(points[-1][0], "NaN")]).to_svg()
    assert "&lt;a&gt;" in svg
    places = re.search(r'<path class="line" [^>]*d="M([^"]+)"', svg).group(1)
    for place in places.split("L"):
        x, y = map(float, place.split())
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT


@pytest.mark.parametrize("name", TRAININGS)
def test_pages_stay_small(name):
    assert len(to_html(TRAININGS[name])) < 40_000
