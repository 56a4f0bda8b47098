"""After a watch everything is as it was: the user's own arrays, plain ones where there are new, functions, files."""

import copy
import io
import pickle
from collections import namedtuple
from types import SimpleNamespace

import numpy as np
import pytest

from gradcheck.watching.arrays.follow import Follower

Layer = namedtuple("Layer", "W b")


class Slotted:
    __slots__ = ("W",)

    def __init__(self):
        self.W = np.ones((2, 2))


@pytest.fixture
def follower():
    made = Follower(lambda birth: None)
    yield made
    made.release()


def plain(value):
    return type(value) is np.ndarray


def test_what_is_followed():
    net = SimpleNamespace(
        W=np.ones((2, 2)), params={"b": np.zeros(2)}, layers=[Layer(np.ones(2), np.ones(1)), (np.ones(3), "relu")],
        deep={"a": [{"c": np.ones(1, "f4")}]}, ids=np.arange(3), mask=np.ones(2, bool), slotted=Slotted(),
    )  # fmt: skip
    before = copy.deepcopy(net)
    originals = net.W, net.params["b"], net.layers, net.layers[0].W, net.slotted.W
    follower = Follower(lambda birth: None)
    follower.follow(net)
    followed = set(follower.arrays())
    assert followed == {
        "W",
        "params['b']",
        "layers[0][0]",
        "layers[0][1]",
        "layers[1][0]",
        "deep['a'][0]['c']",
        "slotted.W",
    }
    assert not plain(net.layers[0].W)
    assert isinstance(net.layers[0], Layer)
    assert plain(net.ids)
    assert plain(net.mask)
    follower.release()
    for got, wanted in zip(
        (net.W, net.params["b"], net.layers, net.layers[0].W, net.slotted.W), originals, strict=True
    ):
        assert got is wanted
    np.testing.assert_equal(vars(net)["deep"], vars(before)["deep"])


def test_in_place_updates_land_in_the_users_own_array(follower):
    W = np.ones((2, 2))
    net = SimpleNamespace(W=W)
    follower.follow(net)
    net.W -= 0.5
    net.W[0, 0] = 7
    follower.release()
    assert net.W is W
    assert W.tolist() == [[7, 0.5], [0.5, 0.5]]


def test_what_came_meanwhile_is_plain(follower):
    net = SimpleNamespace(W=np.ones((2, 2)), layers=[(np.ones(2),)])
    history, by_name = [], {}
    follower.follow(net)
    net.W = net.W * 2
    net.cache = {"z": net.W + 1, "pair": (net.W, [net.W.T])}
    net.layers = [(layer[0] + 1, layer[0]) for layer in net.layers]
    history.append(net.W.sum(axis=0))
    by_name["inner"] = {"dW": net.W * 3}
    follower.release()
    assert all(map(plain, (net.W, net.cache["z"], net.cache["pair"][0], net.layers[0][0], net.layers[0][1])))
    assert plain(history[0])
    assert plain(by_name["inner"]["dW"])
    assert net.cache["pair"][0] is net.W


def test_two_names_of_one_array_stay_one(follower):
    W = np.ones(3)
    net = SimpleNamespace(a=W, b=W, view=W[1:])
    follower.follow(net)
    assert net.a is net.b
    net.a += 1
    assert net.view.tolist() == [2, 2]
    follower.follow()
    assert net.a is net.b
    follower.release()
    assert net.a is W
    assert net.b is W


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_an_error(follower, error):
    net = SimpleNamespace(W=np.ones(2))
    W = net.W

    def train():
        follower.follow(net)
        try:
            net.dW = net.W * 2
            raise error
        finally:
            follower.release()

    with pytest.raises(error):
        train()
    assert net.W is W
    assert plain(net.dW)


def test_what_leaves_is_plain(follower):
    net = SimpleNamespace(W=np.arange(4.0).reshape(2, 2))
    follower.follow(net)
    file = io.BytesIO()
    np.save(file, net.W)
    file.seek(0)
    for left in (pickle.loads(pickle.dumps(net.W)), copy.copy(net.W), copy.deepcopy(net.W), np.load(file)):
        assert plain(left)
        assert left.tolist() == [[0, 1], [2, 3]]
    assert plain(copy.deepcopy(net).W)
    assert plain(pickle.loads(pickle.dumps(net)).W)
    assert repr(net.W) == repr(np.asarray(net.W))


def test_an_array_kept_elsewhere_computes_as_a_plain_one_afterwards(follower):
    net = SimpleNamespace(W=np.ones(2))
    follower.follow(net)
    kept = net.W * 2
    follower.release()
    assert plain(kept + 1)
    assert plain(np.concatenate([kept, kept]))
    assert kept.sum() == 4


def test_writes_of_entries_are_numpys_own_code_while_nobody_listens(follower):
    net = SimpleNamespace(W=np.ones(2))
    follower.follow(net)
    assert type(net.W).__setitem__ is np.ndarray.__setitem__
    events = []
    follower.listener = events.append
    net.W[0] = 3.0
    assert [(event.operation, event.inputs[1:]) for event in events] == [("[]=", (0, 3.0))]
    follower.listener = None
    assert type(net.W).__setitem__ is np.ndarray.__setitem__
    assert type(net.W).__getitem__ is np.ndarray.__getitem__


SCALE = np.full(2, 3.0)


def forward(x, w, *, shift=1.0):
    """The forward."""
    return (x @ w + shift) * SCALE


def test_functions_follow_what_they_are_called_with(follower):
    code, x, w = forward.__code__, np.ones((4, 3)), np.ones((3, 2))
    wanted = forward(x, w, shift=2.0)
    offset = np.ones(2)

    def closed(dout, w=w):
        return dout @ w.T + offset.sum()

    follower.follow(forward, closed)
    events = []
    follower.listener = events.append
    out = forward(x, w, shift=2.0)
    back = closed(out)
    follower.listener = None
    assert [event.operation for event in events] == ["@", "+", "*", "@", "sum", "+"]
    assert events[0].site.function == "forward"
    assert np.array_equal(out, wanted)
    assert (back.shape, forward.__doc__, forward.__name__) == ((4, 3), "The forward.", "forward")
    follower.release()
    assert forward.__code__ is code
    assert plain(SCALE)
    assert plain(forward(x, w))


def test_births_in_functions():
    births = []
    follower = Follower(births.append)
    w = np.ones((3, 2))

    def loss(x, w):
        return np.log((x @ w) * 0).sum()

    follower.follow(loss)
    with np.errstate(all="ignore"):
        follower.step_ended(0, loss(np.ones((4, 3)), w))
    follower.release()
    assert [(b.operation, b.phase, b.where.function.rpartition(".")[2]) for b in births] == [("np.log", "loss", "loss")]
