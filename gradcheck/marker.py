"""``@pytest.mark.gradcheck(dtypes=["float32", "float64"], seeds=3)``: a test once for every dtype and seed.

The checks inside that are given no dtype or seed of their own use the case's.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from gradcheck import outcome
from gradcheck.errors import GradcheckError

__all__ = ["LINE", "parametrize", "refuse_unserved", "using_case_of"]

LINE = (
    'gradcheck(dtypes=["float32", "float64"], seeds=3): run the test once for every dtype and seed (3: three of them, '
    "from --gradcheck-seed up); gradcheck's checks inside use them unless they are given their own"
)
"""What ``pytest --markers`` says."""

_NAME = "gradcheck"
_PARAMETER = "gradcheck_case"


@dataclass(frozen=True)
class _Case:
    """What one run of a marked test is made with; None is what it would be without the marker."""

    dtype: str | None
    seed: int | None

    @property
    def id(self) -> str:
        parts = (self.dtype, None if self.seed is None else f"seed{self.seed}")
        return "-".join(part for part in parts if part is not None)


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Make a test function that bears the marker one test a case.

    Raises:
        pytest.Collector.CollectError: the marker cannot be understood.
    """
    arguments: dict[str, Any] = {}
    try:
        for mark in reversed(list(metafunc.definition.iter_markers(_NAME))):  # the module's, the class's, its own
            arguments |= _arguments(mark)
        cases = _cases(arguments)
    except GradcheckError as error:
        where = metafunc.definition.nodeid
        raise pytest.Collector.CollectError(f"@pytest.mark.gradcheck on {where}: {error}") from error
    if cases:
        metafunc.fixturenames.append(_PARAMETER)  # the function itself need not take it
        metafunc.parametrize(_PARAMETER, cases, ids=[case.id for case in cases])


def refuse_unserved(items: list[pytest.Item]) -> None:
    """Say so where a marker has no effect: methods of ``unittest.TestCase`` cannot be parametrised.

    Raises:
        pytest.UsageError: there is such an item.
    """
    for item in items:
        if any(mark.kwargs for mark in item.iter_markers(_NAME)) and _case_of(item) is None:
            raise pytest.UsageError(
                f"@pytest.mark.gradcheck on {item.nodeid}: only test functions and methods of plain classes can be "
                "parametrised; a method of unittest.TestCase cannot"
            )


@contextmanager
def using_case_of(item: pytest.Item) -> Iterator[None]:
    """Make the dtype and seed of the test's case the defaults of all checks in this context."""
    case = _case_of(item)
    if case is None:
        yield
        return
    with outcome.defaults(seed=case.seed, dtype=case.dtype):
        yield


def _case_of(item: pytest.Item) -> _Case | None:
    case = getattr(getattr(item, "callspec", None), "params", {}).get(_PARAMETER)
    return case if isinstance(case, _Case) else None


def _arguments(mark: pytest.Mark) -> dict[str, Any]:
    unknown = sorted(set(mark.kwargs) - {"dtypes", "seeds"})
    if mark.args or unknown:
        given = repr(mark.args[0]) if mark.args else f"{unknown[0]}="
        raise GradcheckError(
            f'{given}: it takes dtypes= and seeds= alone, as in dtypes=["float32", "float64"], seeds=3'
        )
    return dict(mark.kwargs)


def _cases(arguments: Mapping[str, Any]) -> list[_Case]:
    dtypes = _dtypes(arguments["dtypes"]) if "dtypes" in arguments else [None]
    seeds = _seeds(arguments["seeds"]) if "seeds" in arguments else [None]
    return [_Case(dtype, seed) for dtype, seed in itertools.product(dtypes, seeds)] if arguments else []


def _dtypes(given: object) -> list[str | None]:
    from gradcheck.options import checked_dtype

    if not isinstance(given, list | tuple) or not given:
        raise GradcheckError(f'dtypes: give a list of them, as in dtypes=["float32", "float64"], not {given!r}')
    names: list[str | None] = []
    for each in given:
        dtype = None if each is None else checked_dtype(each)
        if dtype is None:
            raise GradcheckError("dtypes: None is no dtype; leave dtypes out for the arrays' own")
        names.append(dtype.name)
    return _different("dtypes", names)


def _seeds(given: object) -> list[int | None]:
    from gradcheck.options import checked_seed

    if isinstance(given, list | tuple) and given and None not in given:
        return _different("seeds", [checked_seed(each) for each in given])
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise GradcheckError(f"seeds: give how many, as in seeds=3, or a list of them, as in [0, 7], not {given!r}")
    first = outcome.default_seed()
    return list(range(first, first + given))


def _different(argument: str, values: list[Any]) -> list[Any]:
    double = next((value for value in values if values.count(value) > 1), None)
    if double is not None:
        raise GradcheckError(f"{argument}: {double} comes twice")
    return values
