"""Sums, means, extremes, spreads and running totals, with every keyword NumPy has for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_cases import Case, case, check_gradient, check_value

from gradcheck.trace.rules import lookup

rng = np.random.default_rng(2)
A = rng.normal(size=(2, 3, 4))
ROW = rng.normal(size=4)
MASK = rng.random((2, 3, 4)) > 0.3
MASK[..., 0] = True
HOLES = np.where(rng.random((2, 3, 4)) > 0.7, np.nan, A)
HOLES[:, :, 1] = A[:, :, 1]
HOLES[0, 0, 2] = A[0, 0, 2]

AXES: list[Any] = [None, 0, -1, (0, 2), (-1, 0), (), [0][0]]
PLAIN = [np.sum, np.prod, np.mean, np.max, np.min, np.std, np.var, np.median, np.ptp]
NAN = [np.nansum, np.nanprod, np.nanmean, np.nanmax, np.nanmin, np.nanstd, np.nanvar, np.nanmedian]

CASES: list[Case] = [
    *(
        case(f"{f.__name__} {axis}", f, A, axis=axis)
        for f in PLAIN
        for axis in AXES
        if not (axis == () and f is np.median)
    ),
    *(
        case(f"{f.__name__} {axis} keepdims", f, A, axis=axis, keepdims=True)
        for f in PLAIN
        for axis in (None, 1, (0, 2))
    ),
    *(case(f"{f.__name__} Fortran order", f, np.asfortranarray(A), axis=1) for f in PLAIN),
    *(case(f"{f.__name__} 0-d", f, np.array(1.5)) for f in PLAIN if f not in (np.std,)),
    *(case(f"{f.__name__} where", f, A, axis=-1, where=MASK) for f in (np.sum, np.prod, np.mean, np.var, np.std)),
    *(case(f"{f.__name__} where row", f, A, where=MASK[0, 0], keepdims=True) for f in (np.sum, np.mean, np.var)),
    *(
        case(f"{f.__name__} where, initial", f, A, axis=1, where=MASK, initial=0.2)
        for f in (np.max, np.min, np.sum, np.prod)
    ),
    *(case(f"{f.__name__} initial", f, A, axis=(0, 1), initial=0.2) for f in (np.max, np.min, np.sum, np.prod)),
    *(case(f"{f.__name__} empty axis, initial", f, np.zeros((0, 3)), axis=0, initial=2.0) for f in (np.max, np.min)),
    *(case(f"{f.__name__} empty axis", f, np.zeros((2, 0, 3)), axis=1) for f in (np.sum, np.prod)),
    *(case(f"{f.__name__} ddof", f, A, axis=1, ddof=1) for f in (np.std, np.var)),
    *(case(f"{f.__name__} correction", f, A, axis=(0, 1), correction=1, keepdims=True) for f in (np.std, np.var)),
    *(
        case(
            f"{f.__name__} given mean", f, A, A.mean(1, keepdims=True) + 0.1, call=lambda g, x, m: g(x, axis=1, mean=m)
        )
        for f in (np.std, np.var)
    ),
    case("sum in float64", np.sum, A, axis=1, dtype=np.float64),
    case(
        "sum of nested lists", np.sum, np.array(1.5), np.array(2.5), call=lambda f, x, y: f([[x, 1.0], [y, x]], axis=0)
    ),
    case("prod with one zero", np.prod, np.array([[1.0, 0.0, 3.0], [2.0, 0.5, 4.0]]), axis=1),
    case("prod with two zeros", np.prod, np.array([[0.0, 0.0, 3.0], [2.0, 0.5, 4.0]]), axis=1),
    case("prod with zeros, both axes", np.prod, np.array([[0.0, 1.0], [2.0, 0.5]])),
    *(case(f"{f.__name__} {axis}", f, HOLES, axis=axis) for f in NAN for axis in (None, 0, (1, 2), -1)),
    *(case(f"{f.__name__} keepdims", f, HOLES, axis=1, keepdims=True) for f in NAN),
    *(case(f"{f.__name__} ddof", f, HOLES, axis=(0, 1), ddof=1) for f in (np.nanstd, np.nanvar)),
    *(case(f"{f.__name__} no NaN", f, A, axis=1) for f in NAN),
    case("average", np.average, A),
    case("average by axis", np.average, A, axis=1, keepdims=True),
    case("average with weights", np.average, A, A**2 + 1, call=lambda f, x, w: f(x, weights=w)),
    case("average with row weights", np.average, A, ROW**2 + 1, call=lambda f, x, w: f(x, axis=2, weights=w)),
    case(
        "average with weights over two axes",
        np.average,
        A,
        rng.random((4, 2)),
        call=lambda f, x, w: f(x, axis=(2, 0), weights=w),
    ),
    case("average returned", np.average, A, A**2 + 1, call=lambda f, x, w: f(x, axis=0, weights=w, returned=True)),
    case("average returned, no weights", np.average, A, axis=(0, 1), returned=True),
    *(case(f"{f.__name__} {axis}", f, A, axis=axis) for f in (np.cumsum, np.cumprod) for axis in (None, 0, -1)),
    *(case(f"{f.__name__} {axis}", f, HOLES, axis=axis) for f in (np.nancumsum, np.nancumprod) for axis in (None, 1)),
    case("cumprod with a zero", np.cumprod, np.array([1.0, 0.0, 3.0, 2.0])),
    case("cumprod of a scalar", np.cumprod, np.array(3.0)),
    case("add.accumulate", np.add.accumulate, A),
    case("maximum.accumulate", np.maximum.accumulate, A, axis=1),
    case("minimum.accumulate", np.minimum.accumulate, A, axis=-1),
    case("logaddexp.reduce", np.logaddexp.reduce, A, axis=1),
    case("logaddexp.reduce keepdims", np.logaddexp.reduce, A, axis=(0, 1), keepdims=True),
    case("logaddexp.accumulate", np.logaddexp.accumulate, A, axis=1),
    *(case(f"diff {n} {axis}", np.diff, A, n=n, axis=axis) for n in (0, 1, 2, 4) for axis in (0, -1)),
    case("diff with ends", np.diff, ROW, np.array([1.0, 2.0]), call=lambda f, x, e: f(x, prepend=0, append=e)),
    case("diff with end slices", np.diff, A, A[:, :1], call=lambda f, x, e: f(x, axis=1, append=e, prepend=1.5)),
    case("ediff1d", np.ediff1d, A),
    case(
        "ediff1d with ends", np.ediff1d, ROW, np.array([1.0]), call=lambda f, x, e: f(x, to_end=e, to_begin=[1.0, 2.0])
    ),
    case("gradient 1-d", np.gradient, ROW),
    case("gradient with spacing", np.gradient, ROW, call=lambda f, x: f(x, 0.5)),
    case("gradient at uneven points", np.gradient, ROW, np.array([0.0, 0.5, 1.5, 2.0])),
    case("gradient at uneven points, order 2", np.gradient, ROW, np.array([0.0, 0.5, 1.5, 2.0]), edge_order=2),
    case("gradient of all axes", np.gradient, A),
    case("gradient of two axes", np.gradient, A, call=lambda f, x: f(x, 2.0, 0.5, axis=(2, 1))),
    case("gradient order 2", np.gradient, A, axis=-1, edge_order=2),
    *(
        (
            case("trapezoid", np.trapezoid, A),
            case("trapezoid dx", np.trapezoid, A, dx=0.5, axis=0),
            case("trapezoid at points", np.trapezoid, A, ROW, call=lambda f, y, x: f(y, x)),
            case("trapezoid at an array of points", np.trapezoid, A, A + 1, call=lambda f, y, x: f(y, x, axis=1)),
        )
    ),
    *(
        case(f"quantile {q} {axis}", np.quantile, A, call=lambda f, x, q=q, axis=axis: f(x, q, axis=axis))
        for q in (0.3, [0.1, 0.5], 0.0, 1.0)
        for axis in (None, 0, (1, 2))
    ),
    *(
        case(
            f"quantile {m}", np.quantile, A, call=lambda f, x, m=m: f(x, [0.3, 0.61], axis=-1, method=m, keepdims=True)
        )
        for m in ("lower", "higher", "nearest", "midpoint", "hazen", "weibull", "median_unbiased", "normal_unbiased")
    ),
    case("percentile", np.percentile, A, call=lambda f, x: f(x, [[25, 50], [75, 90]], axis=1)),
    case("nanpercentile", np.nanpercentile, HOLES, call=lambda f, x: f(x, 40, axis=1)),
    case("nanquantile", np.nanquantile, HOLES, call=lambda f, x: f(x, [0.4, 0.9])),
    case("median, even count", np.median, rng.normal(size=6)),
    case("median, odd count", np.median, rng.normal(size=7)),
    case("median with NaN", np.median, HOLES, axis=0, gradient=False),
    case("cov", np.cov, A[0]),
    case("cov of two", np.cov, A[0], A[1]),
    case("cov by columns", np.cov, A[0], rowvar=False, bias=True),
    case("cov weighted", np.cov, A[0], ddof=0, aweights=[1.0, 2.0, 0.5, 1.0], fweights=[1, 2, 1, 3]),
    case("cov of a vector", np.cov, ROW),
    case("corrcoef", np.corrcoef, A[0]),
    case("corrcoef of two vectors", np.corrcoef, A[0, 0], A[0, 1]),
    case("corrcoef of a vector", np.corrcoef, ROW),
]


@pytest.mark.parametrize("subject", CASES, ids=str)
def test_value(subject: Case) -> None:
    check_value(subject)


@pytest.mark.parametrize("subject", [c for c in CASES if c.gradient], ids=str)
def test_gradient(subject: Case) -> None:
    check_gradient(subject)


@pytest.mark.parametrize("subject", [c for c in CASES if "float64" not in c.name], ids=str)
def test_value_in_float32(subject: Case) -> None:
    check_value(subject, np.float32, 1e-5)


@pytest.mark.parametrize("f", [np.max, np.min])
def test_ties_share_the_derivative_evenly(f: Any) -> None:
    x = torch.tensor([[1.0, 1.0], [1.0, 1.0]], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(lookup(f)(x), x)
    assert gradient.tolist() == [[0.25, 0.25], [0.25, 0.25]]


@pytest.mark.parametrize("f", [np.std, np.nanstd])
def test_a_spread_of_zero_has_subgradient_zero(f: Any) -> None:
    x = torch.ones(3, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(lookup(f)(x), x)
    assert gradient.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("f", [np.nanmax, np.nanmin, np.nanmean, np.nansum, np.nanvar, np.nanmedian])
@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")
def test_nothing_but_nan(f: Any) -> None:
    x = np.array([[np.nan, np.nan], [1.0, 2.0]])
    np.testing.assert_array_equal(lookup(f)(torch.from_numpy(x), axis=1).numpy(), f(x, axis=1))


@pytest.mark.parametrize("f", PLAIN, ids=lambda f: f.__name__)
def test_output_arrays_are_refused(f: Any) -> None:
    with pytest.raises(NotImplementedError):
        lookup(f)(torch.ones(2), out=np.zeros(()))


@pytest.mark.parametrize("f", [np.sum, np.mean, np.max, np.std, np.prod])
def test_keywords_not_given_are_left_out(f: Any) -> None:
    """ndarray methods pass NumPy's own marker on for keywords that were left out."""
    nothing = {"keepdims": np._NoValue, "where": np._NoValue}
    assert lookup(f)(torch.ones(2, dtype=torch.float64), **nothing).shape == ()


@settings(max_examples=60, deadline=None)
@given(st.data())
@pytest.mark.parametrize("f", [np.sum, np.prod, np.mean, np.max, np.var, np.median, np.ptp], ids=lambda f: f.__name__)
def test_any_shape_and_axes(f: Any, data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(1, 3), min_size=0, max_size=4))
    x = np.random.default_rng(3).normal(size=tuple(shape))
    axis = data.draw(
        st.none() | st.lists(st.integers(0, max(len(shape) - 1, 0)), min_size=1, max_size=len(shape), unique=True)
        if shape
        else st.none()
    )
    if axis is not None:
        axis = tuple(n - len(shape) * data.draw(st.integers(0, 1)) for n in axis)
    check_value(case("drawn", f, x, axis=axis, keepdims=data.draw(st.booleans())))
