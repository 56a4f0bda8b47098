"""Everything reachable is found, can be replaced, and comes back as it was."""

import dataclasses
import functools
import random
from collections import OrderedDict, deque, namedtuple

import numpy as np
import pytest

from gradcheck.state import State, seed_everything

GLOBAL_WEIGHT = np.ones((2, 2))
COUNTER = 0


def uses_global(x):
    global COUNTER, CREATED
    COUNTER += 1
    CREATED = x
    return x @ GLOBAL_WEIGHT


def with_default(x, w=GLOBAL_WEIGHT * 2, *, b=GLOBAL_WEIGHT[0] * 3):
    return x @ w + b


def closure():
    weight = np.full(2, 4.0)

    def forward(x):
        nonlocal weight
        weight = weight + x
        return weight

    return forward


class Slotted:
    __slots__ = ("cache", "w")

    def __init__(self):
        self.w = np.full(2, 5.0)

    def forward(self, x):
        self.cache = x
        return x * self.w


@dataclasses.dataclass(frozen=True)
class Frozen:
    w: np.ndarray

    def forward(self, x):
        return x * self.w


class ClassLevel:
    shared = np.full(2, 6.0)

    @staticmethod
    def scale(x):
        return x * GLOBAL_WEIGHT[0]

    @classmethod
    def forward(cls, x):
        cls.shared = cls.shared + x
        cls.fresh = x
        return cls.scale(cls.shared)


Pair = namedtuple("Pair", "w b")


class Nested:
    def __init__(self):
        self.layers = [{"W": np.full(2, 7.0)}, Pair(np.full(2, 8.0), [np.full(2, 9.0)])]
        self.queue = deque([np.full(2, 10.0)])
        self.ordered = OrderedDict(a=np.full(2, 11.0))
        self.seen = {1}

    def forward(self, x):
        self.layers[0]["W"] += x
        self.layers.append(x)
        self.queue.clear()
        self.ordered["b"] = x
        self.seen.add(2)
        self.new = x
        return self.layers[0]["W"]


def total(array):
    return float(np.sum(array))


FOUND = [
    ("global", uses_global, 4.0),
    ("positional default", with_default, 8.0),
    ("keyword default", with_default, 6.0),
    ("closure", closure(), 8.0),
    ("slots", Slotted().forward, 10.0),
    ("frozen dataclass", Frozen(np.full(2, 5.5)).forward, 11.0),
    ("class attribute", ClassLevel.forward, 12.0),
    ("global used by a static method", ClassLevel.forward, 4.0),
    ("dict in list", Nested().forward, 14.0),
    ("namedtuple", Nested().forward, 16.0),
    ("list in namedtuple", Nested().forward, 18.0),
    ("deque", Nested().forward, 20.0),
    ("ordered dict", Nested().forward, 22.0),
    ("partial", functools.partial(with_default, np.full(2, 30.0)), 60.0),
    ("keyword of a partial", functools.partial(with_default, b=np.full(2, 40.0)), 80.0),
    ("argument in a list", [np.full(2, 50.0)], 100.0),
    ("argument in a dict in a tuple", ({"x": np.full(2, 60.0)},), 120.0),
]


@pytest.mark.parametrize(("name", "root", "value"), FOUND, ids=[f[0] for f in FOUND])
def test_an_array_is_found(name, root, value):
    assert value in [total(a) for a in State(root).arrays], name


REPLACED = [f for f in FOUND if f[0] != "argument in a dict in a tuple"]


@pytest.mark.parametrize(("name", "root", "value"), REPLACED, ids=[f[0] for f in REPLACED])
def test_an_array_is_replaced_for_a_while(name, root, value):
    state = State(root)
    with state.substituted(lambda v: "other" if isinstance(v, np.ndarray) and total(v) == value else v):
        assert value not in [total(a) for a in State(root).arrays], name
    assert value in [total(a) for a in State(root).arrays]


def test_a_frozen_objects_attribute_reads_as_replaced():
    layer = Frozen(np.ones(2))
    with State(layer.forward).substituted(lambda v: v * 3 if isinstance(v, np.ndarray) else v):
        assert total(layer.forward(np.ones(2))) == 6
    assert total(layer.w) == 2


