"""The three networks under watch: each symptom of the broken ones, and none of the repaired."""

import importlib
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"


@pytest.fixture(autouse=True)
def the_fixtures(monkeypatch):
    monkeypatch.syspath_prepend(str(FIXTURES))
    yield
    for name in [
        name for name in sys.modules if name.partition(".")[0] in ("haskell_mlp", "numpy_mlp", "cnn", "digits")
    ]:
        del sys.modules[name]


def findings(network, kind="broken", /, *arguments, **options):
    module = importlib.import_module(f"{network}.watch_{kind}")
    health = module.train(*arguments, **options)
    return {finding.code: finding for finding in reversed(health.report(raises=False).findings)}


def test_the_haskell_network_at_its_authors_step():
    found = findings("haskell_mlp", "broken", 0.05, steps=60)
    assert found["GC321"].layer == "logistic 1"
    assert found["GC321"].where.source == "s = 1 / (1 + np.exp(-z))"
    assert "GC300" not in found


def test_the_haskell_network_underflows():
    found = findings("haskell_mlp", "broken", 0.2, steps=60)
    assert found["GC303"].layer == "softmax 2"


def test_the_haskell_network_turns_to_nan():
    found = findings("haskell_mlp", "broken", 0.3, steps=60)
    birth = found["GC300"]
    assert birth.step == 48
    assert birth.where.source == "e = np.exp(z)"
    assert birth.where.function.endswith("softmax")


def test_the_numpy_network():
    found = findings("numpy_mlp", "broken", steps=220)
    assert {"GC322", "GC341", "GC405"} <= set(found)
    assert found["GC405"].title.startswith("learning_rate changes from")


def test_the_numpy_networks_bounds():
    module = importlib.import_module("numpy_mlp.watch_broken")
    samples = []
    module.train(steps=2, every=1, callback=samples.append)
    bounds = {(clip.call, clip.low, clip.high) for sample in samples for clip in sample.value_clips}
    assert bounds == {("np.clip(x, -500, 500)", -500, 500), ("np.maximum(0.001, x)", 0.001, None)}
    floor = next(clip for clip in samples[0].value_clips if clip.low == 0.001)
    assert floor.same_mask is False
    assert floor.at_low > 0


def test_the_convolutional_network_whose_kernels_die():
    found = findings("cnn", "broken", 1.0, faults=(), every=4)
    assert "GC320" in found
    assert found["GC324"].severity == "info"


def test_the_convolutional_network_that_diverges():
    found = findings("cnn", "broken", 10.0, faults=(), steps=60, every=2)
    assert found["GC343"].severity == "error"


@pytest.mark.parametrize("network", ["haskell_mlp", "numpy_mlp", "cnn"])
def test_the_repaired_networks_raise_nothing_above_info(network):
    found = findings(network, "repaired", steps=150)
    assert {finding.severity for finding in found.values()} <= {"info"}


def test_a_training_is_the_same_to_the_last_bit():
    module = importlib.import_module("haskell_mlp.watch_repaired")
    training = importlib.import_module("haskell_mlp.network_repaired")
    digits = importlib.import_module("digits")
    watched, alone = training.Network(sizes=(64, 30, 10)), training.Network(sizes=(64, 30, 10))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module.train(steps=30, net=watched)
    x, labels, _, _ = digits.load()
    for rows, _ in zip(digits.batches(len(x), 20, 10), range(30), strict=False):
        alone.move(-0.05, alone.backward(x[rows], digits.one_hot(labels[rows])))
    for mine, theirs in zip(watched.layers, alone.layers, strict=True):
        assert all(type(a) is np.ndarray and np.array_equal(a, b) for a, b in zip(mine[:2], theirs[:2], strict=True))
