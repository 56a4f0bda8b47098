"""Strategies for hypothesis: shapes and arrays that hide no mistake, shrunk to the smallest that shows it.

A square array hides a transpose, a batch of one a mean taken for a sum, a zero or a one a factor that is missing. What
is drawn here has none of these: sizes that have different names are different numbers from 2 up, and entries are
different from one another in size, of both signs, and none is 0 or 1.

Needs hypothesis (``pip install hypothesis``).

Example:
    >>> from gradcheck import check_layer
    >>> from gradcheck.strategies import shapes
    >>> from hypothesis import given, settings
    >>> def forward(x, w):
    ...     return x @ w, (x, w)
    >>> def backward(dout, cache):
    ...     x, w = cache
    ...     return dout @ w.T, x.T @ dout
    >>> @settings(deadline=None, max_examples=10)
    ... @given(shapes({"x": "n d", "w": "d m"}))
    ... def test_affine(shapes):
    ...     check_layer(forward, backward, shapes=shapes, raises=True)
    >>> test_affine()

With a mistake in ``backward`` the failure tells the smallest shapes that show it, such as
``{'x': (2, 3), 'w': (3, 4)}``, and the report. Under pytest ``raises=True`` is not needed. ``deadline=None`` is: a
check that fails looks for the cause, and may take longer than the 200 ms that hypothesis gives an example.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gradcheck.errors import GradcheckError

if TYPE_CHECKING:
    import numpy as np

try:
    from hypothesis import strategies as st
except ImportError as error:
    raise ImportError(
        "gradcheck.strategies needs hypothesis, which is not installed: pip install hypothesis", name="hypothesis"
    ) from error

__all__ = ["arrays", "shapes"]

Shape = tuple[int, ...]
Range = tuple[int, int]

_SIZES: Range = (2, 7)
_SEEDS = 2**16
# Between these float16 still tells numbers of three decimals apart.
_SMALLEST, _LARGEST = 0.2, 2.0


def shapes(
    named: Mapping[str, str | Sequence[int]], *, sizes: Mapping[str, Range] | None = None
) -> st.SearchStrategy[dict[str, Shape]]:
    """Shapes that fit together, as ``check_layer(shapes=...)`` takes them.

    Args:
        named: For each array the names of its sizes, as in ``{"x": "n d", "w": "d m", "b": "m"}``; a number stands for
            itself (``"k c 3 3"``), and a tuple is a shape that does not vary.
        sizes: The smallest and largest value of sizes by name, ``{"n": (2, 4), "h": (5, 9)}``. Default: 2 to 7, and
            up as many more as there are names.

    Returns:
        A strategy for dicts of shapes. One name is one number throughout, other names are other numbers.

    Raises:
        GradcheckError: a shape or a range cannot be understood, or there are too few numbers for the names.

    Example:
        >>> from hypothesis import find
        >>> find(shapes({"x": "n c h w"}), lambda drawn: drawn["x"][2] > drawn["x"][3])
        {'x': (2, 3, 5, 4)}
    """
    patterns = _patterns(named)
    ranges = _ranges(patterns, sizes or {})
    return _fitting(patterns, ranges)


def arrays(
    named: Mapping[str, str | Sequence[int]],
    *,
    sizes: Mapping[str, Range] | None = None,
    dtype: str = "float64",
) -> st.SearchStrategy[dict[str, np.ndarray[Any, Any]]]:
    """Arrays of shapes that fit together: ``check_layer(forward, backward, *drawn.values())``.

    Args:
        named, sizes: As in :func:`shapes`.
        dtype: Their dtype: ``"float16"``, ``"float32"`` or ``"float64"``.

    Returns:
        A strategy for dicts of arrays. Entries lie between 0.2 and 2 in size and have few digits, so that they can be
        read; all are different, also without their signs, as far as the dtype can tell so many apart; none is 1 or -1;
        both signs occur in every array of two entries or more.

    Raises:
        GradcheckError: as in :func:`shapes`; or the dtype is none of these.

    Example:
        >>> from hypothesis import find
        >>> find(arrays({"x": "n d"}), lambda drawn: drawn["x"].size > 0)["x"].shape
        (2, 3)
    """
    from gradcheck.options import checked_dtype

    kind = checked_dtype(dtype)
    return _filled(shapes(named, sizes=sizes), "float64" if kind is None else kind.name)


@st.composite
def _filled(
    draw: st.DrawFn, fitting: st.SearchStrategy[dict[str, Shape]], dtype: str
) -> dict[str, np.ndarray[Any, Any]]:
    import numpy as np

    drawn = draw(fitting)
    # the entries are drawn by a generator: what is shrunk are the shapes
    rng = np.random.default_rng(draw(st.integers(0, _SEEDS - 1)))
    return {name: _entries(shape, rng).astype(dtype) for name, shape in drawn.items()}


def _entries(shape: Shape, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    import numpy as np

    count = int(np.prod(shape))
    unit = 100
    while (_LARGEST - _SMALLEST) * unit <= count:
        unit *= 10
    possible = np.arange(round(_SMALLEST * unit), round(_LARGEST * unit))
    sizes = rng.choice(possible[possible != unit], size=count, replace=False) / unit
    signs = rng.choice([-1.0, 1.0], size=count)
    if count > 1 and abs(signs.sum()) == count:
        signs[rng.integers(count)] *= -1
    entries: np.ndarray[Any, Any] = (sizes * signs).reshape(shape)
    return entries


@st.composite
def _fitting(draw: st.DrawFn, patterns: dict[str, list[str | int]], ranges: dict[str, Range]) -> dict[str, Shape]:
    chosen: dict[str, int] = {}
    for name, (low, high) in ranges.items():
        later = [between for other, between in ranges.items() if other not in chosen and other != name]
        taken = set(chosen.values())
        # a number that leaves one for each of the names that come later
        free = [k for k in range(low, high + 1) if k not in taken and _enough(later, {*taken, k})]
        chosen[name] = draw(st.sampled_from(free))
    return {
        array: tuple(size if isinstance(size, int) else chosen[size] for size in pattern)
        for array, pattern in patterns.items()
    }


def _enough(ranges: Iterable[Range], taken: set[int]) -> bool:
    """Whether each range can have a number of its own: whoever must be served soonest takes the smallest."""
    waiting = sorted(ranges, key=lambda between: between[1])
    for number in range(min((low for low, _ in waiting), default=0), max((high for _, high in waiting), default=0) + 1):
        served = next((r for r in waiting if r[0] <= number), None) if number not in taken else None
        if served is not None:
            if served[1] < number:
                return False
            waiting.remove(served)
    return not waiting


def _patterns(named: object) -> dict[str, list[str | int]]:
    if not isinstance(named, Mapping) or not named:
        raise GradcheckError(f'shapes: give the sizes of each array by name, {{"x": "n d", "w": "d m"}}, not {named!r}')
    return {str(array): _pattern(str(array), given) for array, given in named.items()}


def _pattern(array: str, given: object) -> list[str | int]:
    parts: list[Any] = (
        given.split() if isinstance(given, str) else list(given) if isinstance(given, tuple | list) else []
    )
    sizes = [int(part) if isinstance(part, str) and part.isdecimal() else part for part in parts]
    for size in sizes:
        number = isinstance(size, int) and not isinstance(size, bool) and size >= 1
        if not number and not (isinstance(given, str) and isinstance(size, str) and size.isidentifier()):
            raise GradcheckError(f"shapes[{array!r}]: {size!r} is neither the name of a size nor a number from 1 up")
    if not sizes and given not in ("", (), []):
        raise GradcheckError(f'shapes[{array!r}]: give the names of its sizes, as in "n d", not {given!r}')
    return sizes


def _ranges(patterns: Mapping[str, list[str | int]], sizes: Mapping[str, Range]) -> dict[str, Range]:
    """The smallest and largest value of each name, in the order in which the names come."""
    names = list(dict.fromkeys(size for pattern in patterns.values() for size in pattern if isinstance(size, str)))
    for name, between in sizes.items():
        if name not in names:
            raise GradcheckError(f"sizes: there is no size {name!r}; there are {', '.join(names) or 'none'}")
        whole = isinstance(between, tuple | list) and [type(k) for k in between] == [int, int]
        if not whole or not 1 <= between[0] <= between[1]:
            raise GradcheckError(f"sizes[{name!r}]: give the smallest and the largest, as in (2, 7), not {between!r}")
    ranges = {name: (sizes[name][0], sizes[name][1]) if name in sizes else _default(len(names)) for name in names}
    if not _enough(ranges.values(), set()):
        raise GradcheckError(
            f"sizes: there are not enough numbers for {', '.join(names)} all to be different; widen their ranges"
        )
    return ranges


def _default(names: int) -> Range:
    return _SIZES[0], _SIZES[1] + max(0, names - 2)
