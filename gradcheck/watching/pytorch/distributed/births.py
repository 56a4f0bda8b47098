"""The births of NaN that the processes of a training have found, each with the ranks on which it happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gradcheck.health.sample import ELSEWHERE, Birth

__all__ = ["Births"]

_SPREAD = "the average of the gradients brings it to all ranks"


class Births:
    """Collects them. Where one process knows where a NaN was born, what the others only received is left out."""

    def __init__(self, of: int) -> None:
        self._of = of
        self._found: list[tuple[int, Birth]] = []
        self._told: set[tuple[object, ...]] = set()
        self.first: int | None = None  # the step

    def add(self, rank: int, birth: Birth) -> None:
        """A process has found one."""
        self._found.append((rank, birth))
        self.first = birth.step if self.first is None else min(self.first, birth.step)

    def new(self) -> Iterator[Birth]:
        """Those that were not told yet, the first first."""
        for birth in self._merged():
            key = _key(birth)
            if key not in self._told:
                self._told.add(key)
                yield birth

    def _merged(self) -> list[Birth]:
        groups: dict[tuple[object, ...], list[tuple[int, Birth]]] = {}
        for rank, birth in self._found:
            groups.setdefault(_key(birth), []).append((rank, birth))
        made = []
        for group in groups.values():
            rank, birth = min(group, key=lambda one: one[0])
            ranks = tuple(sorted({rank for rank, _ in group}))
            spread = (_SPREAD,) if len(ranks) < self._of and birth.phase != "update" else ()
            # Who only received it cannot tell whose it was.
            known = () if _received(birth) else ranks
            consequences = dict.fromkeys((*birth.consequences, *spread))
            made.append(replace(birth, ranks=known, of=self._of, consequences=tuple(consequences)))
        made.sort(key=lambda birth: (birth.step, birth.where is None, birth.ranks))
        causes = [birth for birth in made if not _received(birth)]
        return causes or made


def _received(birth: Birth) -> bool:
    """Whether this process may merely have got it from another, with the gradients."""
    return birth.operation == ELSEWHERE or (birth.where is None and birth.phase == "backward" and not birth.entries)


def _key(birth: Birth) -> tuple[object, ...]:
    return birth.operation, birth.phase, birth.where and (birth.where.file, birth.where.line), birth.step
