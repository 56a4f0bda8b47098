"""rules.getitem against NumPy's own indexing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gradcheck.trace import rules

X = np.arange(2 * 3 * 4, dtype=float).reshape(2, 3, 4)

KEYS: list[Any] = [
    0,
    -1,
    np.int64(1),
    slice(None),
    slice(None, None, -1),
    slice(1, None),
    slice(5, 1),
    slice(None, None, 2),
    Ellipsis,
    None,
    (),
    (0, 1, 2),
    (0, slice(None), 2),
    (slice(None), slice(None, None, -2), slice(3, 0, -1)),
    (Ellipsis, slice(None, None, -1)),
    (None, Ellipsis, slice(None, None, -1), None),
    (slice(None), None, 0),
    (slice(None, None, -1), None, 0, slice(0, 0, -1)),
    [0, 1, 1],
    [],
    np.array([1, 0, -1]),
    np.array([[0, 1], [1, 1]]),
    np.array(1),
    np.array([True, False]),
    X > 5,
    X[..., 0] > 100,
    (slice(None), X[0] > 5),
    (np.array([0, 0, 1]), np.array([0, 0, 2])),
    (np.array([0, 0, 1]), np.array([0, 0, 2]), np.array([3, 3, -1])),
    (np.array([[0], [1]]), np.array([0, 2]), 1),
    (0, slice(None), [1, 1, 2]),
    ([0, 1], slice(None), [1, 1]),
    (slice(None), [0, 1, 1], slice(None, None, -1)),
    (slice(None), [0, 1, 1], slice(None), None),
    (Ellipsis, [0, 0]),
    (np.array([True, True]), slice(None), 0),
    np.ix_([0, 1], [2, 0], [1, 1, 1]),
    True,
    False,
    np.True_,
    (True, 0),
    np.array(True),
    np.array([1], dtype=np.uint8),
]


def check(x: np.ndarray, key: Any) -> None:
    leaf = torch.tensor(x, requires_grad=True)
    expected = np.asarray(x[key])
    found = rules.getitem(leaf, key)
    assert tuple(found.shape) == expected.shape
    np.testing.assert_array_equal(found.detach().numpy(), expected)
    weights = np.asarray(np.random.default_rng(0).normal(size=expected.shape))
    (gradient,) = torch.autograd.grad((found * torch.from_numpy(weights)).sum(), leaf)
    # Every entry is taken as often as its position is.
    truth = np.zeros(x.size)
    np.add.at(truth, np.arange(x.size).reshape(x.shape)[key], weights)
    np.testing.assert_allclose(gradient.numpy().reshape(-1), truth, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_every_kind_of_key(key: Any) -> None:
    check(X, key)


@pytest.mark.parametrize("key", [(), Ellipsis, None, (None, Ellipsis), True, np.array(False)], ids=repr)
def test_keys_of_a_scalar(key: Any) -> None:
    check(np.array(2.5), key)


@pytest.mark.parametrize(
    "key", [slice(None, None, -1), [], np.zeros(0, dtype=bool), np.zeros((3, 0), dtype=int)], ids=repr
)
def test_keys_of_an_empty_array(key: Any) -> None:
    check(np.zeros((0, 3)), key)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_basic_keys(data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(max_dims=4, max_side=4, min_dims=0))
    x = np.random.default_rng(1).normal(size=shape)
    check(x, data.draw(hnp.basic_indices(x.shape, allow_newaxis=True, allow_ellipsis=True)))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_advanced_keys_beside_slices(data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=4, max_side=3))
    x = np.random.default_rng(1).normal(size=shape)
    broadcast = data.draw(hnp.array_shapes(min_dims=0, max_dims=2, max_side=3))
    parts: list[Any] = []
    for n in shape:
        kind = data.draw(st.sampled_from(["slice", "integer", "array", "none"]))
        if kind == "none":
            parts.append(None)
        if kind == "array":
            parts.append(data.draw(hnp.arrays(np.int64, broadcast, elements=st.integers(-n, n - 1))))
        elif kind == "integer":
            parts.append(data.draw(st.integers(-n, n - 1)))
        else:
            parts.append(data.draw(st.slices(n)))
    check(x, tuple(parts))


def test_an_index_out_of_range_is_an_error() -> None:
    x = torch.zeros(3, dtype=torch.float64)
    for key in (3, np.array([0, 3]), (np.array([5]),), np.array([-4])):
        with pytest.raises(IndexError):
            rules.getitem(x, key)


def test_field_names_are_refused() -> None:
    with pytest.raises(NotImplementedError):
        rules.getitem(torch.zeros(3), "field")
