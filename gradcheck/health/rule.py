"""What a rule of health is, and what most of them share: a symptom counts when it lasts."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable, Iterator
from typing import ClassVar

from gradcheck.health.sample import Birth, Sample
from gradcheck.report import Finding

__all__ = ["Lasting", "Rule"]

_WINDOW = 5
_ENOUGH = 3  # of the last five samples


class Rule(ABC):
    """One symptom of an unhealthy training. A rule keeps a state of bounded size, whatever the number of steps.

    A rule overrides what it needs of :meth:`step` (every step), :meth:`observe` (every sample) and :meth:`birth`, and
    gives what it found in :meth:`findings`, at any time and as often as it is asked.
    """

    code: ClassVar[str]

    def step(self, step: int, loss: float) -> None:  # noqa: B027  # overridden where a rule needs it
        """One training step was made; ``loss`` is its loss."""

    def observe(self, sample: Sample) -> None:  # noqa: B027  # overridden where a rule needs it
        """One step was sampled."""

    def birth(self, birth: Birth) -> None:  # noqa: B027  # overridden where a rule needs it
        """The birth of a NaN or an infinity was found."""

    def findings(self) -> Iterable[Finding]:
        """What was found until now, the first seen first."""
        return ()


class Lasting:
    """Symptoms, each by its own key, that count once they hold at three of the last five samples.

    A single sample can be an accident of its batch. Rules that held at one sample only raised the false alarms when the
    thresholds were calibrated (see tests/benchmarks).
    """

    def __init__(self, enough: int = _ENOUGH, window: int = _WINDOW) -> None:
        self._enough, self._window = enough, window
        self._recent: dict[str, list[tuple[int, bool]]] = {}
        self._since: dict[str, int] = {}

    def observe(self, key: str, step: int, holds: bool) -> bool:
        """Note whether the symptom holds at this sample; True from the sample on at which it counts."""
        recent = self._recent.setdefault(key, [])
        recent.append((step, holds))
        del recent[: -self._window]
        if key not in self._since and sum(held for _, held in recent) >= self._enough:
            self._since[key] = next(at for at, held in recent if held)
        return key in self._since

    def since(self, key: str) -> int | None:
        """The step at which a symptom that counts was first seen; None for one that does not count."""
        return self._since.get(key)

    def __iter__(self) -> Iterator[str]:
        """The symptoms that count, in the order in which they came to."""
        return iter(self._since)

    def __bool__(self) -> bool:
        return bool(self._since)
