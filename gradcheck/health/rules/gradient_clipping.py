"""GC323: a call bounds gradients: how often, by how much, and because of which parameter."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import ClassVar

from gradcheck.health.rule import Rule
from gradcheck.health.sample import GradientClip, Sample
from gradcheck.health.words import number, percent
from gradcheck.report import Finding, Severity

__all__ = ["GradientClipping"]

_WINDOW = 64
_ENOUGH = 5
_OFTEN = 0.9
_STRONG = 10.0  # the median of norm / limit
_OFTEN_VALUES = 0.5  # of the entries
_MOST_SITES = 16


@dataclass(slots=True)
class _Site:
    began: int
    clip: GradientClip
    cut: deque[float] = field(default_factory=lambda: deque(maxlen=_WINDOW))  # 1: not clipped; norm / limit
    values: deque[float] = field(default_factory=lambda: deque(maxlen=_WINDOW))  # share of entries changed
    worst: Counter[str] = field(default_factory=Counter)
    zeroed: int = 0
    since: int | None = None


class GradientClipping(Rule):
    """Of the last samples 90 % were clipped, by a median of norm / limit ≥ 10; or half of the entries, by value.

    Then the limit decides on the length of the step and the learning rate does not. Less is told as information:
    clipping now and then is what it is for (Pascanu et al., 2013, take a limit of half to ten times the mean norm). A
    clip by value that never changed anything is told too. Calibrated: see tests/benchmarks.
    """

    code: ClassVar[str] = "GC323"

    def __init__(self) -> None:
        self._sites: dict[str, _Site] = {}

    def observe(self, sample: Sample) -> None:
        for clip in sample.gradient_clips:
            key = f"{clip.call} {clip.where.file}:{clip.where.line}" if clip.where else clip.call
            if key not in self._sites:
                if len(self._sites) >= _MOST_SITES:
                    continue
                self._sites[key] = _Site(sample.step, clip)
            self._see(self._sites[key], sample.step, clip)

    def _see(self, site: _Site, step: int, clip: GradientClip) -> None:
        if clip.bad or (clip.norm is not None and not math.isfinite(clip.norm)):
            return  # GC301 is about those
        share = clip.clipped / clip.entries if clip.entries else 0.0
        factor = clip.factor if clip.factor is not None else 1.0
        site.cut.append(1 / factor if 0 < factor < 1 else math.inf if factor == 0 else 1.0)
        site.values.append(share)
        site.zeroed += clip.zeroed
        if factor < 1 or share:
            site.clip = clip
            site.since = step if site.since is None else site.since
            if clip.worst and (clip.worst in site.worst or len(site.worst) < 256):
                site.worst[clip.worst] += 1

    def findings(self) -> Iterator[Finding]:
        for site in self._sites.values():
            by_norm = site.clip.norm is not None
            if len(site.cut) >= _ENOUGH:
                found = self._by_norm(site) if by_norm else self._by_value(site)
                if found is not None:
                    yield found

    def _by_norm(self, site: _Site) -> Finding | None:
        clipped = [cut for cut in site.cut if cut > 1]
        if not clipped:
            return None
        share, factor = len(clipped) / len(site.cut), median(clipped)
        severity: Severity = "warning" if share >= _OFTEN and factor >= _STRONG else "info"
        worst = site.worst.most_common(1)
        part = ""
        if worst and site.clip.worst_norm and site.clip.norm:
            part = f" ({percent(min(site.clip.worst_norm / site.clip.norm, 1.0) ** 2)} of the squared norm at last)"
        return Finding(
            code=self.code,
            severity=severity,
            title=f"{site.clip.call} cut the gradients at {percent(share)} of the sampled steps, "
            f"by a median factor of {number(factor)}",
            where=site.clip.where,
            evidence=(
                f"limit {number(site.clip.limit)}, norm {number(site.clip.norm or 0.0)} when it last cut",
                *([f"most of the norm comes from {worst[0][0]}{part}"] if worst else []),
                *([f"{site.zeroed} entries that were not 0 became 0"] if site.zeroed else []),
            ),
            help=(
                "each step has the length lr · limit, whatever the gradient is: lower the learning rate or average the "
                f"loss over the batch, and set the limit near the usual norm, {number(factor * site.clip.limit)}",
            )
            if severity == "warning"
            else (),
            step=site.since,
        )

    def _by_value(self, site: _Site) -> Finding | None:
        share = sum(site.values) / len(site.values)
        severity: Severity = "warning" if share >= _OFTEN_VALUES else "info"
        if share == 0:
            title = f"{site.clip.call} at ±{number(site.clip.limit)} changed no gradient in {len(site.values)} samples"
        else:
            title = f"{site.clip.call} held {percent(share)} of the gradient's entries at ±{number(site.clip.limit)}"
        worst = site.worst.most_common(1)
        return Finding(
            code=self.code,
            severity=severity,
            title=title,
            where=site.clip.where,
            evidence=(
                *([f"most often {worst[0][0]}"] if worst else []),
                *([f"{site.zeroed} entries that were not 0 became 0"] if site.zeroed else []),
            ),
            help=(
                "entries at the bound all move by lr · limit, so the step's direction is not the gradient's: lower "
                "the learning rate or average the loss over the batch, or clip by norm",
            )
            if severity == "warning"
            else (),
            step=site.since if site.since is not None else site.began,
        )
