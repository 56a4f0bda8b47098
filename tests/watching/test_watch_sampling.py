"""Which steps are sampled: enough at first, few in the long run, and a burst where something moves."""

import itertools
import math

import pytest

from gradcheck.watching.sampling import Schedule


def sampled(schedule, steps, value=lambda k: 1.0):
    taken = []
    for k in range(steps):
        if schedule.samples(k):
            taken.append(k)
        schedule.saw("loss", value(k))
    return taken


def test_every_kth_step_where_that_is_asked_for():
    assert sampled(Schedule(10), 35, lambda k: 100.0**k) == [0, 10, 20, 30]
    assert sampled(Schedule(1), 5) == [0, 1, 2, 3, 4]


def test_the_first_steps_and_then_ever_fewer():
    taken = sampled(Schedule(), 10_000)
    assert taken[:8] == [0, 1, 2, 3, 4, 5, 6, 7]
    gaps = [b - a for a, b in itertools.pairwise(taken)]
    assert gaps == sorted(gaps)
    assert max(gaps) == 50


def test_a_long_run_pays_for_one_step_in_fifty():
    assert len(sampled(Schedule(), 100_000)) <= 100_000 / 50 + 40


def test_a_jump_starts_a_burst():
    taken = sampled(Schedule(), 2_000, lambda k: 1.0 if k < 1_030 else 1e3)
    assert [k for k in taken if 1_025 <= k <= 1_040] == [1031, 1032, 1033, 1034, 1035]


@pytest.mark.parametrize("value", [lambda k: 10.0 ** (3 * (k % 2)), lambda k: (-1.0) ** k])
def test_one_that_always_jumps_does_not_sample_every_step(value):
    assert len(sampled(Schedule(), 20_000, value)) <= 20_000 * 0.05


def test_after_a_nan_there_is_one_burst():
    taken = sampled(Schedule(), 5_000, lambda k: 1.0 if k < 2_000 else math.nan)
    assert len([k for k in taken if k > 2_000]) <= 3_000 / 50 + 6
