"""GC409: an adaptive rule that was written by hand, and is not what it is called."""

from __future__ import annotations

from gradcheck.descent.moves.adaptive import Adaptive
from gradcheck.descent.moves.move import Move
from gradcheck.descent.moves.seen import Cause, Seen

__all__ = ["adaptive_fault"]


def adaptive_fault(move: Move, seen: Seen) -> Cause | None:
    """Adam without the correction of a moment's bias, or with a count of steps or moments that are not kept."""
    rule = move.by_hand
    if not isinstance(rule, Adaptive) or not rule.fault:
        return None
    steps = f"{1 + len(seen.later)} steps"
    if move.other_decay is not None:
        steps += f", with a weight decay of {move.other_decay:.4g} that was not stated,"
    if rule.fault.startswith("uncorrected"):
        return _uncorrected(rule, f"{move.name}: {rule.said} so explains {steps} to within rounding")
    if rule.fault == "uncounted":
        return Cause(
            "GC409",
            "error",
            "uncounted",
            "{names} [move|moves] as Adam does whose count of steps stays at 1",
            ("m and v are divided by 1 - β^1 at every step",),
            (f"{move.name}: {rule.said} so explains {steps} to within rounding",),
            ("count the steps, t += 1, and keep t between them",),
        )
    return Cause(
        "GC409",
        "warning",
        "forgotten",
        "{names} [move|moves] by no multiple of the gradient: every entry by the same amount, at each step",
        ("sign descent does so, and Adam whose moments m and v are not kept from one step to the next",),
        (f"{move.name}: lr·sign(g) explains {steps} to within rounding",),
        ("if it is to be Adam, keep m, v and t between the steps (self.m = ...), m and v for each parameter",),
        is_undecided=True,
    )


def _uncorrected(rule: Adaptive, evidence: str) -> Cause:
    """Without one of the corrections or both: m begins (1 - β1) times as large as it should, √v as √(1 - β2) times."""
    small_m, small_v = 1 - rule.beta, (1 - rule.gamma) ** 0.5
    left_out, longer, advice = {
        "uncorrected": (
            "the correction of its moments' bias",
            small_m / small_v,
            "divide m by 1 - β1**t and v by 1 - β2**t",
        ),
        "uncorrected m": ("the correction of its first moment's bias", small_m, "divide m by 1 - β1**t"),
        "uncorrected v": ("the correction of its second moment's bias", 1 / small_v, "divide v by 1 - β2**t"),
    }[rule.fault]
    begin = {"uncorrected m": "m begins at 0 and is", "uncorrected v": "v begins at 0 and is"}
    times = f"{longer:.3g} times too long" if longer > 1 else f"only {longer:.3g} times as long"
    return Cause(
        "GC409",
        "warning",
        rule.fault,
        "{names} [move|moves] as Adam does without " + left_out,
        (f"{begin.get(rule.fault, 'm and v begin at 0 and are')} not divided by 1 - β^t: the first step is {times}",),
        (evidence,),
        (f"{advice}, with t the number of the step, from 1 on",),
    )
