"""What a report says it would have caught is caught, and what was asked for beyond that is undecided."""

import json
import math

import numpy as np
import opaque
import pytest
import torch

from gradcheck import check_layer, check_network, load_report
from gradcheck.diagnosis.power import FEWEST, MISSED, MOST, probes_for, smallest_caught
from gradcheck.errors import GradcheckError
from gradcheck.power import percent, rounded_up
from gradcheck.views import console, html


def linear(x, w, b):
    return x @ w + b, (x, w)


def arrays(*sizes, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(size).astype(dtype) for size in sizes]


LAYER = ((4, 6), (6, 5), (5,))


def power_of(report, name="dw"):
    return next(g for g in report.gradients if g.name == name).power


def test_of_a_comparison_entry_by_entry_it_is_certain():
    power = power_of(check_layer(linear, opaque.linear_backward, *arrays(*LAYER)))
    assert (power.norm, power.probability, power.probes) == (1e-7, 1.0, 0)
    assert power.typical == pytest.approx(1e-7 * math.sqrt(30))
    assert power.each <= 1e-3


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("forward", [linear, opaque.linear])
def test_an_entry_that_is_off_by_as_much_as_stated_is_wrong(forward, dtype, seed):
    given = arrays(*LAYER, dtype=dtype, seed=seed)
    power = power_of(check_layer(forward, opaque.linear_backward, *given, budget=0))

    def off(dout, cache):
        dx, dw, db = opaque.linear_backward(dout, cache)
        dw = dw.astype(np.float64)
        dw[seed, 2] += 1.01 * power.entry
        return dx, dw, db

    report = check_layer(forward, off, *given, budget=0)
    assert [g.verdict for g in report.gradients] == ["right", "wrong", "right"]


def test_an_entry_that_is_small_beside_the_others_is_held_to_its_own_size():
    x, w, b = arrays(*LAYER)
    x[:, 0] *= 1e-5  # row 0 of dw is small
    power = power_of(check_layer(linear, opaque.linear_backward, x, w, b))
    assert power.each == pytest.approx(1e-3)

    def off(dout, cache):
        dx, dw, db = opaque.linear_backward(dout, cache)
        dw[0, 3] *= 1.0011
        return dx, dw, db

    assert power_of(check_layer(linear, off, x, w, b, budget=0)) is None
    assert not check_layer(linear, off, x, w, b, budget=0).ok


def test_a_tolerance_of_the_callers_is_what_rules():
    power = power_of(check_layer(linear, opaque.linear_backward, *arrays(*LAYER), rtol=1e-3))
    assert power.norm == pytest.approx(1e-3)
    assert power.each is None
    power = power_of(check_layer(linear, opaque.linear_backward, *arrays(*LAYER), atol=0.5))
    assert power.entry == pytest.approx(0.5)


def test_a_gradient_that_is_zero_has_a_power_in_its_own_units_alone():
    def centred(x, b):
        z = x + b
        return z - z.mean(axis=0), None

    def backward(dout, cache):
        return dout - dout.mean(axis=0), np.zeros(3)

    report = check_layer(centred, backward, *arrays((5, 3), (3,)), power=1e-3)
    assert report.ok
    power = power_of(report, "db")
    assert power.norm is None
    assert 0 < power.entry < 1e-8


def test_one_probe_of_a_module_sees_far_less_than_four():
    report = check_layer(torch.nn.Linear(5, 4).double(), torch.randn(3, 5, dtype=torch.float64))
    assert {g.power.probes for g in report.gradients} == {1}
    assert {g.power.probability for g in report.gradients} == {0.999}


def chance_of_less(cosine, entries):
    """P(|c| ≤ cosine) of a random direction's cosine with a fixed one, from its density."""
    ratio = math.exp(math.lgamma(entries / 2) - math.lgamma((entries - 1) / 2)) / math.sqrt(math.pi)
    c = np.linspace(0, cosine, 10_001)
    density = ratio * (1 - c**2) ** ((entries - 3) / 2)
    return float(np.sum((density[1:] + density[:-1]) / 2) * (c[1] - c[0]) * 2)


@pytest.mark.parametrize("entries", [2, 3, 10, 300, 100_000])
@pytest.mark.parametrize("probes", [1, 2, 4, 64])
def test_probes_miss_what_is_stated_no_more_often_than_stated(entries, probes):
    size = smallest_caught(1.0, entries, probes)
    assert chance_of_less(1 / size, entries) ** probes <= MISSED / 2
    if entries > 10 and probes <= 4:  # and it is no much smaller error that is
        assert chance_of_less(1.3 / size, entries) ** probes > MISSED / 2


def test_random_directions_are_as_the_derivation_has_them():
    rng = np.random.default_rng(0)
    v = rng.standard_normal((20_000, 50))
    cosines = np.abs(v[:, 0]) / np.linalg.norm(v, axis=1)
    for t in (0.05, 0.1, 0.3):
        assert np.mean(cosines <= t) == pytest.approx(chance_of_less(t, 50), abs=0.015)


def test_an_error_along_one_number_is_seen_by_one_probe():
    assert smallest_caught(2.0, 1, 1) == 4.0  # and it is asked for once more, to within as much again


