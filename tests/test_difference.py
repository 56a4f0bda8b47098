"""Distances between arrays, and where they are largest."""

import math

import numpy as np
import pytest

from gradcheck.difference import all_finite, nearest_multiple, norm, relative_error, worst_indices


@pytest.mark.parametrize("scale", [1e-200, 1e-5, 1.0, 1e200])
def test_norm_neither_overflows_nor_underflows(scale):
    assert norm(scale * np.array([[3.0], [4.0]])) == pytest.approx(5 * scale)


def test_norm_of_nothing_and_of_zeros():
    assert norm(np.array([])) == 0
    assert norm(np.zeros(3)) == 0


def test_relative_error():
    assert relative_error(np.array([2.0, 2.0]), np.array([1.0, 1.0])) == pytest.approx(1.0)
    assert relative_error(np.zeros(2), np.zeros(2)) == 0
    assert relative_error(np.ones(2), np.zeros(2)) == math.inf
    assert relative_error(np.array([1.0, np.nan]), np.ones(2)) == math.inf


def test_worst_indices_come_worst_first_and_leave_equal_entries_out():
    true = np.zeros((2, 3))
    yours = np.array([[0.0, 1.0, 0.0], [5.0, 0.0, -3.0]])
    assert worst_indices(yours, true, 5) == [(1, 0), (1, 2), (0, 1)]
    assert worst_indices(yours, true, 2) == [(1, 0), (1, 2)]


def test_nan_is_the_worst():
    assert worst_indices(np.array([9.0, np.nan]), np.zeros(2), 1) == [(1,)]


def test_a_scalar_has_the_empty_index():
    assert worst_indices(np.array(2.0), np.array(1.0), 3) == [()]


@pytest.mark.parametrize("size", [1, 4, 5, 6, 255, 1537, 5000, 100_003])
@pytest.mark.parametrize("few", [True, False])
def test_the_worst_indices_are_those_of_a_whole_sort(size, few):
    rng = np.random.default_rng(size)
    yours = rng.standard_normal(size)
    true = yours.copy()
    true[rng.integers(0, size, 3) if few else slice(None)] = rng.standard_normal(3 if few else size)
    gap = np.abs(yours - true)
    wanted = [(int(k),) for k in np.argsort(-gap, kind="stable")[:5] if gap[k] > 0]
    assert worst_indices(yours, true, 5) == wanted
    true[size // 2] = np.nan
    assert worst_indices(yours, true, 5)[0] == (size // 2,)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_what_is_not_finite_is_seen_and_what_is_large_is_not_taken_for_it(dtype):
    array = np.full((3, 4), np.finfo(dtype).max)
    assert all_finite(array)
    for bad in (np.nan, np.inf, -np.inf):
        array[1, 2] = bad
        assert not all_finite(array)
        assert not all_finite(array.T)
    assert all_finite(2.0)
    assert not all_finite(math.nan)


@pytest.mark.parametrize("scale", [1e-250, 1e-120, 1.0, 1e120, 1e250])
def test_the_nearest_multiple(scale):
    of = np.array([[1.0, -2.0], [0.5, 3.0]])
    assert nearest_multiple(scale * of, 3 * scale * of) == pytest.approx(3.0)
    assert nearest_multiple(np.zeros(3), np.ones(3)) is None
