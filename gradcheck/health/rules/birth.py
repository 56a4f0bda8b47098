"""GC300: the first operation whose output is not finite while all its inputs are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from gradcheck.health.processes import on_ranks
from gradcheck.health.remedies import remedy
from gradcheck.health.rule import Rule
from gradcheck.health.sample import Birth
from gradcheck.health.words import listed
from gradcheck.report import Finding

__all__ = ["BirthOfNaN"]

_KEPT = 5

_PHASES = {"forward": "forward pass", "loss": "loss", "backward": "backward pass", "update": "update"}
_WORDS = {"NaN": "NaN", "Inf": "infinity"}

_SPOKEN = {
    "+": "addition", "-": "subtraction", "*": "multiplication", "/": "division", "//": "division", "%": "division",
    "@": "the matrix product", "**": "the power", "[]=": "an assignment",
}  # fmt: skip

# Of a value that nothing had made when it was met: where it came from, and what to do.
_CAME_IN = {
    "input": ("it came in with the data", "clean the data: np.isfinite(x).all() tells before the training"),
    "constant": ("the code writes it so", "look at the line: a value that is not finite is written there"),
    "parameter": ("", "look at how it was drawn or loaded, or at the update of the step before"),
    "buffer": ("", "look at how it was made or loaded, or at what was written to it in the step before"),
}
_NOT_FOLLOWED = (
    "it comes from data or code that is not followed",
    "clean the data (np.isfinite(x).all() tells before the training), or look at the code that made it",
)


class BirthOfNaN(Rule):
    """The watcher found an output with an entry that is NaN or infinite, and inputs that are all finite.

    No threshold. Infinities on purpose (a masked softmax) are no births unless they reach a loss or a gradient; the
    watcher knows. What turned bad after the first birth is told as its consequence.
    """

    code: ClassVar[str] = "GC300"

    def __init__(self) -> None:
        self._births: list[Birth] = []

    def birth(self, birth: Birth) -> None:
        if len(self._births) < _KEPT:
            self._births.append(birth)

    def findings(self) -> Iterator[Finding]:
        if not self._births:
            return
        first, *later = self._births
        elsewhere = dict.fromkeys(
            f"step {b.step}: {_spoken(b.operation)}{f' at line {b.where.line}' if b.where else ''} makes {b.what} too"
            + (f", {on}" if (on := on_ranks(b.ranks, b.of)) else "")
            for b in later
            if (b.operation, b.where) != (first.operation, first.where)
        )
        finding = _came_in(first) if first.inputs == "bad" else _made(first)
        yield replace(finding, consequences=(*first.consequences, *elsewhere))


def _spoken(operation: str) -> str:
    """``division (/)``; what has a name is called by it."""
    symbol = operation if operation in _SPOKEN else operation.removesuffix("=")
    return f"{_SPOKEN[symbol]} ({operation})" if symbol in _SPOKEN else operation


def _at(birth: Birth) -> str:
    about = f" of layer {birth.layer}" if birth.layer else ""
    on = on_ranks(birth.ranks, birth.of)
    return f"in the {_PHASES[birth.phase]}{about} at step {birth.step}{', ' if on else ''}{on}"


def _made(birth: Birth) -> Finding:
    """An operation made it."""
    evidence = []
    if birth.entries:
        finite = {"finite": "; its inputs are all finite", "masked": "; among its inputs are infinities, but no NaN"}
        evidence.append(f"{_entries(birth)} of its output{_first(birth)}{finite.get(birth.inputs, '')}")
    if birth.operands:
        evidence.append(f"made from {listed(birth.operands)}")
    known = remedy(birth)
    return Finding(
        code=BirthOfNaN.code,
        severity="error",
        title=f"{_spoken(birth.operation)} makes the first {_WORDS[birth.what]}, {_at(birth)}",
        layer=birth.layer,
        where=birth.where,
        cause=tuple(filter(None, [known.why])),
        evidence=(*evidence, *filter(None, [birth.remark])),
        help=(known.help,),
        step=birth.step,
    )


def _came_in(birth: Birth) -> Finding:
    """It was there before anything was done with it."""
    cause, help_ = _CAME_IN.get(birth.operation, _NOT_FOLLOWED)
    if not cause and birth.step == 0:
        cause = "it was so before the first step"
    told = birth.operation not in _CAME_IN and birth.remark  # when it was met first
    value = birth.operands[0].partition(" = ")[0] if birth.operands else birth.operation
    is_ = "NaN" if birth.what == "NaN" else "infinite"
    few = birth.size <= 1 or not birth.entries
    return Finding(
        code=BirthOfNaN.code,
        severity="error",
        title=f"{value} is {is_} before anything is done with it, {_at(birth)}",
        layer=birth.layer,
        where=birth.where,
        cause=tuple(filter(None, [told or cause])),
        evidence=(
            *([] if few else [f"{_entries(birth)} not finite{_first(birth)}"]),
            *([f"met in {_spoken(birth.operation)}"] if birth.operation not in _CAME_IN and birth.where else []),
            *([] if told or not birth.remark else [birth.remark]),
        ),
        help=(help_,),
        step=birth.step,
    )


def _entries(birth: Birth) -> str:
    of = f" of {birth.size}" if birth.size else ""
    return f"{birth.entries}{of} {'entry' if birth.entries == 1 else 'entries'}"


def _first(birth: Birth) -> str:
    return f", the first at index {list(birth.first_index)}" if birth.first_index else ""
