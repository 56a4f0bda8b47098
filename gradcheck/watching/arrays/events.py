"""What is told of each NumPy operation while a sampled step runs, and what follows the arrays."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from gradcheck.trace.sites import Site

__all__ = ["Event", "Following", "root"]


@dataclass(frozen=True, slots=True)
class Event:
    """One operation on followed arrays, just after it was made.

    ``operation`` is how the source has it: ``"@"``, ``"-="``, ``"np.exp"``, ``"sum"`` (a method), ``"[]="``.
    ``function`` is NumPy's function for it, one for all ways to write it: ``np.matmul`` for ``@``, ``np.dot`` for
    ``x.dot(w)``, ``np.sum`` for ``x.sum()`` and ``np.add.reduce(x)``, ``np.clip`` for ``x.clip()``;
    ``np.ndarray.__setitem__`` for ``a[index] = value`` with inputs (a, index, value) and output a.
    ``inputs`` are the operands in order, ``keywords`` the rest without ``out``. Every array is a plain ndarray over
    the user's own memory (so an operand may be changed later, and those of an ``in_place`` operation already are);
    :func:`root` tells which arrays share memory. ``output`` may be a scalar or a tuple.
    """

    site: Site
    operation: str
    function: Callable[..., Any]
    inputs: tuple[Any, ...]
    output: Any
    keywords: Mapping[str, Any] = field(default_factory=dict)
    in_place: bool = False  # the output was there before: out=, +=, []=


class Following(Protocol):
    """What follows arrays. ``numpy_follow.Follower(born, unseen)`` is it.

    ``listener`` is called with every event while it is set; leave it None on steps that are not sampled.
    ``parameters`` are the paths (as :meth:`arrays` names them) in which an infinity is harm, once they are known: a
    cached array of scores may hold a deliberate one, a weight may not.
    """

    listener: Callable[[Event], object] | None
    parameters: Collection[str]

    def follow(self, *roots: object) -> None:
        """Put followed arrays into every slot reachable from ``roots``; again, for arrays that came since (idempotent).

        With no roots: those of the last call. Functions among the roots follow the arrays they are called with.
        """

    def release(self) -> None:
        """Make everything a plain array again: the user's own objects where they were not replaced meanwhile."""

    def step_ended(self, step: int, loss: object = None) -> None:
        """Judge the step that ends here: births whose consequences reached a parameter or the loss are told now."""

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """Every followed slot's path (``layers[0].W``) and the plain array in it now."""

    def path_of(self, holder: object) -> str:
        """The path of an object reachable from the roots (``layers[0]``); empty where it is not known or a root."""

    def plain(self, value: Any) -> Any:
        """The same memory as a plain ndarray, also inside tuples, lists and dicts; anything else is itself."""


def root(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array that owns the memory, as far as NumPy knows: the same object for all views of one array."""
    base = array.base
    while isinstance(base, np.ndarray):
        array, base = base, base.base
    return array
