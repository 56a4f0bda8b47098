"""Parameters kept as integers, np.array([[1, 2], [3, 4]]): a gradient of them is refused, with the remedy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.layers.pairing import match_paths
from gradcheck.layers.reach import Path
from gradcheck.layers.spelling import (
    is_buffer_name,
    is_data_name,
    is_target_name,
    looks_like_parameter,
    match_names,
)
from gradcheck.layers.stored import Keeper
from gradcheck.layers.values import is_array, is_float_array

__all__ = ["integers_of", "refuse_integers"]


def integers_of(keeper: Keeper, arguments: Sequence[object] = ()) -> dict[Path, Any]:
    """The integer arrays kept since before the first forward that may be parameters: no data, labels or buffers."""
    return {
        path: value
        for path, value in keeper.before
        if is_array(value)
        and value.dtype.kind in "iu"
        and value.size > 0
        and path.words()
        and not any(value is argument for argument in arguments)
        and not any(of(str(path.words()[-1])) for of in (is_data_name, is_target_name, is_buffer_name))
    }


def refuse_integers(integers: Mapping[Path, Any], keeper: Keeper, returned: Mapping[str, Any]) -> None:
    """Raise :class:`GradcheckError` where the backward gave a gradient of an integer array, or made floats of it.

    Called after the first backward. An array of integers that has a gradient is no index: it is a parameter in the
    wrong dtype, and would be left out.

    Args:
        integers: what :func:`integers_of` found.
        keeper: knows what is stored now, and what stood there before the backward.
        returned: the gradients that were returned under a name.
    """
    if not integers:
        return
    for path, value in integers.items():
        now = path.get()
        if is_float_array(now) and now.shape == value.shape and looks_like_parameter(path.words()[-1]):
            raise _refused(path, value, "a step makes floating-point numbers of it")
    stored = [p for p, held in keeper.arrays() if is_float_array(held) and not keeper.standing.untouched(p, held)]
    for path, gradient in match_paths(list(integers), stored).items():
        if _is_gradient(gradient.get(), integers[path]):
            raise _refused(path, integers[path], f"the backward stores a gradient of it in {gradient.text}")
    words = {path.words()[-1]: path for path in integers}
    for word, key in match_names(list(words), list(returned)).items():
        if _is_gradient(returned[key], integers[words[word]]):
            raise _refused(words[word], integers[words[word]], f"the backward returns a gradient of it, {key}")


def _is_gradient(given: Any, value: Any) -> bool:
    return is_float_array(given) and given.shape == value.shape and bool(np.any(given))


def _refused(path: Path, value: Any, why: str) -> GradcheckError:
    return GradcheckError(
        f"parameter {path.text}: it is an array of integers ({value.dtype}), and {why}; "
        f"give it as floating-point numbers: {path.text} = {path.text}.astype(float)"
    )
