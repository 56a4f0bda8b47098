"""A run of the user's code that does not end is ended; everything else is left alone."""

import sys
import threading
import time

import numpy as np
import pytest

from gradcheck import check_layer
from gradcheck.witnesses.patience import TooLongError, at_most, once_more


def endless():
    count = 0
    while True:
        count += 1


@pytest.fixture(autouse=True)
def _untraced():
    """Coverage tools trace; here nothing does."""
    before = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(before)


def test_a_loop_without_end_is_ended():
    with pytest.raises(TooLongError), at_most(0.05):
        endless()
    assert sys.gettrace() is None


def test_what_ends_is_not_touched():
    with at_most(60.0):
        assert sum(range(10)) == 45
    assert sys.gettrace() is None


def test_what_ended_soon_runs_unwatched_when_it_is_traced():
    with once_more(60.0, time.monotonic()):
        assert sys.gettrace() is None
    with once_more(60.0, time.monotonic() - 7.0):
        assert sys.gettrace() is not None
    assert sys.gettrace() is None


def test_a_debugger_keeps_its_trace():
    def mine(frame, event, argument):
        return None

    sys.settrace(mine)
    with at_most(0.0):
        assert sum(k for k in range(10)) == 45
        assert sys.gettrace() is mine
    sys.settrace(None)
    assert threading.gettrace() is None


def newton(a):
    x = np.ones_like(a)
    while np.max(np.abs(x * x - a)) > 1e-10:
        x = 0.5 * (x + a / x)
    return x


def test_a_forward_that_ends_only_for_positive_numbers_is_checked():
    a = np.array([0.5, 1.0, 2.0, 7.0])
    assert check_layer(newton, lambda d, a: d * 0.5 / np.sqrt(a), a).ok
    assert not check_layer(newton, lambda d, a: d * 0.4 / np.sqrt(a), a).ok
