"""An explanation as a finding: its title stands alone; cause, evidence, what was ruled out, and help follow."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gradcheck.causes.case import Case
from gradcheck.causes.listing import listed
from gradcheck.causes.search import Explanation
from gradcheck.report import Finding

__all__ = ["finding"]

_PLURAL = {"is": "are", "has": "have", "lacks": "lack", "belongs": "belong"}
_SHOWN = 3
_MANY = 2  # more names than these are not said, if they are all there are


def finding(case: Case, explanation: Explanation, layer: str, truth: str) -> Finding:
    """The finding for one explanation; ``truth`` is what yours was compared with."""
    last = explanation.stack[-1]
    names = [case.called(n) for n in explanation.names]
    shown = listed(names)
    changes = "with that one change" if len(explanation.stack) == 1 else "with that change and those named before it"
    yours = shown if shown == "yours" else f"your {shown}"  # two arrays at hand have no names
    evidence = [f"{changes} {truth} gives {yours} to {max(explanation.left, 1e-16):.0e}"]
    if explanation.confirmed:
        evidence.append("the same at other values" + (" and another batch size" if explanation.resized else ""))
    if explanation.others:
        same = list(dict.fromkeys(other.called for other in explanation.others))  # two lines may be called alike
        evidence.append(f"not to be told apart here from: {listed(same[:_SHOWN], 'or')}")
    return Finding(
        last.code,
        "info" if last.is_remark else "error",
        _title(last.title, names, len(case.yours)),
        layer,
        ", ".join(names),
        where=last.where,
        cause=last.detail,
        evidence=tuple(evidence),
        ruled_out=tuple(_ruled_out(explanation)),
        help=last.help,
        likely=last.is_odd or (not explanation.confirmed and last.transform is None),
    )


def _title(title: str, names: Sequence[str], of: int) -> str:
    """The names before what is said of one of them, in the plural where they are several."""
    if len(names) == 1:
        return f"{names[0]} {title}"
    verb, _, rest = title.partition(" ")
    shown = f"all {of} gradients" if len(names) == of > _MANY else listed(names)
    return f"{shown} {_PLURAL.get(verb, verb)} {rest.replace('the true gradient', 'the true ones')}"


def _ruled_out(explanation: Explanation) -> list[str]:
    said: dict[str, str] = {}
    seen = set()
    for candidate, left in explanation.ruled_out:
        kind = candidate.code, candidate.where
        if candidate.where is not None and kind in seen:
            continue  # of all that was tried at one place the nearest speaks for the others
        seen.add(kind)
        part = f" (explains {_percent(1 - left)})" if left < 0.995 else ""  # the others explain nothing
        said.setdefault(candidate.called, f"{candidate.called}{part}")
    return list(said.values())


def _percent(share: float) -> str:
    """``36 %``; what explains nearly everything is told from everything: ``99.97 %``."""
    return f"{100 * share:.0f} %" if share < 0.995 else f"{math.floor(1e4 * share) / 100:.2f} %"
