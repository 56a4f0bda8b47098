"""Histograms from a part of the entries: where they lie, what is left out, and that no unit is missed."""

import math

import numpy as np
import pytest
from made_samples import layer, sample

from gradcheck.health.monitor import Monitor
from gradcheck.health.rule import Rule
from gradcheck.health.spread import every_kth, histogram_of
from gradcheck.report import Finding


def of(values, what="output", **more):
    values = np.asarray(values, dtype=float)
    return histogram_of(values, what, values.size, **more)


def test_entries_are_counted_between_the_smallest_and_the_largest():
    found = of([-1.0, -1.0, 0.5, 3.0])
    assert (found.low, found.high) == (-1.0, 3.0)
    assert (found.counts[0], found.counts[-1], sum(found.counts)) == (2, 1, 4)


def test_gradients_are_counted_by_magnitude_on_a_log_scale():
    found = of([1e-8, -1e-8, 1e-2, 1e-5], "gradient")
    assert found.log
    assert (found.low, found.high) == pytest.approx((1e-8, 1e-2))
    assert (found.counts[0], found.counts[16], found.counts[-1]) == (2, 1, 1)


def test_zeros_and_what_is_not_finite_are_in_no_bin_and_counted():
    found = of([0.0, 0.0, math.nan, math.inf, 2.0])
    assert (found.zeros, found.bad, sum(found.counts), found.entries) == (2, 2, 1, 5)


def test_an_array_of_zeros_has_no_bar_and_one_of_nans_no_histogram():
    assert sum(of(np.zeros(9)).counts) == 0
    assert of([math.nan, math.inf]) is None


@pytest.mark.parametrize("values", [[1e308, -1e308], [5.0, 5.0], [5e-324, 1e-323], [1.0, np.nextafter(1.0, 2.0)]])
def test_the_ends_of_the_range_and_no_range_at_all(values):
    with np.errstate(all="raise"):
        found = of(values)
    assert sum(found.counts) == 2


def test_a_losss_scale_is_taken_out():
    assert of([1024.0, 2048.0], "gradient", scale=1024.0).low == pytest.approx(1.0)


@pytest.mark.parametrize("shape", [(20, 1000), (64, 512), (5, 4096), (100_000,), (32, 64, 56, 56), (7,)])
def test_a_few_thousand_entries_show_every_unit(shape):
    places = np.arange(math.prod(shape))[:: every_kth(shape)]
    assert len(places) <= 4096
    units = {int(place) % shape[-1] for place in places}
    assert len(units) == min(shape[-1], len(places))


class Named(Rule):
    """Finds the last layers at fault, and remarks on the first."""

    def findings(self):
        yield from (Finding("GC000", "warning", "at fault", layer=f"fc{i}") for i in range(2, 10))
        yield from (Finding("GC000", "error", "at fault", layer=f"fc{i}") for i in range(10, 12))
        yield Finding("GC000", "info", "a remark", layer="fc0")
        yield Finding("GC000", "error", "of none", layer="elsewhere")


def test_layers_are_chosen_once_a_finding_names_them_and_no_more_than_eight(monkeypatch):
    monkeypatch.setattr("gradcheck.health.monitor.rules", lambda: [Named()])
    monitor = Monitor()

    def observe(step):
        shown = (histogram_of(np.ones(3), "output", 3),)
        rows = [layer(n, histograms=shown if n in monitor.wanted else ()) for n in (f"fc{i}" for i in range(12))]
        monitor.observe(sample(step, layers=rows))

    observe(0)
    chosen = monitor.wanted
    assert chosen == {"fc2", "fc3", "fc4", "fc5", "fc6", "fc7", "fc10", "fc11"}
    observe(7)
    assert monitor.wanted == frozenset()
    observe(8)
    told = {row.name: row.histograms[0].step for row in monitor.watched(monitor.findings()).layers if row.histograms}
    assert told == dict.fromkeys(chosen, 7)
