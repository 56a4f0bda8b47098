"""Pictures of gradients: what is kept of arrays of any size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gradcheck.picture import Picture
from gradcheck.sampled import picture_of

RNG = np.random.default_rng(5)


@pytest.mark.parametrize(
    ("shape", "drawn", "indices"),
    [
        ((7,), (1, 1, 7), ()),
        ((4, 5), (1, 4, 5), ()),
        ((2, 3, 4), (2, 3, 4), ((0,), (1,))),
        ((2, 1, 3, 3), (2, 3, 3), ((0, 0), (1, 0))),
        ((3, 3, 2, 4), (8, 3, 3), tuple((i, j) for i in range(2) for j in range(4))),
        ((3, 3, 8, 8), (9, 8, 8), tuple((i, j) for i in range(3) for j in range(3))),
    ],
)
def test_a_small_gradient_is_kept_whole_kernel_by_kernel(shape, drawn, indices):
    true = RNG.integers(-99, 99, size=shape) / 4.0
    picture = picture_of(2 * true, true)
    assert (picture.shape, picture.indices, picture.block, picture.left_out) == (drawn, indices, (1, 1), 0)
    assert sorted(picture.true) == sorted(true.ravel())
    assert picture.difference == picture.true


def test_zeros_are_kept_among_numbers_of_every_size():
    true = np.array([0.0, -0.0, 1e-300, -2.34567, 1e300, 0.0])
    picture = picture_of(true + np.array([1, 0, 0, 0, 0, 0]), true)
    assert picture.true == (0.0, 0.0, 1e-300, -2.346, 1e300, 0.0)
    assert picture.difference == (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def test_of_two_that_are_the_same_there_is_nothing_to_see():
    assert picture_of(np.arange(6.0), np.arange(6.0)) is None


def test_kernels_stand_as_in_the_gradient():
    true = np.arange(2 * 2 * 9.0).reshape(2, 2, 3, 3)
    assert picture_of(true + 1, true).true == tuple(true.ravel())
    last = np.arange(4 * 5 * 9.0).reshape(3, 3, 4, 5)
    assert picture_of(last + 1, last).true[:9] == tuple(last[:, :, 0, 0].ravel())


@pytest.mark.parametrize(
    "shape", [(5000,), (300, 200), (2, 4000), (4000, 2), (64, 32, 3, 3), (50, 40, 30), (5, 1, 90, 91), (70, 9000)]
)
def test_a_large_gradient_is_sampled_and_its_one_wrong_entry_is_seen(shape):
    true = RNG.standard_normal(shape)
    yours = true.copy()
    at = tuple(int(RNG.integers(n)) for n in shape)
    yours[at] += 3.0
    picture = picture_of(yours, true)
    assert np.prod(picture.shape) == len(picture.yours) == len(picture.true) <= 4096
    assert max(picture.difference) == pytest.approx(3.0)
    assert sum(x != 0 for x in picture.difference) == 1
    assert len(picture.indices) in (0, picture.shape[0])
    i = picture.difference.index(max(picture.difference))
    assert picture.yours[i] == pytest.approx(yours[at], rel=1e-3)
    if picture.indices:
        assert picture.indices[i // (picture.shape[1] * picture.shape[2])] == at[:-2]


@pytest.mark.parametrize(("mine", "true"), [((3,), (4,)), ((), ()), ((1, 1), (1, 1)), ((0,), (0,))])
def test_where_nothing_can_be_seen_there_is_no_picture(mine, true):
    assert picture_of(np.ones(mine), np.ones(true)) is None


def test_what_is_not_finite_is_kept_first():
    true = RNG.standard_normal((400, 300))
    yours = true.copy()
    yours[77, 5], yours[300, 299] = np.nan, -np.inf
    picture = picture_of(yours, true)
    assert sum(np.isnan(picture.yours)) == 1
    assert picture.yours.count(-np.inf) == 1


@given(arrays.arrays(np.float64, st.integers(2, 30), elements=st.floats()))
def test_values_are_kept_to_four_digits_as_text_would_have_them(values):
    true = values.copy()
    true[0] = 1.0 if values[0] != 1 else 2.0
    picture = picture_of(values, true)
    assert isinstance(picture, Picture)
    assert repr(picture.yours) == repr(tuple(float(f"{x:.4g}") for x in values))
