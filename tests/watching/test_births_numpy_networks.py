"""The networks of the fixtures, under watch as their authors train them."""

import sys
from pathlib import Path

import numpy as np
import pytest

from gradcheck.watching.arrays.follow import Follower

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"


@pytest.fixture(autouse=True)
def _fixtures(monkeypatch):
    monkeypatch.syspath_prepend(str(FIXTURES))
    yield
    for name in [name for name in sys.modules if name.split(".")[0] in ("haskell_mlp", "numpy_mlp", "cnn", "digits")]:
        monkeypatch.delitem(sys.modules, name)


def test_the_haskell_networks_nan_is_born_in_its_softmax():
    from digits import batches, load, one_hot
    from haskell_mlp.network_broken import Network

    births, watched, plain = [], Network(), Network()
    x, y, _, _ = load()
    follower = Follower(births.append)
    follower.follow(watched)
    with np.errstate(all="ignore"):
        for k, rows in enumerate(batches(len(x), 20, 1)):
            watched.move(-0.3, watched.backward(x[rows], one_hot(y[rows])))
            plain.move(-0.3, plain.backward(x[rows], one_hot(y[rows])))
            follower.step_ended(k)
            if k == 60:
                break
    follower.release()
    (birth,) = births
    assert (birth.what, birth.operation, birth.phase, birth.step) == ("Inf", "np.exp", "forward", 48)
    assert birth.where.source == "e = np.exp(z)"
    assert birth.operands[0].startswith("z[0, 5] = 713.")
    assert birth.consequences[1].startswith("NaN in / at line")
    assert "e / e.sum(axis=1, keepdims=True)" in birth.consequences[1]
    for ours, theirs in zip(watched.layers, plain.layers, strict=True):
        assert type(ours[0]) is np.ndarray
        np.testing.assert_array_equal(ours[0], theirs[0])


@pytest.mark.parametrize("name", ["haskell_mlp", "numpy_mlp", "cnn"])
def test_repaired_networks_train_as_without_and_nothing_is_born(name):
    results = [trained(name, watching) for watching in (True, False)]
    np.testing.assert_array_equal(results[0], results[1])


def trained(name, watching):
    births = []
    follower = Follower(births.append)
    if name == "haskell_mlp":
        from digits import load, one_hot
        from haskell_mlp.network_repaired import Network

        x, y, _, _ = load()
        net = Network(sizes=(64, 50, 10))

        def step():
            net.move(-0.1, net.backward(x[:50], one_hot(y[:50])))
            return net.loss(x[:50], one_hot(y[:50]))

    elif name == "numpy_mlp":
        from numpy_mlp.network_repaired import Network
        from numpy_mlp.task import load_even_odd

        x, y, _, _ = load_even_odd()
        net = Network()

        def step():
            return net.train_step(x[:100], y[:100])

    else:
        from cnn.network_repaired import Network
        from digits import load

        x, y, _, _ = load(-0.5, 0.5)
        net = Network()

        def step():
            net.train_step(x[:16], y[:16], 0.1)
            return net.loss(x[:16], y[:16])

    if watching:
        follower.follow(net)
    for k in range(12):
        loss = step()
        if watching:
            follower.step_ended(k, loss)
    follower.release()
    assert births == []
    return net.predict(x[:200]) if hasattr(net, "predict") else loss
