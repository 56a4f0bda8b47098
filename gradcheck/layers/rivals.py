"""Two gradients kept for one parameter, ``self.dW`` and ``self.grads["W"]``: where they differ, one is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from gradcheck.difference import relative_error
from gradcheck.layers.reach import GRADIENT_WORDS, Path
from gradcheck.layers.spelling import normal_forms
from gradcheck.layers.values import is_float_array
from gradcheck.report import Finding

__all__ = ["Rivals"]

# delta_W is a momentum term more often than a gradient, dW_old and dW_sum are other things by their names
_PLAINLY = re.compile(r"_*(d(?!elta)|.*grad)", re.IGNORECASE)


class Rivals:
    """Where else a backward writes something called the gradient of a parameter."""

    def __init__(self) -> None:
        self.places: dict[str, list[Path]] = {}
        self._standing: dict[Path, tuple[Any, Any]] = {}
        self._before: dict[Path, Any] = {}

    def see(self, held: Iterable[tuple[Path, Any]]) -> None:
        """Between forward and backward: what stands where a gradient may be written."""
        self._standing = {p: (v, v.copy()) for p, v in held if is_float_array(v) and _is_plain(p)}

    def find(
        self, parameters: Mapping[str, Path], gradients: Mapping[str, Path], held: Iterable[tuple[Path, Any]]
    ) -> None:
        """After a backward: what it wrote for a parameter beside what is taken for its gradient.

        Args:
            parameters: the parameters by name.
            gradients: where their gradients are taken from, for those that are stored.
            held: every array there is now.
        """
        written = [(path, value) for path, value in held if is_float_array(value) and _is_plain(path)]
        written = [(path, value) for path, value in written if self._is_new(path, value)]
        self._standing = {}
        for name, parameter in parameters.items():
            words, shape = _folded(parameter.words()), np.shape(parameter.get())
            others = [
                path
                for path, value in written
                if path not in (parameter, gradients.get(name))
                and value.shape == shape
                and words in [_folded(form) for form in path.gradient_of()]
            ]
            stored = [path for path, _ in written if path == gradients.get(name)]
            if others or stored:
                self.places[name] = [*stored, *others]

    def _is_new(self, path: Path, value: Any) -> bool:
        stood = self._standing.get(path)
        return stood is None or stood[0] is not value or not np.array_equal(stood[1], value, equal_nan=True)

    def remember(self) -> None:
        """Before a backward: some are added up from call to call."""
        self._before = {}
        for path in (path for paths in self.places.values() for path in paths):
            value = path.get()
            if is_float_array(value):
                self._before[path] = value.copy()

    def differing(self, given: Mapping[str, Any], labels: Mapping[str, str]) -> list[Finding]:
        """A finding for each parameter with two gradients that are not the same.

        Args:
            given: the gradients that are compared with the truth, by parameter.
            labels: what the report calls them.
        """
        found = []
        for name, places in self.places.items():
            chosen = given.get(name)
            if chosen is None or not is_float_array(chosen):
                continue
            for path in places:
                value = path.get()
                if value is chosen or not is_float_array(value) or value.shape != chosen.shape:
                    continue
                before = self._before.get(path)
                added = value - before if before is not None and before.shape == value.shape else value
                if min(_apart(value, chosen), _apart(added, chosen)) > 0:
                    label = labels.get(name, f"d{name}")
                    label = f"the {label} returned" if label == path.text else label
                    found.append(_two_gradients(name, label, path.text, _apart(value, chosen)))
        return found


def _is_plain(path: Path) -> bool:
    last, holder = str(path.keys[-1]), str(path.keys[-2]) if len(path.keys) > 1 else ""
    return bool(_PLAINLY.match(last)) or holder.strip("_").lower() in GRADIENT_WORDS


def _folded(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(normal_forms(word)[1] for word in words)


def _apart(value: Any, chosen: Any) -> float:
    """The relative error of the one to the other; 0 where it is rounding."""
    eps = max(float(np.finfo(a.dtype).eps) for a in (value, chosen))
    error = relative_error(value, chosen)
    return 0.0 if error <= max(1e-9, 64 * eps) else error


def _two_gradients(name: str, chosen: str, other: str, error: float) -> Finding:
    return Finding(
        code="GC116",
        severity="error",
        title=f"two gradients are kept for {name}, and they differ: {chosen} and {other}",
        gradient=chosen,
        evidence=(f"{chosen} is the one in the table; {other} is {error:.1e} away from it, relative to its size",),
        help=(f"keep one of them, the one that the update reads, or make {other} the same",),
    )
