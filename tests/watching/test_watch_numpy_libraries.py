"""What no array protocol shows: arrays that a loop fills, and SciPy's functions that begin with np.asarray."""

import importlib
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.special
from scipy.special import softmax

from gradcheck import watch

CREATING = ("zeros", "empty", "ones", "full")


def data(n=6):
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, 6, 6)), rng.integers(0, 3, n)


def convolved(net, x, y, create):
    out = create(len(x), 2, 4, 4)
    for i in range(4):
        for j in range(4):
            out[:, :, i, j] = np.tensordot(x[:, i : i + 3, j : j + 3], net.K, axes=([1, 2], [1, 2]))
    h = np.maximum(out, 0)
    f = h.reshape(len(x), -1)
    p = softmax(f @ net.V, axis=1)
    d = (p - np.eye(3)[y]) / len(y)
    df = (d @ net.V.T).reshape(out.shape) * (out > 0)
    dK = np.zeros_like(net.K)
    for i in range(4):
        for j in range(4):
            dK += np.einsum("nf,nij->fij", df[:, :, i, j], x[:, i : i + 3, j : j + 3])
    net.V -= 0.1 * f.T @ d
    net.K -= 0.1 * dK
    return out, -np.log(p[np.arange(len(y)), y]).mean()


def network():
    rng = np.random.default_rng(0)
    return SimpleNamespace(K=rng.normal(size=(2, 3, 3)) * 0.3, V=rng.normal(size=(32, 3)) * 0.2)


@pytest.mark.parametrize(
    "create",
    [
        lambda *shape: np.zeros(shape),
        lambda *shape: np.empty(shape),
        lambda *shape: np.ones(shape),
        lambda *shape: np.full(shape, 7.0),
    ],
    ids=CREATING,
)
def test_what_a_loop_fills_is_followed_and_the_numbers_are_the_same(create):
    net, bare, samples = network(), network(), []
    x, y = data()
    with watch(net, every=1, callback=samples.append) as health:
        for _ in range(3):
            out, loss = convolved(net, x, y, create)
            health.step(loss=loss)
    for _ in range(3):
        again, _ = convolved(bare, x, y, create)
    assert all(map(np.array_equal, (net.K, net.V, out), (bare.K, bare.V, again)))
    kinds = {layer.kind: layer for layer in samples[-1].layers}
    assert {"relu", "softmax"} <= set(kinds)
    assert kinds["relu"].shape == (6, 2, 4, 4)
    assert kinds["softmax"].before_loss
    assert samples[-1].output.loss_kind == "cross-entropy"


def test_dead_units_behind_a_loop_are_told():
    net = network()
    net.K = -np.abs(net.K)
    x, y = data(64)
    with watch(net) as health:
        for _ in range(12):
            health.step(loss=convolved(net, np.abs(x), y, lambda *shape: np.zeros(shape))[1])
    assert "GC320" in {finding.code for finding in health.findings}


def test_a_birth_in_scipys_softmax_is_told_at_its_line():
    net = SimpleNamespace(W=np.array([[1.0, 2.0], [3.0, 4.0]]))
    with np.errstate(all="ignore"), watch(net) as health:
        for k in range(6):
            z = net.W * (np.inf if k == 4 else 1.0)
            p = scipy.special.softmax(z, axis=1)
            net.W -= 0.1 * p
            health.step(loss=float(p.sum()))
    [birth] = [finding for finding in health.findings if finding.code == "GC300"]
    assert "z = net.W * (np.inf" in birth.where.source or "softmax" in birth.where.source
    assert birth.step == 4


def test_the_libraries_are_as_they_were_afterwards():
    own = [getattr(np, name) for name in CREATING]
    codes = [getattr(scipy.special, name).__code__ for name in ("softmax", "log_softmax", "logsumexp")]
    first, second = watch(network()), watch(network())
    first.start()
    second.start()
    assert np.zeros is not own[0]
    assert type(importlib.import_module("numpy").zeros(2, dtype=int)) is np.ndarray
    first.stop()
    second.stop()
    assert [getattr(np, name) for name in CREATING] == own
    assert [getattr(scipy.special, name).__code__ for name in ("softmax", "log_softmax", "logsumexp")] == codes


def test_an_array_of_a_step_that_is_kept_is_plain_afterwards():
    net, kept = network(), []
    x, y = data()
    with watch(net) as health:
        out, loss = convolved(net, x, y, lambda *shape: np.zeros(shape))
        kept.append(out)
        health.step(loss=loss)
    assert type(kept[0]) is np.ndarray
