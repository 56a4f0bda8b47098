"""``statistics.mean`` and its kin: exact fractions in the standard library, sums of traced numbers here."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gradcheck.trace.node import Node

if TYPE_CHECKING:
    from gradcheck.trace.tape import Trace

__all__ = ["STATISTICS"]


def _mean(items: list[Any]) -> Any:
    return sum(items) / len(items)


def _squares(items: list[Any], centre: Any) -> Any:
    middle = _mean(items) if centre is None else centre
    return sum((item - middle) ** 2 for item in items)


def _variance(items: list[Any], centre: Any = None) -> Any:
    return _squares(items, centre) / (len(items) - 1)


def _population_variance(items: list[Any], centre: Any = None) -> Any:
    return _squares(items, centre) / len(items)


def _median(items: list[Any]) -> Any:
    ordered = sorted(items)
    half = len(items) // 2
    return ordered[half] if len(items) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _of_items(compute: Callable[..., Any], root: bool = False) -> Callable[..., Any]:
    def call(_trace: Trace, function: Any, data: Any, *args: Any) -> Any:
        items = list(data)
        if not any(isinstance(item, Node) for item in items) or len(items) < 2:
            return function(items, *args)
        result = compute(items, *args)
        return result**0.5 if root else result

    return call


STATISTICS: dict[Any, Callable[..., Any]] = {
    statistics.mean: _of_items(_mean),
    statistics.fmean: _of_items(_mean),
    statistics.median: _of_items(_median),
    statistics.variance: _of_items(_variance),
    statistics.pvariance: _of_items(_population_variance),
    statistics.stdev: _of_items(_variance, root=True),
    statistics.pstdev: _of_items(_population_variance, root=True),
}
