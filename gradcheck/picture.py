"""A gradient that is not right, beside the true one, small enough to be kept and drawn: frozen plain data."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Picture"]


@dataclass(frozen=True, slots=True)
class Picture:
    """Yours, the true gradient and their difference, as matrices: one, or one for each kernel of a convolution.

    ``shape`` is (matrices, rows, columns); the three tuples hold the values row by row, to four digits. ``indices`` are
    the places of the matrices in the gradient: (3, 0) for its part ``[3, 0, :, :]``. Where the gradient has more than
    4,096 entries a value stands for a ``block`` of (rows, columns) of it: of the entries of the block it is the one at
    which the two differ most, so that no single wrong entry is lost; and of many matrices those that differ most are
    kept, ``left_out`` says how many are not.
    """

    shape: tuple[int, int, int]
    yours: tuple[float, ...] = field(repr=False)  # a prompt that shows a gradient shall not show thousands of numbers
    true: tuple[float, ...] = field(repr=False)
    difference: tuple[float, ...] = field(repr=False)
    indices: tuple[tuple[int, ...], ...] = ()
    block: tuple[int, int] = (1, 1)
    left_out: int = 0