def test_restoring_brings_back_containers_attributes_and_contents():
    net = Nested()
    before = {name: repr(value) for name, value in vars(net).items()}
    assert "new" not in before
    snapshot = State(net.forward).snapshot()
    net.forward(np.ones(2))
    assert {name: repr(value) for name, value in vars(net).items()} != before
    snapshot.restore()
    assert {name: repr(value) for name, value in vars(net).items()} == before


def test_restoring_brings_back_globals_also_those_created():
    snapshot = State(uses_global).snapshot()
    uses_global(np.ones(2))
    assert COUNTER == 1
    GLOBAL_WEIGHT[:] = 7
    snapshot.restore()
    assert COUNTER == 0
    assert total(GLOBAL_WEIGHT) == 4


def test_restoring_brings_back_class_attributes_and_removes_new_ones():
    snapshot = State(ClassLevel.forward).snapshot()
    ClassLevel.forward(np.ones(2))
    assert hasattr(ClassLevel, "fresh")
    snapshot.restore()
    assert not hasattr(ClassLevel, "fresh")
    assert total(ClassLevel.shared) == 12


def test_restoring_brings_back_closure_cells():
    forward = closure()
    snapshot = State(forward).snapshot()
    assert total(forward(np.ones(2))) == 10
    snapshot.restore()
    assert total(forward(np.ones(2))) == 10


def test_restoring_brings_back_an_unset_slot():
    layer = Slotted()
    snapshot = State(layer.forward).snapshot()
    layer.forward(np.ones(2))
    layer.w = None
    snapshot.restore()
    assert total(layer.w) == 10


def test_random_states_come_back():
    class Layer:
        def __init__(self):
            self.rng = np.random.default_rng(3)
            self.legacy = np.random.RandomState(3)
            self.plain = random.Random(3)

        def forward(self):
            return [self.rng.random(), self.legacy.rand(), self.plain.random(), np.random.rand(), random.random()]

    import torch

    layer = Layer()
    snapshot = State(layer.forward).snapshot()
    first, first_torch = layer.forward(), torch.rand(1)
    snapshot.restore()
    assert layer.forward() == first
    assert torch.equal(torch.rand(1), first_torch)


def test_seeding_makes_the_global_generators_repeat():
    def draw():
        return np.random.rand(), random.random()

    seed_everything(5)
    first = draw()
    seed_everything(5)
    assert draw() == first


def test_memoised_functions_are_emptied():
    @functools.lru_cache
    def indices(n):
        return np.arange(n)

    def forward(x):
        return x[indices(len(x))]

    snapshot = State(forward).snapshot()
    forward(np.ones(3))
    assert indices.cache_info().currsize == 1
    snapshot.restore()
    assert indices.cache_info().currsize == 0


def test_tensors_and_their_gradients_come_back():
    import torch

    layer = torch.nn.Linear(2, 1)
    layer.weight.grad = torch.ones(1, 2)
    snapshot = State([layer]).snapshot()
    with torch.no_grad():
        layer.weight.add_(5)
        layer.weight.grad.add_(1)
        layer.bias.grad = torch.ones(1)
    changed = layer.weight.clone()
    snapshot.restore()
    assert not torch.equal(layer.weight, changed)
    assert float(layer.weight.grad.sum()) == 2
    assert layer.bias.grad is None


def test_changed_arrays_are_named():
    held = [np.ones(2), np.ones(3)]
    snapshot = State(held).snapshot()
    held[1][0] = 4
    assert [a.shape for a in snapshot.changed_arrays()] == [(3,)]


def test_a_place_is_listed_once():
    def one(x):
        return np.sum(x)

    def two(x):
        return np.sum(one(x))

    paths = [slot.path for slot in State(one, two).slots]
    assert paths.count("np") == 1


def test_library_objects_are_left_alone():
    import logging

    holder = {"log": logging.getLogger("x"), "stream": open.__self__, "dtype": np.dtype(float)}
    assert State(holder).arrays == []


def test_a_cycle_ends():
    a: list = [np.ones(1)]
    a.append(a)
    assert len(State(a).arrays) == 1
