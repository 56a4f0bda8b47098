"""The parameters that a step is to move: read before and after it, wherever they are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck.descent.found import parameters_of
from gradcheck.descent.given import Given
from gradcheck.layers.reach import Path
from gradcheck.layers.values import is_array, is_tensor
from gradcheck.state import Slot, State

__all__ = ["Parameter", "plain", "values_of", "weights_of"]

Array = np.ndarray[Any, Any]


def plain(value: Any) -> Array:
    """A float64 copy of an array or a tensor."""
    if is_tensor(value):
        from gradcheck.witnesses.torch_arrays import to_array

        return to_array(value).astype(np.float64)
    return np.array(value, dtype=np.float64)


@dataclass
class Parameter:
    """One array or tensor, and the places that hold it."""

    name: str
    original: Any
    path: Path | None = None
    slots: list[Slot] = field(default_factory=list)
    again: Callable[[], Any] | None = None
    """Reads it by its name from the module that holds it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape, when the check began."""
        return tuple(self.original.shape)

    @property
    def dtype(self) -> str:
        """Its dtype, without the name of a library."""
        return str(self.original.dtype).removeprefix("torch.")

    @property
    def epsilon(self) -> float:
        """The precision of its dtype."""
        if is_tensor(self.original):
            import torch

            return float(torch.finfo(self.original.dtype).eps)
        return float(np.finfo(self.original.dtype).eps)

    def now(self) -> Any:
        """The array that stands in its place now: the same one, or one that it was replaced by."""
        if self.again is not None or self.path is not None:
            held = self.again() if self.again is not None else self.path.get() if self.path is not None else None
            return held if self._fits(held) else self.original
        return next((v for v in (slot.get() for slot in self.slots) if self._fits(v)), self.original)

    def left_behind(self) -> tuple[str, str] | None:
        """(a place that holds the new array, one that still holds the old), where they differ."""
        new = [slot.path for slot in self.slots if self._fits(slot.get())]
        old = [slot.path for slot in self.slots if slot.get() is self.original]
        return (new[0], old[0]) if new and old else None

    def _fits(self, value: Any) -> bool:
        return value is not self.original and (is_array(value) or is_tensor(value)) and tuple(value.shape) == self.shape


def weights_of(
    given: Given, step: object, run: Callable[[], object] | None, roots: tuple[object, ...]
) -> list[Parameter]:
    """The parameters, from what was given as ``params``.

    Raises:
        GradcheckError: an object holds none.
    """
    state = State(step, given.whole, *roots)
    if given.kind == "object":
        paths = parameters_of(given.whole, run, (step, *roots))
        return [Parameter(name, path.get(), path, _slots(state, path.get())) for name, path in paths.items()]
    module = given.whole if hasattr(given.whole, "named_parameters") else None
    return [
        Parameter(
            name,
            value,
            slots=_slots(state, value),
            again=None if module is None else lambda n=name: dict(module.named_parameters()).get(n),  # type: ignore[misc]  # mypy: a lambda's default
        )
        for name, value in given.arrays.items()
    ]


def _slots(state: State, value: Any) -> list[Slot]:
    return [slot for slot in state.slots if slot.get() is value]


def values_of(parameters: Mapping[str, Parameter]) -> dict[str, Array]:
    """The values now, as float64 copies."""
    return {name: plain(p.now()) for name, p in parameters.items()}


def arrays_in(value: Any) -> Iterator[tuple[str, Any]]:
    """The arrays and tensors in what a step returned, with the last key or index that leads to each."""
    if is_array(value) or is_tensor(value):
        yield "", value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from ((inner or str(key), array) for inner, array in arrays_in(item))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from arrays_in(item)
