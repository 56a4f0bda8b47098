"""Reshaping, moving, joining, splitting and choosing entries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from rule_cases import Case, case, check_gradient, check_value

from gradcheck.trace.rules import lookup

rng = np.random.default_rng(4)
A = rng.normal(size=(2, 3, 4))
M = rng.normal(size=(3, 4))
N = rng.normal(size=(3, 4))
ROW = rng.normal(size=4)
SQUARE = rng.normal(size=(3, 3))
SCALAR = np.array(1.5)


def shape_cases() -> list[Case]:
    found = [
        *(
            case(f"reshape {shape} {order}", np.reshape, A, call=lambda f, x, s=shape, o=order: f(x, s, order=o))
            for shape in ((6, 4), (-1,), -1, (4, -1, 2), 24)
            for order in "CF"
        ),
        case("reshape Fortran array", np.reshape, np.asfortranarray(A), call=lambda f, x: f(x, (4, 6))),
        case("ravel", np.ravel, A),
        case("ravel F", np.ravel, A, order="F"),
        case("transpose", np.transpose, A),
        case("transpose axes", np.transpose, A, call=lambda f, x: f(x, (1, -1, 0))),
        case("matrix_transpose", np.matrix_transpose, A),
        case("linalg.matrix_transpose", np.linalg.matrix_transpose, A),
        case("swapaxes", np.swapaxes, A, call=lambda f, x: f(x, 0, -1)),
        case("moveaxis", np.moveaxis, A, call=lambda f, x: f(x, 0, -1)),
        case("moveaxis of two", np.moveaxis, A, call=lambda f, x: f(x, [0, 1], [-1, 0])),
        case("rollaxis", np.rollaxis, A, call=lambda f, x: f(x, 2)),
        case("rollaxis start", np.rollaxis, A, call=lambda f, x: f(x, 0, 3)),
        case("squeeze", np.squeeze, A[:1, :, :1]),
        case("squeeze one", np.squeeze, A[:1, :, :1], axis=-1),
        case("squeeze two", np.squeeze, A[:1, :, :1], axis=(0, -1)),
        case("squeeze scalar", np.squeeze, SCALAR),
        *(case(f"expand_dims {axis}", np.expand_dims, A, axis=axis) for axis in (0, -1, (0, -1), (1, 3))),
        case("broadcast_to", np.broadcast_to, ROW, call=lambda f, x: f(x, (2, 3, 4))),
        case("broadcast_to a vector", np.broadcast_to, SCALAR, call=lambda f, x: f(x, 3)),
        case("broadcast_arrays", np.broadcast_arrays, ROW, M[:, :1]),
        *(
            case(f"{f.__name__} {x.ndim}", f, x)
            for f in (np.atleast_1d, np.atleast_2d, np.atleast_3d)
            for x in (SCALAR, ROW, M, A)
        ),
        case("atleast_2d of two", np.atleast_2d, SCALAR, ROW),
        *(case(f"flip {axis}", np.flip, A, axis=axis) for axis in (None, 0, -1, (0, 2), ())),
        case("flipud", np.flipud, A),
        case("fliplr", np.fliplr, A),
        *(case(f"rot90 {k}", np.rot90, A, call=lambda f, x, k=k: f(x, k, axes=(1, 2))) for k in (-1, 0, 2, 5)),
        case("roll", np.roll, A, call=lambda f, x: f(x, 5)),
        case("roll axis", np.roll, A, call=lambda f, x: f(x, -1, axis=1)),
        case("roll axes", np.roll, A, call=lambda f, x: f(x, (1, 2), axis=(0, -1))),
        case("roll axes by one shift", np.roll, A, call=lambda f, x: f(x, 1, axis=(0, 1))),
        case("roll twice along one axis", np.roll, A, call=lambda f, x: f(x, (1, 2), axis=(2, 2))),
        case("tile", np.tile, M, call=lambda f, x: f(x, 2)),
        case("tile more axes", np.tile, ROW, call=lambda f, x: f(x, (2, 1, 2))),
        case("tile fewer axes", np.tile, A, call=lambda f, x: f(x, (2, 1))),
        case("repeat", np.repeat, M, call=lambda f, x: f(x, 2)),
        case("repeat axis", np.repeat, M, call=lambda f, x: f(x, 3, axis=-1)),
        case("repeat by array", np.repeat, M, call=lambda f, x: f(x, [0, 2, 1], axis=0)),
        case("repeat scalar", np.repeat, SCALAR, call=lambda f, x: f(x, 3)),
        case("resize", np.resize, M, call=lambda f, x: f(x, (5, 3))),
        *(
            case(f"{f.__name__}", f, A)
            for f in (np.copy, np.array, np.asarray, np.ascontiguousarray, np.asfortranarray)
        ),
        case("array of nested lists", np.array, SCALAR, ROW, call=lambda f, s, r: f([[s, r[0], 1], [2.0, s, r[1]]])),
        case("array with ndmin", np.array, ROW, ndmin=3),
        case("astype", np.astype, A, call=lambda f, x: f(x, np.float64)),
    ]
    if hasattr(np, "unstack"):  # NumPy 2.1
        found += [case(f"unstack {axis}", np.unstack, A, axis=axis) for axis in (0, -1)]
    return found


JOINING = [
    *(
        case(f"concatenate {axis}", np.concatenate, M, N, call=lambda f, x, y, axis=axis: f([x, y], axis=axis))
        for axis in (0, 1, -1, None)
    ),
    case("concatenate of an array", np.concatenate, A),
    case("concatenate with a constant", np.concatenate, M, call=lambda f, x: f((x, np.ones((2, 4), dtype=int)))),
    case("concatenate with an empty one", np.concatenate, ROW, call=lambda f, x: f((x, np.zeros(0)))),
    *(
        case(f"stack {axis}", np.stack, M, N, call=lambda f, x, y, axis=axis: f([x, y, x], axis=axis))
        for axis in (0, 1, -1)
    ),
    *(
        case(f"{f.__name__} of vectors", f, ROW, ROW + 1, call=lambda f, x, y: f((x, y)))
        for f in (np.vstack, np.hstack, np.dstack, np.column_stack)
    ),
    *(
        case(f"{f.__name__} of matrices", f, M, N, call=lambda f, x, y: f([x, y]))
        for f in (np.vstack, np.hstack, np.dstack, np.column_stack)
    ),
    case("hstack of scalars", np.hstack, SCALAR, SCALAR, call=lambda f, x, y: f([x, y, 1.0])),
    case("column_stack of both", np.column_stack, M, M[:, 0], call=lambda f, x, y: f([x, y])),
    case("block", np.block, M, N, call=lambda f, x, y: f([[x, y], [np.ones((2, 4)), y[:2]]])),
    case("block of vectors", np.block, ROW, SCALAR, call=lambda f, x, s: f([x, s, 2.0])),
    case("append", np.append, M, N),
    case("append rows", np.append, M, N, axis=0),
    case("append a number", np.append, ROW, call=lambda f, x: f(x, 3.0)),
    case("insert", np.insert, ROW, SCALAR, call=lambda f, x, s: f(x, 1, s)),
    case("insert many", np.insert, M, ROW, call=lambda f, x, y: f(x, [0, 2], y, axis=0)),
    case("insert by slice", np.insert, ROW, call=lambda f, x: f(x, slice(0, 4, 2), [7.0, 8.0])),
    case("delete", np.delete, M, call=lambda f, x: f(x, 1, axis=0)),
    case("delete many", np.delete, M, call=lambda f, x: f(x, [0, -1], axis=1)),
    case("delete by mask", np.delete, ROW, call=lambda f, x: f(x, np.array([True, False, True, False]))),
    *(
        case(f"split {cuts}", np.split, A, call=lambda f, x, c=cuts: f(x, c, axis=2))
        for cuts in (2, [1, 3], [1, 1, 9], [-1])
    ),
    *(
        case(f"array_split {cuts}", np.array_split, A, call=lambda f, x, c=cuts: f(x, c, axis=-1))
        for cuts in (3, 5, [3, 1])
    ),
    case("vsplit", np.vsplit, A, call=lambda f, x: f(x, 2)),
    case("hsplit", np.hsplit, A, call=lambda f, x: f(x, 3)),
    case("hsplit of a vector", np.hsplit, ROW, call=lambda f, x: f(x, [1])),
    case("dsplit", np.dsplit, A, call=lambda f, x: f(x, 2)),
    case("trim_zeros", np.trim_zeros, np.array([0.0, 1.0, 0.0, 2.0, 0.0, 0.0]), gradient=False),
]

PAIRS = np.array([[1, 0], [2, 2]])
CHOOSING = [
    case("take", np.take, A, call=lambda f, x: f(x, [0, 5, 5, -1])),
    case("take axis", np.take, A, call=lambda f, x: f(x, PAIRS, axis=1)),
    case("take one", np.take, A, call=lambda f, x: f(x, 1, axis=-1)),
    case("take from a vector", np.take, ROW, call=lambda f, x: f(x, np.array(2))),
    case("take wrapping", np.take, A, call=lambda f, x: f(x, [7, -9], axis=2, mode="wrap")),
    case("take clipped", np.take, A, call=lambda f, x: f(x, [7, -9], axis=2, mode="clip")),
    case("take_along_axis", np.take_along_axis, M, call=lambda f, x: f(x, np.array([[0, 0], [1, -1], [2, 3]]), axis=1)),
    case("take_along_axis, broadcast", np.take_along_axis, M, call=lambda f, x: f(x, np.array([[2], [0]]), axis=0)),
    case("take_along_axis, flat", np.take_along_axis, M, call=lambda f, x: f(x, np.array([5, 5]), axis=None)),
    case("compress", np.compress, M, call=lambda f, x: f([True, False, True], x, axis=0)),
    case("compress flat", np.compress, M, call=lambda f, x: f([0, 1, 1], x)),
    case("extract", np.extract, M, call=lambda f, x: f(N > 0, x)),
    case("choose", np.choose, ROW, ROW + 1, call=lambda f, x, y: f(np.array([0, 1, 1, 0]), [x, y])),
    case("choose wrapping", np.choose, ROW, ROW + 1, call=lambda f, x, y: f(np.array([[5], [2]]), [x, y], mode="wrap")),
    case("select", np.select, M, N, call=lambda f, x, y: f([N > 0.5, N > -0.5], [x, y], default=3.0)),
    case("select, broadcast", np.select, ROW, M[:, :1], call=lambda f, x, y: f([M > 0.5, M[:, :1] > 0], [x, y])),
    case(
        "piecewise of functions",
        np.piecewise,
        ROW + 0.1,
        call=lambda f, x: f(x, [ROW > 0, ROW < -1], [lambda v: v**2, -1.0, lambda v: 3 * v]),
    ),
    case("diagonal", np.diagonal, A),
    case("diagonal offset", np.diagonal, A, offset=-1, axis1=-1, axis2=0),
    case("linalg.diagonal", np.linalg.diagonal, A, offset=1),
    case("diag of vector", np.diag, ROW),
    case("diag of vector, above", np.diag, ROW, k=2),
    case("diag of matrix, below", np.diag, M, k=-1),
    case("diagflat", np.diagflat, M, k=1),
    case("trace", np.trace, M),
    case("trace of many", np.trace, A, offset=1, axis1=1, axis2=2),
    case("linalg.trace", np.linalg.trace, A, offset=-1),
    *(case(f"{f.__name__} {k}", f, A, k=k) for f in (np.tril, np.triu) for k in (0, 1, -2)),
    *(case(f"{f.__name__} of a vector", f, ROW) for f in (np.tril, np.triu)),
    case("sort", np.sort, A),
    case("sort axis 0", np.sort, A, axis=0),
    case("sort flat", np.sort, A, axis=None),
    case("partition", np.partition, A, call=lambda f, x: f(x, 2)),
    case("partition of many", np.partition, rng.normal(size=(2, 50)), call=lambda f, x: f(x, 20)),
    case("partition axis", np.partition, A, call=lambda f, x: f(x, (0, 1), axis=1)),
    case("full", np.full, SCALAR, call=lambda f, s: f((2, 3), s)),
    case("full of a row", np.full, ROW, call=lambda f, s: f((2, 4), s)),
    case("full_like", np.full_like, SCALAR, call=lambda f, s: f(M, s)),
    case("linspace", np.linspace, SCALAR, SCALAR + 2, call=lambda f, a, b: f(a, b, 5)),
    case("linspace of rows", np.linspace, ROW, ROW + 2, call=lambda f, a, b: f(a, b, 3, endpoint=False, axis=-1)),
    case("linspace and its step", np.linspace, SCALAR, call=lambda f, a: f(a, 3, 3, retstep=True)),
    case("linspace of one", np.linspace, SCALAR, call=lambda f, a: f(a, 3, 1)),
    case("logspace", np.logspace, SCALAR, SCALAR + 1, call=lambda f, a, b: f(a, b, 4)),
    case("logspace to a traced base", np.logspace, SCALAR, call=lambda f, a: f(0, 2, 4, base=a)),
    case("geomspace", np.geomspace, SCALAR, SCALAR + 3, call=lambda f, a, b: f(a, b, 5)),
    case("bincount", np.bincount, ROW, call=lambda f, w: f(np.array([1, 0, 1, 3]), weights=w)),
    case("bincount, longer", np.bincount, ROW, call=lambda f, w: f([1, 0, 1, 3], w, 6)),
    case("meshgrid", np.meshgrid, ROW, ROW[:2]),
    case("meshgrid ij", np.meshgrid, ROW, ROW[:2], ROW[:3], indexing="ij"),
    case("meshgrid sparse", np.meshgrid, ROW, ROW[:2], sparse=True),
    case("vander", np.vander, ROW),
    case("vander increasing", np.vander, ROW, N=3, increasing=True),
]

WIDTHS: list[Any] = [1, (1, 2), ((1, 2), (0, 3)), [[0, 0], [2, 1]]]
PADDING = [
    *(
        case(f"pad {mode} {width}", np.pad, M, call=lambda f, x, w=width, m=mode: f(x, w, mode=m))
        for mode in ("constant", "edge", "reflect", "symmetric", "wrap")
        for width in WIDTHS
    ),
    case("pad with numbers", np.pad, M, call=lambda f, x: f(x, 1, constant_values=((1.0, 2.0), (3.0, 4.0)))),
    case("pad with a traced number", np.pad, M, SCALAR, call=lambda f, x, s: f(x, ((1, 0), (0, 2)), constant_values=s)),
    case(
        "pad with traced numbers",
        np.pad,
        ROW,
        SCALAR,
        SCALAR + 1,
        call=lambda f, x, s, t: f(x, 2, constant_values=(s, t)),
    ),
    case("pad a volume", np.pad, A[None], call=lambda f, x: f(x, ((0, 0), (0, 0), (1, 1), (2, 2)), "constant")),
    case("pad wider than the array", np.pad, ROW, call=lambda f, x: f(x, 9, "reflect")),
    case("sliding_window_view", np.lib.stride_tricks.sliding_window_view, M, call=lambda f, x: f(x, (2, 2))),
    case(
        "sliding_window_view of an axis", np.lib.stride_tricks.sliding_window_view, M, call=lambda f, x: f(x, 3, axis=1)
    ),
]

CASES = [*shape_cases(), *JOINING, *CHOOSING, *PADDING]


@pytest.mark.parametrize("subject", CASES, ids=str)
def test_value(subject: Case) -> None:
    check_value(subject)


@pytest.mark.parametrize("subject", [c for c in CASES if c.gradient], ids=str)
def test_gradient(subject: Case) -> None:
    check_gradient(subject)


@pytest.mark.parametrize("subject", [c for c in CASES if c.name != "astype"], ids=str)
def test_value_in_float32(subject: Case) -> None:
    check_value(subject, np.float32, 1e-5)


def test_a_layout_that_shadows_do_not_have_is_refused() -> None:
    with pytest.raises(NotImplementedError):
        lookup(np.ravel)(torch.ones(2, 2), order="K")


def test_a_condition_alone_gives_indices_not_values() -> None:
    with pytest.raises(NotImplementedError):
        lookup(np.where)(torch.ones(2))


def test_a_function_that_takes_no_tensor_is_refused() -> None:
    x = torch.ones(2, requires_grad=True)
    with pytest.raises(NotImplementedError):
        lookup(np.piecewise)(x, [np.array([True, False])], [np.exp])


@pytest.mark.parametrize("options", [{"mode": "mean"}, {"mode": "reflect", "reflect_type": "odd"}, {"mode": np.add}])
def test_padding_that_computes_with_entries_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(NotImplementedError):
        lookup(np.pad)(torch.ones(4), 1, **options)


def test_ragged_lists_are_refused() -> None:
    with pytest.raises(NotImplementedError):
        lookup(np.array)([torch.ones(2), torch.ones(3)])


@settings(max_examples=80, deadline=None)
@given(st.data())
@pytest.mark.parametrize(
    "f", [np.flip, np.roll, np.squeeze, np.repeat, np.tril, np.transpose, np.cumsum, np.diff, np.sort]
)
def test_any_shape(f: Any, data: st.DataObject) -> None:
    lowest = {np.tril: 1, np.diff: 1, np.sort: 1}.get(f, 0)
    shape = data.draw(hnp.array_shapes(min_dims=lowest, max_dims=4, min_side=1, max_side=3))
    x = np.random.default_rng(3).normal(size=shape)
    ndim = len(shape)
    axis = data.draw(st.none() if ndim == 0 else st.integers(-ndim, ndim - 1))
    if f is np.roll:
        subject = case("drawn", f, x, shift=data.draw(st.integers(-5, 5)), axis=axis)
    elif f is np.repeat:
        subject = case("drawn", f, x, repeats=data.draw(st.integers(0, 3)), axis=axis)
    elif f is np.tril:
        subject = case("drawn", f, x, k=data.draw(st.integers(-4, 4)))
    elif f is np.squeeze:
        subject = case("drawn", f, x, axis=tuple(i for i, n in enumerate(shape) if n == 1 and data.draw(st.booleans())))
    elif f is np.transpose:
        subject = case("drawn", f, x, axes=data.draw(st.permutations(range(ndim))))
    elif f is np.diff:
        subject = case("drawn", f, x, n=data.draw(st.integers(0, 3)), axis=axis)
    else:
        subject = case("drawn", f, x, axis=axis)
    check_value(subject)
