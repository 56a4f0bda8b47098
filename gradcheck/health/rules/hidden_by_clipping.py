"""GC301: gradients that are not finite, or whose norm is not, went into a clip and came out as zeros or NaN."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar

from gradcheck.health.rule import Rule
from gradcheck.health.sample import GradientClip, Sample
from gradcheck.health.words import number
from gradcheck.report import Finding

__all__ = ["HiddenByClipping"]


class HiddenByClipping(Rule):
    """Entries before a gradient clip are NaN or infinite, or their norm is as the clip computes it: its factor is 0.

    No threshold. A clip by norm multiplies by limit / norm: by 0 where the norm overflowed, by NaN where it is NaN, and
    a clip by value turns an infinity into its limit. Exempt: a step that was skipped (no parameter has an update), as
    gradient scaling for float16 does when its scale is too large.
    """

    code: ClassVar[str] = "GC301"

    def __init__(self) -> None:
        self._first: tuple[int, GradientClip] | None = None
        self._steps = 0

    def observe(self, sample: Sample) -> None:
        if sample.parameters and all(p.update is None for p in sample.parameters):
            return
        hidden = [clip for clip in sample.gradient_clips if _hides(clip)]
        if hidden:
            self._steps += 1
            self._first = self._first or (sample.step, hidden[0])

    def findings(self) -> Iterator[Finding]:
        if self._first is None:
            return
        step, clip = self._first
        norm = number(clip.norm) if clip.norm is not None else "nan"
        if clip.bad:
            what = f"{clip.bad} non-finite entries"
        elif math.isfinite(clip.norm or math.inf):
            what = f"a norm of {norm}, whose square overflows,"
        else:
            what = f"a norm of {norm}, though every entry is finite,"
        worst = f" (most of it from {clip.worst})" if clip.worst else ""
        became = f"multiplied all gradients by {clip.factor:.3g}" if clip.factor is not None else "bounded what it got"
        zeroed = f"; {clip.zeroed} entries that were not 0 became 0" if clip.zeroed else ""
        sampled = "sampled step" if self._steps == 1 else "sampled steps"
        yield Finding(
            code=self.code,
            severity="error",
            title=f"{clip.call} hides gradients that overflowed: {what} went in at step {step}",
            where=clip.where,
            evidence=(f"the call {became}{zeroed}{worst}", f"seen at {self._steps} {sampled}"),
            help=(
                "find out why the gradients overflow, and do not go on with such a step: "
                "clip_grad_norm_(..., error_if_nonfinite=True), or skip the step when the norm is not finite",
            ),
            step=step,
        )


def _hides(clip: GradientClip) -> bool:
    lost = clip.norm is not None and (not math.isfinite(clip.norm) or (clip.factor == 0 < clip.norm))
    return clip.bad > 0 or lost
