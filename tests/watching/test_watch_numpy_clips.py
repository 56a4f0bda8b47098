"""Values and gradients that are bounded: which call, how many entries, and whether the backward knows."""

import numpy as np
import pytest

from gradcheck import watch


class Clipped:
    """x -> x W -> bounded -> the sum of squares; ``mask`` makes the backward that belongs to the bound."""

    def __init__(self, bounded, low, high, masked):
        self.W = np.random.default_rng(0).normal(size=(4, 3))
        self.bounded, self.low, self.high, self.masked = bounded, low, high, masked

    def step(self, x):
        z = x @ self.W
        h = self.bounded(z)
        delta = h * 1.0
        if self.masked:
            delta = delta * ((z > self.low) & (z < self.high))
        self.W -= 0.01 * (x.T @ delta)


def first_sample(net, x):
    samples = []
    with watch(net, every=1, callback=samples.append) as health:
        net.step(x)
        health.step(loss=1.0)
    return samples[0]


X = np.random.default_rng(1).normal(size=(20, 4))

BOUNDS = [
    (lambda z: np.clip(z, -1, 1), -1, 1, "np.clip(z, -1, 1)"),
    (lambda z: z.clip(-1, 1), -1, 1, "z.clip(-1, 1)"),
    (lambda z: z.clip(min=-1, max=1), -1, 1, "z.clip(min=-1, max=1)"),
    (lambda z: np.clip(z, a_min=-1, a_max=1), -1, 1, "np.clip(z, a_min=-1, a_max=1)"),
    (lambda z: np.minimum(z, 0.5), None, 0.5, "np.minimum(z, 0.5)"),
    (lambda z: np.maximum(-0.5, z), -0.5, None, "np.maximum(-0.5, z)"),
    (lambda z: np.maximum(0.001, z), 0.001, None, "np.maximum(0.001, z)"),
]


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize(("bounded", "low", "high", "call"), BOUNDS)
def test_a_bound_its_entries_and_the_mask_of_the_backward(bounded, low, high, call, masked):
    net = Clipped(bounded, -np.inf if low is None else low, np.inf if high is None else high, masked)
    z = X @ net.W
    sample = first_sample(net, X)
    [clip] = sample.value_clips
    assert (clip.call, clip.low, clip.high) == (call, low, high)
    assert clip.where.file == __file__
    assert clip.entries == z.size
    assert clip.at_low == (0 if low is None else int((z <= low).sum()))
    assert clip.at_high == (0 if high is None else int((z >= high).sum()))
    assert clip.same_mask is masked
    assert clip.layer == sample.layers[-1].name


def test_the_zero_of_a_relu_is_no_bound():
    net = Clipped(lambda z: np.maximum(0, z), 0, np.inf, True)
    assert first_sample(net, X).value_clips == []


def test_a_bound_that_nothing_reaches_says_nothing_of_masks():
    net = Clipped(lambda z: np.clip(z, -500, 500), -500, 500, False)
    [clip] = first_sample(net, X).value_clips
    assert (clip.at_low, clip.at_high, clip.same_mask) == (0, 0, None)


class Linear:
    def __init__(self, clip):
        self.W = np.random.default_rng(0).normal(size=(4, 3))
        self.clip = clip

    def step(self, x):
        delta = x @ self.W
        dW = x.T @ delta
        dW = self.clip(dW)
        self.W -= 0.01 * dW


def in_place(g):
    g.clip(-2, 2, out=g)
    return g


def by_norm(g):
    norm = np.sqrt(np.sum(g**2))
    if norm > 2:
        g = g * (2 / norm)
    return g


def by_norm_in_place(g):
    norm = np.linalg.norm(g)
    if norm > 2:
        g *= 2 / norm
    return g


@pytest.mark.parametrize("clip", [lambda g: np.clip(g, -2, 2), lambda g: g.clip(-2, 2), in_place])
def test_a_gradient_bounded_by_value(clip):
    net = Linear(clip)
    gradient = X.T @ (X @ net.W)
    sample = first_sample(net, X)
    [found] = sample.gradient_clips
    assert found.limit == 2
    assert (found.entries, found.clipped) == (12, int((np.abs(gradient) >= 2).sum()))
    assert found.where.file == __file__
    [parameter] = sample.parameters
    assert parameter.gradient.norm == pytest.approx(np.linalg.norm(gradient))  # the one before
    assert parameter.lr == pytest.approx(0.01)  # of what was left
    assert sample.value_clips == []


@pytest.mark.parametrize("clip", [by_norm, by_norm_in_place])
def test_a_gradient_bounded_by_its_norm(clip):
    net = Linear(clip)
    gradient = X.T @ (X @ net.W)
    norm = np.linalg.norm(gradient)
    [found] = first_sample(net, X).gradient_clips
    assert found.norm == pytest.approx(norm)
    assert found.factor == pytest.approx(2 / norm)
    assert found.limit == pytest.approx(2)
    assert found.worst == "W"
    assert found.worst_norm == pytest.approx(norm)
