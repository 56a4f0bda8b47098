"""GC322: a call in the forward bounds values, and how many of them it holds at its bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from gradcheck.health.rule import Rule
from gradcheck.health.sample import Sample, ValueClip
from gradcheck.health.symptoms import Symptoms
from gradcheck.health.words import called, number, percent
from gradcheck.report import Finding, Severity

__all__ = ["ValueClipping"]

_WARN = 0.5
_WRONG_MASK = 0.01
_MOST_SITES = 64
_SHOWN = 5


class ValueClipping(Rule):
    """Entries at a bound / entries ≥ 0.5; or ≥ 0.01 where the backward passes gradient at the bound all the same.

    The forward is flat at a bound, so its derivative is 0 there. Fewer entries are told as information (a softmax's
    probabilities kept above 1e-12 are none of a fault). Exempt: a single bound at or near 0 (below 0.01), which is a
    ReLU by another name and is 0 at half of its entries in health. Calibrated: see tests/benchmarks.
    """

    code: ClassVar[str] = "GC322"

    def __init__(self) -> None:
        self._held: Symptoms[ValueClip] = Symptoms()
        self._touched: dict[str, tuple[int, int, float, ValueClip]] = {}  # step, samples, largest share, that clip

    def observe(self, sample: Sample) -> None:
        for clip in sample.value_clips:
            key = f"{clip.call} {clip.where.file}:{clip.where.line}" if clip.where else f"{clip.call} {clip.layer}"
            if not clip.entries or (key not in self._touched and len(self._touched) >= _MOST_SITES):
                continue
            share = (clip.at_low + clip.at_high) / clip.entries
            if share:
                step, times, most, worst = self._touched.get(key, (sample.step, 0, -1.0, clip))
                self._touched[key] = (step, times + 1, max(share, most), clip if share > most else worst)
            counted = clip.at_high / clip.entries if _rectifier(clip) else share
            wrong = clip.same_mask is False and share >= _WRONG_MASK
            self._held.observe(key, sample.step, clip if counted >= _WARN or wrong else None)

    def findings(self) -> Iterator[Finding]:
        lasting = dict(self._held)
        shown = [*lasting, *(key for key in self._touched if key not in lasting)]
        for key in shown[:_SHOWN]:
            step, times, share, clip = self._touched[key]
            seen = lasting.get(key)
            severity: Severity = seen.severity("warning") if seen else "info"
            clip = seen.what if seen else clip
            if not seen and _rectifier(clip) and not clip.at_high and clip.same_mask is not False:
                continue  # a ReLU, and nothing else to say of it
            share = (clip.at_low + clip.at_high) / clip.entries
            sides = [
                f"{percent(count / clip.entries)} at the {side} bound {number(bound)}"
                for side, count, bound in (("lower", clip.at_low, clip.low), ("upper", clip.at_high, clip.high))
                if count and bound is not None
            ]
            mask = {
                None: "",
                True: "the backward passes no gradient there, as it should",
                False: "the backward passes gradient there, where the derivative is 0",
            }[clip.same_mask]
            wrong = clip.same_mask is False
            help_ = (
                "multiply the gradient by the mask of the entries inside the bounds, or take the clip away"
                if wrong
                else "find out why values get there; the clip hides it, and stops the gradient of what it clips"
            )
            what = f"what {called(clip.layer)} gives" if clip.layer and clip.layer != clip.call else "its entries"
            title = f"{clip.call} holds {percent(share)} of {what} at its bounds"
            yield Finding(
                code=self.code,
                severity=severity,
                title=title + (", and the backward ignores that" if wrong else ""),
                layer=clip.layer,
                where=clip.where,
                evidence=tuple(
                    filter(
                        None,
                        (
                            f"{clip.entries} entries: {', '.join(sides)}" if sides else "",
                            mask,
                            f"first at step {step}, at {times} sampled steps in all",
                        ),
                    )
                ),
                help=(help_,) if severity != "info" or wrong else (),
                step=seen.since if seen else step,
            )


def _rectifier(clip: ValueClip) -> bool:
    return clip.high is None and clip.low is not None and 0 <= clip.low <= 0.01 and not clip.at_high
