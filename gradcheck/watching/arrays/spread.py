"""The histograms of NumPy arrays, from a few thousand of their entries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcheck.health.spread import every_kth, histogram_of
from gradcheck.watched import Histogram, Spread

__all__ = ["histograms"]

Array = np.ndarray[Any, Any]


def histograms(arrays: Mapping[Spread, Array | None]) -> tuple[Histogram, ...]:
    """Those of the arrays that are there and hold something finite."""
    made = [_histogram(np.asarray(array), of) for of, array in arrays.items() if array is not None]
    return tuple(histogram for histogram in made if histogram is not None)


def _histogram(array: Array, of: Spread) -> Histogram | None:
    with np.errstate(all="ignore"):
        return histogram_of(array.reshape(-1)[:: every_kth(array.shape)], of, array.size)
