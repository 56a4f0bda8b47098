"""Symptoms that last, each with what was seen of it last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from gradcheck.health.rule import Lasting
from gradcheck.report import Severity

__all__ = ["Seen", "Symptoms"]

T = TypeVar("T")

_GONE = 5  # samples without it


@dataclass(slots=True)
class Seen(Generic[T]):
    """A symptom that counts: first and last step, and ``what`` was seen of it when it last held."""

    since: int
    last: int
    what: T
    without: int = 0

    @property
    def passed(self) -> bool:
        """Whether it held at none of the last five samples."""
        return self.without >= _GONE

    def severity(self, severity: Severity) -> Severity:
        """The severity, or info once it has passed."""
        return "info" if self.passed else severity

    @property
    def remark(self) -> tuple[str, ...]:
        """The line of evidence that says that it has passed."""
        return (f"it passed: last seen at step {self.last}",) if self.passed else ()


class Symptoms(Generic[T]):
    """Symptoms by key that count once they hold at ``enough`` of the last ``window`` samples."""

    def __init__(self, enough: int = 3, window: int = 5) -> None:
        self._lasting = Lasting(enough, window)
        self._seen: dict[str, Seen[T]] = {}

    def observe(self, key: str, step: int, what: T | None) -> bool:
        """Note what was seen of a symptom at this sample, None where it does not hold; True where it counts."""
        seen = self._seen.get(key)
        if seen is None and what is None:
            return False  # nearly always: samples without a symptom count for nothing until it has held once
        counts = self._lasting.observe(key, step, what is not None)
        if what is None:
            if seen is not None:
                seen.without += 1
        elif seen is None:
            self._seen[key] = Seen(step, step, what)
        else:
            seen.last, seen.what, seen.without = step, what, 0
        return counts

    @property
    def quiet(self) -> bool:
        """Whether none has ever held: then what does not hold need not be observed."""
        return not self._seen

    def __iter__(self) -> Iterator[tuple[str, Seen[T]]]:
        """The symptoms that count, in the order in which they came to."""
        for key in self._lasting:
            seen = self._seen[key]
            seen.since = self._lasting.since(key) or 0
            yield key, seen
