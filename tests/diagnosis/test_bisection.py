"""Behind a forward that nothing can look into, wrong entries are found in few evaluations of it."""

import ctypes
import math

import numpy as np
import pytest
import torch

from gradcheck import check_layer
from gradcheck.diagnosis.bisection import MOST

# Evaluations of the forward for k wrong entries of n: c · k · log₂n, and those of a check that passes.
C, PASSING = 6, 40


def through_c(function):
    """``function`` behind a copy into C's memory, where no trace follows."""

    def forward(x):
        raw = (ctypes.c_double * x.size).from_buffer_copy(np.ascontiguousarray(x))
        return function(np.frombuffer(raw, np.float64).reshape(x.shape).copy())

    return forward


LAYERS = {
    "cube": (lambda x: x**3 / 3 + x, lambda x: x * x + 1),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "linear": (lambda x: 3 * x, lambda x: 3 + 0 * x),
}


def checked(layer, n, bad, off=0.5, **options):
    function, slope = LAYERS[layer]

    def backward(dout, x):
        dx = dout * slope(x)
        dx[bad] += off * np.sqrt(np.mean(dx * dx))
        return dx

    x = np.random.default_rng(0).normal(size=n)
    return check_layer(through_c(function), backward, x, raises=False, **options)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(("n", "k"), [(100, 1), (100, 3), (1_000, 1), (1_000, 10), (1_000, 30), (20_000, 1)])
def test_a_few_wrong_entries_of_many_are_listed_and_evaluations_grow_as_their_number_times_the_logarithm(layer, n, k):
    bad = np.random.default_rng(k).choice(n, k, replace=False)
    report = checked(layer, n, bad)
    [g] = report.gradients
    assert g.verdict == "wrong"
    assert g.compared_with == "numeric"
    assert {e.index[0] for e in g.worst} == set(bad.tolist())
    assert f"{k} of {n:,} entries" in g.reason
    assert dict(report.evaluations)["forward"] <= C * k * math.log2(n) + PASSING


def test_one_entry_of_a_hundred_thousand_costs_about_a_hundred_evaluations():
    report = checked("linear", 100_000, [77_777])
    [entry] = report.gradients[0].worst
    assert entry.index == (77_777,)
    assert abs(entry.yours - entry.numeric) > 1e3 * entry.numeric_error
    assert dict(report.evaluations)["forward"] <= C * math.log2(100_000) + PASSING


def test_where_all_are_wrong_the_worst_few_are_told_and_the_search_ends():
    report = checked("cube", 5_000, np.arange(5_000))
    [g] = report.gradients
    assert (g.verdict, g.reason, len(g.worst)) == ("wrong", "", 5)
    assert dict(report.evaluations)["forward"] <= 8 * MOST + PASSING


def test_a_right_one_costs_the_probes_alone():
    report = checked("tanh", 5_000, [])
    assert report.ok
    assert dict(report.evaluations)["forward"] <= PASSING


def test_a_small_error_beside_large_ones_is_found_as_well():
    def backward(dout, x):
        dx = 3 * dout
        dx[10] *= 100
        dx[900] *= 1.01
        return dx

    x = np.random.default_rng(0).normal(size=1000)
    report = check_layer(through_c(lambda x: 3 * x), backward, x, raises=False)
    assert [e.index for e in report.gradients[0].worst] == [(10,), (900,)]


def test_entries_at_a_corner_are_not_wrong_among_a_thousand():
    x = np.random.default_rng(0).normal(size=1000)
    x[[3, 500]] = 0
    relu = through_c(lambda x: np.maximum(x, 0))
    report = check_layer(relu, lambda dout, x: dout * (x > 0), x, upstream=np.ones(1000))
    assert report.ok
    assert report.gradients[0].kinks == 2

    def backward(dout, x):
        dx = dout * (x > 0)
        dx[7] += 1
        return dx

    report = check_layer(relu, backward, x, upstream=np.ones(1000), raises=False)
    assert [e.index for e in report.gradients[0].worst] == [(7,)]


def test_beside_a_torch_reference_the_entries_are_told_without_a_search():
    def backward(dout, x):
        dx = 3 * dout
        dx[[10, 900]] *= 2
        return dx

    x = np.random.default_rng(0).normal(size=1000)
    report = check_layer(through_c(lambda x: 3 * x), backward, x, reference=lambda x: torch.mul(x, 3), raises=False)
    [g] = report.gradients
    assert g.compared_with == "reference"
    assert {e.index for e in g.worst} == {(10,), (900,)}
    assert dict(report.evaluations)["forward"] <= PASSING
