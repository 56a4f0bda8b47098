"""The causes of mistakes in the backward of ``torch.autograd.Function``s: how many are named, first and wrongly.

The Functions that were looked at when the causes were written are one set, those made before any was checked the other.
What is right is as in the table of the layers: one of the codes that were written down beside the mistake. Blamed are
Functions without a mistake; longest is the check that took most.
"""

import importlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tables import Table
from wrong_functions.planting import Wrong

from gradcheck import check_layer
from gradcheck.report import Report

__all__ = ["table"]

SEEN = ("seen_layers", "seen_pieces")
HELD_OUT = ("norms", "losses", "gates", "attention", "recurrent", "windows", "moves", "matrices")
_HEADER = [
    "set",
    "Functions",
    "planted",
    "caught",
    "named first",
    "wrongly",
    "not named",
    "right ones blamed",
    "longest",
]


@dataclass
class _Count:
    planted: int = 0
    caught: int = 0
    first: int = 0
    wrongly: int = 0
    blamed: int = 0
    right: int = 0
    longest: float = 0.0


def table(every: int = 1) -> Table:
    """Each mistake (or one of ``every`` so many) checked once, and each Function without a mistake."""
    made = Table("Causes of mistakes in autograd.Functions", _HEADER)
    for which, names in (("seen", SEEN), ("held out", HELD_OUT)):
        counts = {name: _counted(name, every, made) for name in names}
        made.rows += [_row(which, name.replace("_", " "), count) for name, count in counts.items()]
        made.rows.append(_row(which, "all", *counts.values()))
    return made


def _counted(name: str, every: int, made: Table) -> _Count:
    count = _Count()
    for number, wrong in enumerate(_wrong(name)):
        if number % every:
            continue
        started = time.process_time()
        report = check_layer(wrong.function, *wrong.inputs, constants=wrong.constants, raises=False)
        count.longest = max(count.longest, time.process_time() - started)
        if not wrong.mistake:
            count.right += 1
            count.blamed += not report.ok
            continue
        told = _told(wrong, report, count)
        if told:
            made.remarks.append(f"{wrong.name}, {wrong.mistake}: {told}")
    return count


def _wrong(name: str) -> Iterator[Wrong]:
    functions: list[Any] = importlib.import_module(f"wrong_functions.{name}").FUNCTIONS
    for planted in functions:
        yield from planted.each()


def _told(wrong: Wrong, report: Report, count: _Count) -> str:
    """What is to be said of one where its cause was not named."""
    count.planted += 1
    count.caught += not report.ok
    if report.ok:
        return "passes"
    causes = [f for f in report.findings if f.severity == "error" or f.code == "GC201"]
    named = [f for f in causes if (f.code.startswith("GC2") and f.code != "GC299") or f.code == "GC102"]
    if not named or len(named) < len(causes):
        return f"not named; {' or '.join(sorted(wrong.codes))} expected"
    if all(f.code in wrong.codes for f in named):
        count.first += 1
        return ""
    count.wrongly += 1
    return f"wrongly named: {', '.join(f'{f.code} {f.title}' for f in named)}"


def _row(which: str, name: str, *counts: _Count) -> list[str]:
    planted, caught, first, wrongly, blamed, right = (
        sum(getattr(count, field) for count in counts)
        for field in ("planted", "caught", "first", "wrongly", "blamed", "right")
    )
    named = [f"{n} ({100 * n / planted:.0f} %)" if planted else "-" for n in (first, wrongly)]
    longest = f"{max(count.longest for count in counts):.1f} s"
    return [
        which,
        name,
        str(planted),
        str(caught),
        *named,
        str(planted - first - wrongly),
        f"{blamed} of {right}",
        longest,
    ]
