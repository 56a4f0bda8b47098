"""The first call of all is a part of the check: what is wrong in it alone, or in any but it, is found."""

import gc

import numpy as np
import pytest

from gradcheck import check_layer
from gradcheck.layers import adapt
from gradcheck.witnesses.numpy_subject import NumpySubject


def rng():
    return np.random.default_rng(3)


class Linear:
    """A right layer that counts its calls, so that one of them can be made wrong."""

    def __init__(self, wrong_in=(), forward_writes_in=(), writes_upstream_in=()):
        self.W = rng().standard_normal((4, 3))
        self.calls = self.forwards = 0
        self.wrong_in, self.forward_writes_in = wrong_in, forward_writes_in
        self.writes_upstream_in = writes_upstream_in

    def forward(self, x):
        self.x = x.copy()
        out = x @ self.W
        if self.forwards in self.forward_writes_in:
            x *= 2
        self.forwards += 1
        return out

    def backward(self, dout):
        factor = 2.0 if self.calls in self.wrong_in else 1.0
        self.dW = factor * self.x.T @ dout
        dx = dout @ self.W.T
        if self.calls in self.writes_upstream_in:
            dout *= 0
        self.calls += 1
        return dx


def codes(report):
    return {finding.code for finding in report.findings}


def test_a_right_layer_needs_no_call_beyond_the_first_and_two_more():
    x = rng().standard_normal((200, 4))
    layer = Linear()
    upstream = rng().standard_normal((200, 3))
    problem = adapt((layer, x), seed=0, upstream=upstream)
    subject = NumpySubject(problem, seed=0)
    assert subject.first is not None
    answer = subject.repeated({"x": 2 * x, "W": 1.5 * layer.W}, subject.values(), (4.0, 0.25))
    assert answer is not None
    answer = answer.yours
    np.testing.assert_array_equal(answer.upstreams[0], upstream)
    np.testing.assert_array_equal(answer.gradients["W"], x.T @ upstream)
    np.testing.assert_array_equal(answer.outputs[0], x @ layer.W)
    assert subject.counts == {"forward": 2, "backward": 2, "traced": 0}
    subject.restore()
    assert (layer.calls, layer.forwards) == (0, 0)


def test_a_first_call_of_another_dtype_is_not_used():
    problem = adapt((Linear(), rng().standard_normal((5, 4))), seed=0)
    assert problem.first is not None
    assert NumpySubject(problem, seed=0, dtype="float32").first is None


@pytest.mark.parametrize("wrong_in", [(0,), (1,), (0, 1, 2, 3), (1, 2, 3)])
def test_what_is_wrong_in_some_calls_only_is_found(wrong_in):
    report = check_layer(Linear(wrong_in=wrong_in), rng().standard_normal((5, 4)))
    assert not report.ok
    assert 0 not in wrong_in or [g.verdict for g in report.gradients] == ["right", "wrong"]


@pytest.mark.parametrize("written", [(0,), (0, 1, 2, 3)])
def test_a_forward_that_writes_into_its_input_is_found(written):
    assert "GC109" in codes(check_layer(Linear(forward_writes_in=written), rng().standard_normal((5, 4))))


@pytest.mark.parametrize("written", [(0,), (0, 1, 2, 3)])
def test_a_backward_that_writes_into_the_upstream_gradient_is_found(written):
    assert "GC107" in codes(check_layer(Linear(writes_upstream_in=written), rng().standard_normal((5, 4))))


def test_a_random_mask_is_the_same_in_the_first_call_and_all_others():
    def forward(x):
        mask = np.random.random(x.shape) < 0.5
        return x * mask, mask

    x = rng().standard_normal((30, 4))
    before = np.random.get_state()[1].copy()
    subject = NumpySubject(adapt((forward, lambda d, mask: d * mask, x), seed=5), seed=5)
    assert subject.repeated({"x": 2 * x}, {"x": x}, (4.0, 0.25)) is not None
    subject.restore()
    np.testing.assert_array_equal(before, np.random.get_state()[1])


def test_nothing_of_a_check_waits_for_the_garbage_collector():
    """Arrays in a cycle stay until the next collection: the memory of every check would be fresh, and slow."""
    x, w = rng().standard_normal((3, 4)), rng().standard_normal((4, 2))

    def forward(x, w):
        return np.maximum(x @ w, 0), (x, w)

    def backward(dout, cache):
        x, w = cache
        dout = dout * (x @ w > 0)
        return dout @ w.T, x.T @ dout

    check_layer(forward, backward, x, w)
    gc.collect()
    gc.disable()
    try:
        before = {id(o) for o in gc.get_objects()}
        check_layer(forward, backward, x, w)
        left = {type(o).__name__ for o in gc.get_objects() if id(o) not in before}
    finally:
        gc.enable()
    assert not left & {"Trace", "TracedArray", "Tensor", "Pair", "Snapshot", "FirstCall"}
