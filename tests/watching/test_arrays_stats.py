"""A NumPy array in a few numbers: what is small is counted by its bits, and must be what its values say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.watching.arrays.stats import stats_of

VALUES = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 5e-324, -5e-324, 1e-310, 1e-45, 6e-8, 1e-38]), st.floats(-1e4, 1e4)
)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4", "longdouble"])
@given(values=st.lists(VALUES, min_size=1, max_size=12), backwards=st.booleans())
def test_zeros_the_smallest_and_the_subnormal_are_those_of_the_values(dtype, values, backwards):
    with np.errstate(all="ignore"):
        array = np.array(values).astype(dtype)[:: -1 if backwards else 1]
    found = stats_of(array)
    there = np.abs(array[array != 0])
    tiny = np.finfo(array.dtype).smallest_normal
    assert found.zeros == array.size - there.size
    assert found.smallest == (float(there.min()) if there.size else None)
    assert found.subnormal == int((there < tiny).sum())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_not_looked_at_closely_only_the_norm_is_told(dtype):
    array = np.arange(1.0, 5.0).astype(dtype)
    found = stats_of(array, closely=False)
    assert found.norm == pytest.approx(np.linalg.norm(array))
    assert (found.low, found.zeros, found.smallest) == (None, None, None)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e-40, 1e-35, 0.0, 1e35])
def test_what_is_near_the_ends_of_the_range_is_looked_at_closely_all_the_same(value):
    array = np.full(4, value, np.float32)
    assert stats_of(array, closely=False) == stats_of(array) or np.isnan(value)
    assert stats_of(array, closely=False).bad == (0 if np.isfinite(value) else 4)
