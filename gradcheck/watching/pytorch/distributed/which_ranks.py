"""Findings on a training on several processes, each with the ranks on which it holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from gradcheck.health.processes import on_ranks
from gradcheck.health.sample import Sample
from gradcheck.health.words import number
from gradcheck.report import Finding

__all__ = ["with_ranks"]

_BY_ITSELF = ("GC300", "GC350")  # these have their ranks in the title
_OF_LAYERS = ("GC301", "GC302", "GC303", "GC31", "GC32")
_MOST = 16  # figures in a line


def with_ranks(
    findings: Iterable[Finding],
    local: Mapping[int, Sequence[Finding]],
    ranks: Sequence[int],
    latest: Sample | None = None,
) -> list[Finding]:
    """The findings on all processes together with the ranks that they are of, and those that only single ranks have.

    Args:
        findings: What the statistics of all processes together showed.
        local: By rank, what its own statistics showed.
        ranks: All of them.
        latest: The last sample, for the figures of single ranks.
    """
    found = [_located(finding, local, ranks, latest) for finding in findings]
    codes = {finding.code for finding in found}
    alone: dict[tuple[str, str], list[tuple[int, Finding]]] = {}
    for rank, own in local.items():
        for finding in own:
            layers = finding.code.startswith(_OF_LAYERS) and not finding.gradient
            if layers and finding.severity != "info" and finding.code not in codes:
                alone.setdefault((finding.code, finding.layer), []).append((rank, finding))
    for group in alone.values():
        finding = group[0][1]
        found.append(_told(finding, [rank for rank, _ in group], ranks, latest))
    return found


def _located(
    finding: Finding, local: Mapping[int, Sequence[Finding]], ranks: Sequence[int], latest: Sample | None
) -> Finding:
    if finding.code in _BY_ITSELF:
        return finding
    if finding.gradient:  # of a parameter, which all of them share
        return _told(finding, ranks, ranks, latest)
    having = [rank for rank in ranks if any(own.code == finding.code for own in local.get(rank, ()))]
    return _told(finding, having, ranks, latest)


def _told(finding: Finding, having: Sequence[int], ranks: Sequence[int], latest: Sample | None) -> Finding:
    on = on_ranks(having, len(ranks))
    if not on:
        return finding
    figures = [_figures(finding, latest)] if len(having) < len(ranks) and latest is not None else []
    return replace(finding, title=f"{finding.title}, {on}", evidence=(*finding.evidence, *filter(None, figures)))


def _figures(finding: Finding, latest: Sample) -> str:
    measured = latest.ranks.activations.get(finding.layer) if latest.ranks is not None else None
    if measured is None or latest.ranks is None or len(measured) > _MOST:
        return ""
    told = (
        f"{number(value)} on rank {rank}"
        for rank, value in zip(latest.ranks.numbers, measured, strict=True)
        if value is not None
    )
    return f"root mean square of the output at step {latest.step}: {', '.join(told)}"
