"""How the matrices of a picture are laid out beside and below one another, and what is said about them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gradcheck.views import numbers
from gradcheck.views.plain import count

if TYPE_CHECKING:
    from gradcheck.picture import Picture

__all__ = ["laid_out", "layout_told", "scales", "true_name"]

APART = 4  # where one gradient is larger than the other by this, it would leave the other without colours
WIDE = 1.6  # a picture is wider than high, by about this


def laid_out(values: Sequence[float], picture: Picture) -> list[list[float | None]]:
    """The values as rows of one picture; between two matrices there is a gap of one None."""
    matrices, rows, columns = picture.shape
    across = _across(picture)
    down = math.ceil(matrices / across)
    page: list[list[float | None]] = [[None] * (across * (columns + 1) - 1) for _ in range(down * (rows + 1) - 1)]
    for matrix in range(matrices):
        top, left = matrix // across * (rows + 1), matrix % across * (columns + 1)
        for row in range(rows):
            start = (matrix * rows + row) * columns
            page[top + row][left : left + columns] = values[start : start + columns]
    return page


def _across(picture: Picture) -> int:
    """How many matrices stand in a row: those of one filter, where that gives a picture of a good shape."""
    matrices, rows, columns = picture.shape
    wanted = max(1, min(matrices, round(math.sqrt(WIDE * matrices * (rows + 1) / (columns + 1)))))
    last = {index[-1] for index in picture.indices}
    if picture.left_out == 0 and 1 < len(last) <= 2 * wanted and matrices % len(last) == 0:
        return len(last) * max(1, wanted // len(last))
    return wanted


def scales(picture: Picture) -> tuple[float, float, float]:
    """The numbers at the ends of the colours, for yours, the true gradient, and the difference.

    The first two share one unless they are far apart.
    """
    yours, true = _largest(picture.yours), _largest(picture.true)
    if max(yours, true) <= APART * min(yours, true):
        yours = true = max(yours, true)
    return yours, true, _largest(picture.difference)


def _largest(*values: Sequence[float]) -> float:
    """The largest finite magnitude."""
    return max((abs(x) for of in values for x in of if math.isfinite(x)), default=0.0)


def layout_told(picture: Picture) -> str:
    """What the cells of the picture are: ``6 kernels of 3×3``, and which of them are there."""
    matrices, rows, columns = picture.shape
    told = []
    if picture.indices:
        many = count(matrices, "matrix", "matrices")
        total = matrices + picture.left_out
        of = f"the {matrices} of {total:,} matrices that differ most" if picture.left_out else many
        ends = [f"[{', '.join(map(str, index))}]" for index in (picture.indices[0], picture.indices[-1])]
        told.append(f"{of}, {rows}×{columns} each, {' to '.join(dict.fromkeys(ends))} row by row")
    if picture.block != (1, 1):
        told.append(f"a cell is the entry that differs most in a block of {numbers.shape(picture.block)}")
    return "; ".join(told)


def true_name(compared_with: str) -> str:
    """What the true gradient is called in a picture."""
    return compared_with if compared_with not in ("", "true") else "the true gradient"
