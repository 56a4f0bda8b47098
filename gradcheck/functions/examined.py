"""One Function through the whole of a check: its gradients, its contract, and on request its double backward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from gradcheck.diagnosis.tolerance import Limits
from gradcheck.errors import GradcheckError
from gradcheck.examine import Examination, examine
from gradcheck.functions.batched import declares_vmap
from gradcheck.functions.calls import Calls, place_of
from gradcheck.functions.contract import contract
from gradcheck.functions.twice import double_backward
from gradcheck.report import Finding
from gradcheck.witnesses.raised import raising_in
from gradcheck.witnesses.subject import Subject
from gradcheck.witnesses.torch_function import FunctionSubject

__all__ = ["Asked", "examine_function"]


@dataclass(frozen=True)
class Asked:
    """What is to be looked at: ``vmap`` None means where the Function declares a rule."""

    limits: Limits
    seed: int = 0
    gradgrad: bool = False
    vmap: bool | None = None
    in_model: bool = False


def examine_function(
    function: FunctionSubject, asked: Asked, *, subject: Subject | None = None, upstream: object = None, layer: str = ""
) -> list[Examination]:
    """The examination of a Function, and that of its double backward where it was asked for and can be made.

    ``subject`` is what is examined where it is not the Function itself (one with a reference named as the truth).

    Raises:
        GradcheckError: as :func:`gradcheck.examine.examine`.
    """
    done = examine(subject or function, upstream=upstream, limits=asked.limits, seed=asked.seed, layer=layer)
    place = place_of(function.function)
    done.findings = [replace(f, where=place) if f.code == "GC163" and f.where is None else f for f in done.findings]
    calls = Calls(function, done.evidence, layer, asked.in_model)
    if any(g.verdict == "wrong" for g in done.gradients):
        if asked.gradgrad:
            done.notes.append(f"{layer or function.name}: its double backward waits until its backward is right")
        return [done]
    vmap = declares_vmap(function.function) if asked.vmap is None else asked.vmap
    told = {f.code for f in done.findings} & {"GC112"}
    done.findings += [f for f in _as_user_code(lambda: contract(calls, vmap)) if f.code not in told]
    done.notes += [note for note in function.notes if note not in done.notes]
    if not asked.gradgrad:
        return [done]
    with raising_in("double backward"):
        twice, found = double_backward(calls, asked.limits, asked.seed)
    (twice or done).findings += found
    return [done] if twice is None else [done, twice]


def _as_user_code(rules: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        with raising_in("backward"):
            return rules()
    except GradcheckError:
        return []  # a further call of it cannot be made, and the gradients themselves were compared
