"""Deviations the caller declares deliberate: accepted where the named cause explains them exactly, nowhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gradcheck.errors import GradcheckError
from gradcheck.report import Finding, GradientResult

__all__ = ["allowed"]


def allowed(
    gradients: Sequence[GradientResult],
    findings: Sequence[Finding],
    allow: Mapping[str, str],
) -> tuple[tuple[GradientResult, ...], tuple[Finding, ...]]:
    """The results with the allowed deviations turned into right ones that say "deliberate".

    Raises:
        GradcheckError: ``allow`` names a gradient that is not there, or a code that is no cause (GC201 to GC298;
            GC299 says that the cause is not known).
    """
    if not isinstance(allow, Mapping):
        raise GradcheckError(
            f"allow: it must be a dict from gradient to code, {{'dw': 'GC201'}}, not {type(allow).__name__}"
        )
    names = {g.name for g in gradients}
    for name, code in allow.items():
        if name not in names:
            raise GradcheckError(f"allow: there is no gradient {name!r}; there are {', '.join(sorted(names))}")
        is_code = isinstance(code, str) and code.startswith("GC2") and len(code) == 5 and code[2:].isdigit()
        if not is_code or code == "GC299":
            raise GradcheckError(f"allow[{name!r}]: {code!r} is not the code of a cause; give one like 'GC201'")
    # what fits only with a factor that stands for nothing is not explained exactly
    exact = [f for f in findings if not (f.likely and f.title.endswith(" times"))]
    causes = {(name, f.code) for f in exact for name in f.gradient.split(", ")}
    accepted = {n for n, code in allow.items() if (n, code) in causes}
    results = tuple(
        replace(g, verdict="right", reason=f"deliberate: {allow[g.name]}")
        if g.name in accepted and g.verdict == "wrong"
        else g
        for g in gradients
    )
    kept = tuple(
        replace(f, severity="info", help=())
        if all(name in accepted and f.code == allow[name] for name in f.gradient.split(", "))
        else f
        for f in findings
    )
    return results, kept
