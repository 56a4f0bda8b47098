"""How another program laid its arrays out, and the same arrays as the reference wants them.

A program whose arrays are column-major may write its buffer under a row-major header. Then either the header says the
right shape and the numbers stand in the other order, or the numbers are right for the reversed shape: every array comes
out as its transpose. Programs that keep samples in columns have the batch as the last axis of activations and of their
gradients, not of parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.recordings.files import Array
from gradcheck.recordings.roles import Recording

__all__ = ["LAYOUTS", "candidates", "laid_out"]


def _same(array: Array, activation: bool) -> Array:  # noqa: ARG001  # as all layouts
    return array


def _reversed(array: Array, activation: bool) -> Array:  # noqa: ARG001  # as all layouts
    return array.T


def _column_major(array: Array, activation: bool) -> Array:  # noqa: ARG001  # as all layouts
    return array.reshape(-1).reshape(array.shape, order="F")


def _batch_last(array: Array, activation: bool) -> Array:
    return np.moveaxis(array, -1, 0) if activation and array.ndim > 1 else array


LAYOUTS: dict[str, Callable[[Array, bool], Array]] = {
    "as recorded": _same,
    "axes reversed": _reversed,
    "column-major": _column_major,
    "batch last": _batch_last,
}


def laid_out(recording: Recording, layout: str, activations: frozenset[str]) -> Recording:
    """The recording in the reference's layout; ``activations`` are the inputs with a batch axis.

    Raises:
        GradcheckError: there is no such layout.
    """
    if layout not in LAYOUTS:
        raise GradcheckError(f"layout: it is {layout!r}; it must be one of {', '.join(map(repr, LAYOUTS))}")
    put = LAYOUTS[layout]
    return Recording(
        {name: put(array, name in activations) for name, array in recording.inputs.items()},
        {name: put(array, name in activations) for name, array in recording.gradients.items()},
        None if recording.upstream is None else put(recording.upstream, True),
        None if recording.output is None else put(recording.output, True),
        recording.keys,
        recording.unused,
    )


def candidates(recording: Recording, activations: frozenset[str]) -> Iterator[tuple[str, Recording]]:
    """Every layout with the recording put into it, as it was recorded first; those that change nothing are left out."""
    seen: list[Recording] = []
    for layout in LAYOUTS:
        made = laid_out(recording, layout, activations)
        if not any(_equal(made, other) for other in seen):
            seen.append(made)
            yield layout, made


def _equal(a: Recording, b: Recording) -> bool:
    pairs = [(a.inputs[n], b.inputs[n]) for n in a.inputs] + [(a.gradients[n], b.gradients[n]) for n in a.gradients]
    pairs += [(x, y) for x, y in ((a.upstream, b.upstream), (a.output, b.output)) if x is not None and y is not None]
    return all(x.shape == y.shape and np.array_equal(x, y, equal_nan=x.dtype.kind == "f") for x, y in pairs)