@pytest.mark.parametrize("seed", [6, 10, 15, 30])
def test_an_opaque_forward_of_one_number_is_held_to_what_is_stated(seed):
    def forward(x):
        y = np.tanh(np.frombuffer(x.tobytes()).reshape(x.shape))
        return y, y

    def backward(d, y):
        return d * (1 - y * y)

    x = np.random.default_rng(seed).normal(size=(1, 1))
    power = check_layer(forward, backward, x, seed=seed).gradients[0].power
    for factor in (1 + 1.02 * power.norm, 1 - 1.02 * power.norm):

        def wrong(d, y, factor=factor):
            return backward(d, y) * factor

        assert not check_layer(forward, wrong, x, seed=seed, budget=0, raises=False).ok


def test_more_probes_are_made_where_more_is_asked_and_they_help():
    assert probes_for(None, 1e-6, 100) == FEWEST
    assert probes_for(1.0, 1e-6, 100) == FEWEST
    assert FEWEST < probes_for(3e-5, 1e-6, 100) < MOST
    assert probes_for(1e-9, 1e-6, 100) == FEWEST  # no number of them helps
    given = arrays(*LAYER)
    few = power_of(check_layer(opaque.linear, opaque.linear_backward, *given))
    report = check_layer(opaque.linear, opaque.linear_backward, *given, power=0.5 * few.typical)
    assert report.ok
    assert power_of(report).probes > few.probes
    assert power_of(report).typical <= 0.5 * few.typical


@pytest.mark.parametrize(
    ("forward", "dtype", "help_told"),
    [
        (linear, "float16", 'dtype="float64"'),
        (opaque.linear, "float64", "reference="),
        (linear, "float64", "check a smaller w"),
    ],
)
def test_what_was_not_reached_is_undecided(forward, dtype, help_told):
    report = check_layer(forward, opaque.linear_backward, *arrays(*LAYER, dtype=dtype), power=3e-7)
    assert not report.ok
    g = next(g for g in report.gradients if g.name == "dw")
    assert g.verdict == "undecided"
    assert g.reason.startswith("not enough evidence: a single entry may be off by")
    [found] = [f for f in report.findings if f.code == "GC140"]
    assert "dw" in found.gradient.split(", ")
    assert "3e-05 % was asked for" in found.title
    assert help_told in " ".join(found.help)
    assert "undecided" in str(report).splitlines()[0]


def test_what_is_wrong_stays_wrong():
    def backward(dout, cache):
        dx, dw, db = opaque.linear_backward(dout, cache)
        return dx, 2 * dw, db

    report = check_layer(linear, backward, *arrays(*LAYER), power=1e-4)
    assert [g.verdict for g in report.gradients] == ["right", "wrong", "right"]


@pytest.mark.parametrize("asked", [0, -1e-3, "1e-3", True, math.nan, math.inf, [1e-3]])
def test_a_power_that_is_none_is_refused(asked):
    with pytest.raises(GradcheckError, match="power: it must be the relative error of a single entry"):
        check_layer(linear, opaque.linear_backward, *arrays(*LAYER), power=asked)


def test_a_network_takes_it_too():
    class Net:
        def __init__(self):
            self.W = arrays((3, 2))[0]

        def loss(self, x):
            self.y = x @ self.W
            return 0.5 * np.sum(self.y**2)

        def backward(self, x):
            self.loss(x)
            return {"W": x.T @ self.y}

    net, (x,) = Net(), arrays((4, 3), seed=1)
    calls = {"loss": lambda: net.loss(x), "gradients": lambda: net.backward(x)}
    assert check_network(net, **calls, power=1e-3).ok
    assert [f.code for f in check_network(net, **calls, power=1e-12).findings] == ["GC140"]
    pair = [("fc", linear, opaque.linear_backward, *arrays((3, 5), (5,)))]
    assert check_network(pair, x, power=1e-3).ok


def test_the_report_says_it_in_one_line_where_all_is_right():
    report = check_layer(linear, opaque.linear_backward, *arrays(*LAYER))
    [line] = [line for line in str(report).splitlines() if line.startswith("  power ")]
    assert "would have caught a single entry off by" in line
    assert "any error of 1e-07 of the norm" in line
    assert "would have caught" in html.to_html(report)
    wrong = check_layer(linear, lambda dout, cache: 2 * dout, *arrays(*LAYER), wrt=["x"])
    assert "would have caught" not in str(wrong)
    probed = check_layer(opaque.linear, opaque.linear_backward, *arrays(*LAYER))
    assert "with probability 0.999" in console.to_text(probed, 200)


def test_it_is_read_back_from_json_and_older_reports_have_none():
    report = check_layer(linear, opaque.linear_backward, *arrays(*LAYER))
    assert load_report(report.to_json()) == report
    old = json.loads(report.to_json())
    for gradient in old["gradients"]:
        del gradient["power"]
    assert [g.power for g in load_report(json.dumps(old)).gradients] == [None] * 3


def test_shares_are_rounded_up():
    assert [rounded_up(x) for x in (1e-7, 1.01e-7, 0.0995, 12.3)] == ["1e-07", "1.1e-07", "0.1", "13"]
    assert percent(1e-3) == "0.1 %"
