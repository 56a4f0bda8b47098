"""What the wrong configurations have in common and the right ones have not, in a few words.

Every configuration is described by facts: its settings, and of arrays their sizes. A property of the facts ("stride
above 1") explains the outcome where it holds for all wrong configurations and for no right one. Properties of one fact
come before those of two; equally simple ones that fit are told as well: what was tried does not tell them apart.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Facts", "properties_of"]

Fact = int | float | bool | str
Facts = dict[str, Fact]
_MOST = 3


@dataclass(frozen=True)
class _Property:
    words: str
    holds: Callable[[Facts], bool]


def properties_of(wrong: Sequence[Facts], right: Sequence[Facts]) -> list[str]:
    """The simplest properties that hold for every wrong and for no right configuration; none where there is none."""
    if not wrong or not right:
        return []
    single = _telling(_properties([*wrong, *right]), wrong, right)
    found = [p for p in single if _explains(p.holds, wrong, right)]
    if found:
        return [p.words for p in found[:_MOST]]
    useful = [p for p in single if all(p.holds(f) for f in wrong)]  # a conjunction's parts each hold for all wrong ones
    for a, b in itertools.combinations(useful, 2):
        if not any(a.holds(f) and b.holds(f) for f in right):
            return [f"{a.words} and {b.words}"]
    return []


def _explains(holds: Callable[[Facts], bool], wrong: Sequence[Facts], right: Sequence[Facts]) -> bool:
    return all(holds(f) for f in wrong) and not any(holds(f) for f in right)


def _telling(properties: Iterator[_Property], wrong: Sequence[Facts], right: Sequence[Facts]) -> list[_Property]:
    """Those that are true of some configurations and not of all."""
    kept = []
    for p in properties:
        pattern = [p.holds(f) for f in (*wrong, *right)]
        if any(pattern) and not all(pattern):
            kept.append(p)
    return kept


def _properties(everything: list[Facts]) -> Iterator[_Property]:
    names = [name for name in everything[0] if all(name in facts for facts in everything)]
    values = {name: {facts[name] for facts in everything} for name in names}
    for name in names:
        if all(isinstance(v, bool) for v in values[name]):
            yield _of(name, "{}", lambda v: bool(v))
            yield _of(name, "not {}", lambda v: not v)
        elif all(isinstance(v, int | float) for v in values[name]):
            yield from _of_number(name, sorted(v for v in values[name] if not isinstance(v, str)))
        else:
            for value in sorted(map(str, values[name])):
                yield _of(name, f"{{}} {value}", functools.partial(operator.eq, value))
    numbers = [n for n in names if all(isinstance(v, int) and not isinstance(v, bool) for v in values[n])]
    for a, b in itertools.combinations(numbers, 2):
        if _comparable(a, b):
            yield _between(a, "≠", b, operator.ne)
            yield _between(a, "above", b, operator.gt)
            yield _between(a, "below", b, operator.lt)


def _of_number(name: str, values: list[int | float]) -> Iterator[_Property]:
    for v in values[:-1]:
        yield _of(name, f"every {{}} above {v}", functools.partial(operator.lt, v))
    for v in reversed(values[1:]):
        yield _of(name, f"every {{}} below {v}", functools.partial(operator.gt, v))
    for v in values:
        yield _of(name, f"{{}} {v}", functools.partial(operator.eq, v))
    if all(isinstance(v, int) for v in values):
        yield _of(name, "odd {}", lambda v: v % 2 == 1)
        yield _of(name, "even {}", lambda v: v % 2 == 0)
    for v in values:
        yield _of(name, f"every {{}} but {v}", functools.partial(operator.ne, v))


def _of(name: str, words: str, test: Callable[[Any], bool]) -> _Property:
    return _Property(words.format(name), lambda facts: test(facts[name]))


def _between(a: str, word: str, b: str, test: Callable[[Any, Any], bool]) -> _Property:
    return _Property(f"{a} {word} {b}", lambda facts: test(facts[a], facts[b]))


def _comparable(a: str, b: str) -> bool:
    """Sizes are compared with sizes, and steps and windows with both; a stride and a seed are not."""
    lengths = ("height", "width", "batch", "size", "axis", "stride", "window", "pool", "kernel")
    return all(any(word in name for word in lengths) for name in (a, b))
