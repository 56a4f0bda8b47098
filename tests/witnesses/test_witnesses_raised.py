"""Whose fault an exception is: the user's is said with its line, ours is raised as it is."""

import itertools

import numpy as np
import pytest

from gradcheck import check_layer, difference
from gradcheck.errors import GradcheckError
from gradcheck.witnesses.raised import raising_in, user_place


def broken():
    return np.stack([np.ones(2), np.ones(3)])


def test_the_users_line_is_named_though_numpy_raised_it():
    said = r"the forward raised ValueError: all input arrays .*test_witnesses_raised.py:\d+\)"
    with pytest.raises(GradcheckError, match=said), raising_in("forward"):
        broken()


def test_what_our_own_line_raises_stays_what_it_is():
    with pytest.raises(TypeError, match=r"Cannot cast ufunc 'subtract'"), raising_in("forward"):
        difference.relative_error("a", "b")


def test_our_own_words_stay():
    with pytest.raises(GradcheckError, match=r"^inputs: none"), raising_in("forward"):
        raise GradcheckError("inputs: none")


def test_a_later_call_that_raises_is_the_users():
    calls = itertools.count()  # a list would be put back after each call

    def forward(x):
        if next(calls) > 0:
            raise RuntimeError("only once")
        return x * 2

    with pytest.raises(GradcheckError, match="RuntimeError: only once"):
        check_layer(forward, lambda d: 2 * d, np.ones(3))


def test_the_place_is_outside_of_libraries():
    with pytest.raises(ValueError, match="same shape") as raised:
        broken()
    assert user_place(raised.value).function == "broken"
