"""Infinities and NaN that are meant, or taken away again, are no births; NumPy's own warnings stay as they are."""

import warnings
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
from numpy_birth_network import births_of, network

from gradcheck import watch
from gradcheck.watching.arrays.follow import Follower


def train(net, h):
    """Something that uses every entry of h, and keeps the weights moving."""
    net.W -= 0.01 * net.x.T @ (net.x @ net.W) * np.tanh(h).mean()
    return (net.x @ net.W).sum()


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def mask_by_where(net, k):
    scores = net.x @ net.W
    return train(net, softmax(np.where(scores > scores.max(), scores, np.where(scores > -1, scores, -np.inf))))


def mask_by_writing(net, k):
    scores = net.x @ net.W
    scores[:, 1:][np.tri(5, 2, -1) > 0] = -np.inf
    return train(net, softmax(scores))


def mask_by_adding(net, k):
    return train(net, softmax((net.x @ net.W)[:3] + np.triu(np.full((3, 3), -np.inf), 1)))


def mask_in_an_attribute(net, k):
    return train(net, softmax((net.x @ net.W)[:3] + net.mask))


def where_log(net, k):
    return train(net, np.where(net.W > 0, np.log(net.W), 0.0))


def where_division(net, k):
    h = np.maximum(net.W, 0)
    return train(net, np.where(h > 0, 1 / h, 0.0))


def nan_to_num(net, k):
    return train(net, np.nan_to_num(np.log(net.W * 0), neginf=0.0))


def overwritten(net, k):
    y = np.log(net.W)
    y[~np.isfinite(y)] = 0.0
    return train(net, y)


def zeroed_in_place(net, k):
    y = np.log(net.W)
    np.nan_to_num(y, copy=False)
    return train(net, y)


def maximum_from_minus_infinity(net, k):
    best = np.full(3, -np.inf)
    for row in net.x @ net.W:
        best = np.maximum(best, row)
    return train(net, best)


def division_with_where(net, k):
    h = np.maximum(net.W, 0)
    return train(net, np.divide(1.0, h, out=np.zeros_like(h), where=h > 0))


def logistic_of_large(net, k):
    return train(net, 1 / (1 + np.exp(-(net.W * 1e5))))


def only_shown(net, k):
    np.log(net.W * 0).sum()  # looked at, and dropped
    return train(net, net.b)


def nanmean(net, k):
    y = np.where(net.W > 0, net.W, np.nan)
    return train(net, np.nanmean(y))


def best_so_far(net, k):
    loss = train(net, net.b)
    net.best = min(getattr(net, "best", np.inf), loss)
    return loss


HARMLESS = [
    mask_by_where, mask_by_writing, mask_by_adding, mask_in_an_attribute, where_log, where_division, nan_to_num,
    overwritten, zeroed_in_place, maximum_from_minus_infinity, division_with_where, logistic_of_large, only_shown,
    nanmean, best_so_far,
]  # fmt: skip


@pytest.mark.parametrize("step", HARMLESS, ids=lambda step: step.__name__)
def test_what_is_meant_is_no_birth(step):
    assert births_of(step, steps=4, mask=np.triu(np.full((3, 3), -np.inf), 1)) == []


def test_a_masked_row_with_nothing_left_is_a_birth_where_the_nan_is_made():
    def step(net, k):
        scores = net.x @ net.W
        scores[2] = -np.inf
        p = softmax(scores)
        net.W -= 0.1 * net.x.T @ p

    (birth,) = births_of(step)
    assert (birth.what, birth.operation, birth.where.function) == ("NaN", "-", "softmax")
    assert birth.operands[0] == "z[2, 0] = -inf"


def test_the_backward_of_where_is_a_birth():
    def step(net, k):
        x = np.maximum(net.W, 0)
        dx = np.where(x > 0, 1.0, 0.0) * (0.5 / np.sqrt(x))  # 0 · inf
        net.W -= 0.1 * dx

    (birth,) = births_of(step)
    assert (birth.what, birth.operation) == ("Inf", "/")
    assert birth.consequences[0].startswith("NaN in *")


def test_data_that_were_bad_before_are_named():
    net = network()
    net.x[1, 1] = np.nan
    (birth,) = births_of(lambda net, k: train(net, net.x @ net.W), net=net)
    assert "x held it when the watch began" in birth.remark


# -- the user's own way with floating-point errors ---------------------------------------------------------------


def divided(a):
    return a / 0.0


def logged(a):
    return np.log(a * 0)


def added(a):
    return np.full(3, 1e308) * 10 + a[0, 0]


@pytest.mark.parametrize("operation", [divided, logged, added])
@pytest.mark.parametrize("mode", ["ignore", "warn", "raise", "call"])
@pytest.mark.parametrize("inside", [False, True])
def test_warnings_are_what_they_would_be(operation, mode, inside):
    def told(a):
        calls = []
        own = np.errstate(all=mode, call=lambda *args: calls.append(args)) if inside else nullcontext()
        with own:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                try:
                    operation(a)
                except FloatingPointError as error:
                    return str(error)
            return [(str(w.message), w.category, w.filename, w.lineno) for w in caught], calls

    def outside():
        calls = []
        with np.errstate(all=mode, call=lambda *args: calls.append(args)):
            wanted = told(np.ones((2, 2)))
            expected = list(calls)
            calls.clear()
            net = network()
            follower = Follower(lambda birth: None)
            follower.follow(net)
            try:
                got = told(net.W)
            finally:
                follower.release()
            return wanted, expected, got, calls

    wanted, expected, got, calls = outside()
    assert (got, calls) == (wanted, expected)


def test_numpys_state_is_given_back():
    before = np.geterr(), np.geterrcall()
    births_of(lambda net, k: train(net, net.b), quiet=False)
    assert (np.geterr(), np.geterrcall()) == before


def test_numpy_tells_the_users_own_state_inside_a_watch():
    own = np.geterr, np.seterr, np.geterrcall
    before = np.geterr(), np.geterrcall()
    net = SimpleNamespace(W=np.ones(3))
    with watch(net), watch(SimpleNamespace(V=np.ones(2))):
        assert (np.geterr(), np.geterrcall()) == before
        old = np.seterr(over="ignore")
        assert old == before[0]
        assert np.geterr() == {**before[0], "over": "ignore"}
        np.seterr(**old)
        with pytest.warns(RuntimeWarning, match="overflow encountered in exp"):
            np.exp(net.W * 1000)
    np.seterr(**old)  # a state that was asked for inside, set again outside
    assert (np.geterr(), np.geterrcall()) == before
    assert (np.geterr, np.seterr, np.geterrcall) == own
