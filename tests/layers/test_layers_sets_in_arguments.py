"""Parameters handed over in sets: namedtuples, lists of dicts, of objects, of (W, b), with gradients in like sets."""

from collections import namedtuple
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
from layers_checked import numbers, verdicts

X = numbers(4, 3)


class Affine(NamedTuple):
    W: np.ndarray
    b: np.ndarray


Slopes = namedtuple("Slopes", ["dW", "db"])


class Hidden(NamedTuple):
    h: np.ndarray
    c: np.ndarray


@dataclass
class Block:
    W: np.ndarray
    b: np.ndarray


def one(x, p):
    return x @ p.W + p.b, (x, p)


def one_backward(factor, group):
    def backward(d, cache):
        x, p = cache
        return d @ p.W.T, group(factor * x.T @ d, d.sum(axis=0))

    return backward


@pytest.mark.parametrize("group", [Affine, Slopes, lambda W, b: (W, b), lambda W, b: {"W": W, "b": b}])
@pytest.mark.parametrize(("factor", "verdict"), [(1, "right"), (2, "wrong")])
def test_a_namedtuple_of_parameters(factor, verdict, group):
    parameters = Affine(numbers(3, 2), numbers(2))
    _, found, _ = verdicts(one, one_backward(factor, group), X, parameters)
    assert found == {"dx": "right", "dW": verdict, "db": "right"}


def test_swapped_fields_are_not_put_right():
    parameters = Affine(numbers(3, 3), numbers(3))

    def backward(d, cache):
        x, p = cache
        return d @ p.W.T, Affine(d.sum(axis=0), x.T @ d)

    _, found, _ = verdicts(one, backward, X, parameters)
    assert found == {"dx": "right", "dW": "wrong", "db": "wrong"}


def cell(x, state, W):
    z = np.concatenate([x, state.h], axis=1) @ W
    c = 0.5 * state.c + np.tanh(z)
    return Hidden(np.tanh(c), c), (x, state, W, z, c)


def cell_backward(share):
    def backward(dstate, cache):
        x, state, W, z, c = cache
        dc = dstate.c + dstate.h * (1 - np.tanh(c) ** 2)
        dz = dc * (1 - np.tanh(z) ** 2)
        both = dz @ W.T
        dx, dh = both[:, : x.shape[1]], both[:, x.shape[1] :]
        return dx, Hidden(dh, share * dc), np.concatenate([x, state.h], axis=1).T @ dz

    return backward


@pytest.mark.parametrize(("share", "verdict"), [(0.5, "right"), (1.0, "wrong")])
def test_a_state_that_is_a_namedtuple_on_both_sides(share, verdict):
    state = Hidden(numbers(4, 2), numbers(4, 2))
    _, found, _ = verdicts(cell, cell_backward(share), X, state, numbers(5, 2))
    assert found == {"dx": "right", "dh": "right", "dc": verdict, "dW": "right"}


def read(layer):
    if isinstance(layer, dict):
        return layer["W"], layer["b"]
    return (layer.W, layer.b) if hasattr(layer, "W") else layer


def deep(x, layers):
    kept = []
    for layer in layers:
        W, b = read(layer)
        out = np.tanh(x @ W + b)
        kept.append((x, out, W))
        x = out
    return x, kept


def deep_backward(factor, group):
    def backward(d, kept):
        found = []
        for x, out, W in reversed(kept):
            d = d * (1 - out**2)
            found.append(group(factor * x.T @ d, d.sum(axis=0)))
            d = d @ W.T
        return d, found[::-1]

    return backward


def as_dict(W: Any, b: Any) -> dict[str, Any]:
    return {"W": W, "b": b}


def marked(W: Any, b: Any) -> dict[str, Any]:
    return {"dW": W, "db": b}


def as_pair(W: Any, b: Any) -> tuple[Any, Any]:
    return W, b


@pytest.mark.parametrize(
    ("made", "group"),
    [
        (as_dict, as_dict),
        (as_dict, marked),
        (Affine, Affine),
        (Affine, Slopes),
        (Block, Block),
        (Block, marked),
        (as_pair, as_pair),
        (as_pair, marked),
    ],
)
@pytest.mark.parametrize(("factor", "verdict"), [(1, "right"), (2, "wrong")])
def test_a_list_of_sets(made, group, factor, verdict):
    layers = [made(numbers(3, 4), numbers(4)), made(numbers(4, 2), numbers(2))]
    _, found, _ = verdicts(deep, deep_backward(factor, group), X, layers)
    first, *rest = found.values()
    assert first == "right"
    assert rest == [verdict, "right", verdict, "right"]


def test_options_of_a_backward_are_left_at_their_defaults():
    layers = [as_dict(numbers(3, 2), numbers(2))]
    plain = deep_backward(1, as_dict)
    _, found, _ = verdicts(deep, lambda d, c, clip=None, debug=False: plain(d, c), X, layers)
    assert set(found.values()) == {"right"}
    assert len(found) == 3
