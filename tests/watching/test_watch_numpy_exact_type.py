"""What code is told that asks for the type of an array under watch."""

import functools

import numpy as np
import pytest

from gradcheck import watch

TABLE = {np.ndarray: "an array", float: "a number"}


class Net:
    def __init__(self):
        self.W = np.ones((3, 2))
        self.told = []

    def step(self, x):
        out = x @ self.W
        self.told = self.asks()
        self.W -= 0.01 * x.T @ out
        return float((out**2).sum())

    def asks(self):
        return []


class Equal(Net):
    def asks(self):
        W = self.W
        return [
            isinstance(W, np.ndarray),
            type(W) == np.ndarray,  # noqa: E721  # that is what is asked
            np.ndarray == type(W),  # noqa: E721  # the other way round
            not (type(W) != np.ndarray),  # noqa: E721, SIM202  # and with its opposite
            type(W) in (list, np.ndarray),
            W.__class__ is np.ndarray,
            TABLE[type(W)] == "an array",
            kind(W) == "an array",
            type(W) != float,  # noqa: E721  # nothing else is equal
        ]


class Same(Net):
    def step(self, x):
        if type(self.W) is not np.ndarray:
            x = np.asarray(x)
        return super().step(x)


class Refusing(Net):
    def step(self, x):
        if not type(self.W) is np.ndarray:  # noqa: E714  # both ways of writing it
            raise TypeError("W is to be an array")
        return super().step(x)


@functools.singledispatch
def kind(value):
    return "something"


@kind.register
def _(value: np.ndarray):
    return "an array"


def trained(net):
    with watch(net, every=1) as health:
        for _ in range(3):
            health.step(loss=net.step(np.ones((4, 3))))
    assert type(net.W) is np.ndarray  # asked of an array that is plain again
    return health.report(raises=False)


def test_code_that_compares_types_or_looks_them_up_finds_an_ndarray():
    net = Equal()
    report = trained(net)
    assert net.told == [True] * 9
    assert not [sentence for sentence in report.watched.unseen if "asks whether" in sentence]


def test_code_that_asks_for_the_very_class_is_told_of():
    [sentence] = [one for one in trained(Same()).watched.unseen if "asks whether" in one]
    assert "test_watch_numpy_exact_type.py:" in sentence
    assert "asks whether type(self.W) is not np.ndarray: not so of an array that is followed" in sentence


def test_an_error_that_may_come_of_it_says_so():
    with pytest.raises(TypeError) as raised:
        trained(Refusing())
    [note] = raised.value.__notes__
    assert "asks whether type(self.W) is np.ndarray" in note
    assert "isinstance() and == say that it is an np.ndarray" in note
