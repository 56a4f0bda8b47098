"""Gradients that are zero at the values given (dead units, one class, one key): looked at where they are not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.hidden import hidden
from gradcheck.diagnosis.other_points import can_be_asked, drawn_for, wrong_there
from gradcheck.diagnosis.power import by_entries
from gradcheck.diagnosis.second_point import ordinary_values, told_at, wrong_among
from gradcheck.diagnosis.tolerance import Limits
from gradcheck.difference import norm
from gradcheck.enumerated import enumerated
from gradcheck.report import Finding, GradientResult
from gradcheck.witnesses.numeric import Numeric
from gradcheck.witnesses.patience import at_most
from gradcheck.witnesses.subject import Array, Values

__all__ = ["check_zeros"]

_ZERO = 1e-9  # of what other arrays contribute
_SCALES = (1.0, 10.0, 1000.0)
_PATIENCE = 2.0


@dataclass
class _Looked:
    """What other points showed of the gradients that are zero here."""

    alive: set[str] = field(default_factory=set)
    """Not zero at another point, of these shapes or longer ones: compared there."""
    wrong: dict[str, str] = field(default_factory=dict)
    """Wrong at other values of the same shapes, and by how much."""
    wrong_longer: dict[str, str] = field(default_factory=dict)
    """Wrong where axes of length one are longer."""
    doubtful: dict[str, str] = field(default_factory=dict)
    """Wrong at values at which gradients that were compared here are wrong too: the code may not be meant for them."""
    asked: bool = False
    """Whether the forward took other values of these shapes."""
    asked_longer: bool = False


def check_zeros(
    evidence: Evidence, results: Sequence[GradientResult], limits: Limits, layer: str
) -> tuple[list[GradientResult], list[Finding]]:
    """The results, and what is said of gradients that are zero, or rounding, so that zero is right for a dead reason.

    Units that are dead, a softmax over one class, an attention with one key: whatever the backward multiplies there,
    the answer is zero. Such a gradient is looked at where it is not zero: at fresh values of size 1 (and larger ones,
    against large constants), then with longer axes where some have length one. Wrong there at the same shapes is wrong;
    with longer axes it is a warning. One that is zero wherever it was tried (a bias before a normalisation) is zero,
    and nothing is said; of what could not be tried, that is said. Where all gradients are zero, nothing was compared.
    """
    zeros = [r for r in results if _is_zero(evidence, r, limits)]
    if not zeros:
        return list(results), []
    names = [r.of for r in zeros]
    looked = _Looked()
    if can_be_asked(evidence) and limits.atol is None and limits.rtol is None:
        _look(evidence, names, looked)
    if looked.wrong:
        return [
            replace(r, verdict="wrong", reason=looked.wrong[r.of]) if r.of in looked.wrong else r for r in results
        ], []
    compared = [r for r in results if r.verdict != "not differentiated"]
    told: list[Finding] = []
    off = [r for r in zeros if r.of in looked.wrong_longer]
    if off:
        told.append(_wrong_for_longer(off, looked.wrong_longer, layer))
    if len(zeros) == len(compared) and any(n not in looked.alive or n in looked.wrong_longer for n in names):
        why = "every gradient is zero at these inputs, or rounding, so that nothing is compared; give others"
        return [replace(r, verdict="undecided", reason=why) if r in zeros else r for r in results], told
    labels = {r.of: r.name for r in results}
    looked.doubtful = {labels.get(n, n): words for n, words in looked.doubtful.items()}
    unseen = [r for r in zeros if r.of not in looked.alive and not _is_zero_everywhere(evidence, r, looked)]
    if unseen:
        told.append(_unseen(unseen, looked, layer))
    return list(results), told


def _is_zero(evidence: Evidence, result: GradientResult, limits: Limits) -> bool:
    if result.verdict != "right":
        return False
    name = result.of
    true = None if result.compared_with == "numeric" else evidence.autograd.get(name)
    if true is None:
        return not result.norm_yours
    length = evidence.length(true)
    if length == 0 or length > 1e-6 * evidence.zero_scale(name) or evidence.subject.gradient_rounding(name):
        return length == 0
    power = by_entries(evidence, name, limits)
    return power is not None and power.norm is None


def _is_zero_everywhere(evidence: Evidence, result: GradientResult, looked: _Looked) -> bool:
    """Whether it was zero wherever it was asked, and neither dead units nor lengths of one explain that.

    Those give exact zeros; of terms that cancel, as before a normalisation, rounding is left.
    """
    true = evidence.autograd.get(result.of)
    if result.norm_yours or (true is not None and np.any(true)):
        return True
    if not looked.asked or evidence.reference.branches not in ((), None):
        return False
    return looked.asked_longer or not any(1 in v.shape for v in evidence.values.values())


def _look(evidence: Evidence, names: Sequence[str], looked: _Looked) -> None:
    exact = any(not np.any(evidence.autograd.get(n, 0.0)) for n in names)
    for scale in _SCALES if exact else _SCALES[:1]:  # rounding is no dead unit, which gives zeros
        values = ordinary_values(evidence, scale)
        found = _at(evidence, values, drawn_for(evidence, evidence.upstreams), names)
        if found is None:
            continue
        if not found[1].keys() <= found[0]:
            looked.doubtful |= found[1]
            continue
        looked.asked = True
        looked.alive |= found[0]
        looked.wrong |= found[1]
        if looked.alive >= set(names) or looked.wrong:
            return
    for values in _longer(evidence):
        try:
            with np.errstate(all="ignore"), at_most(_PATIENCE):
                outputs = evidence.subject.forward(values)
        except Exception:  # lengths that the forward does not take
            continue
        left = [n for n in names if n not in looked.alive]
        found = _at(evidence, values, drawn_for(evidence, outputs), left, longer=True)
        if found is None or not found[1].keys() <= found[0]:
            continue
        looked.asked_longer = True
        looked.alive |= found[0]
        looked.wrong_longer |= found[1]
        if looked.alive >= set(names):
            return


def _longer(evidence: Evidence) -> Iterator[dict[str, Array]]:
    """Fresh values with the axes of length one made longer: all the first ones, all the second ones, ..., all."""
    ones = [(n, axis) for n, v in evidence.values.items() for axis, length in enumerate(v.shape) if length == 1]
    lengths = {length for v in (*evidence.values.values(), *evidence.upstreams) for length in v.shape}
    longer = min(k for k in range(3, 4 + len(lengths)) if k not in lengths)
    groups = [tuple(p for p in ones if p[1] == axis) for axis in sorted({axis for _, axis in ones})]
    for group in dict.fromkeys([*groups[:3], tuple(ones)] if ones else []):
        values = {}
        for n, v in evidence.values.items():
            shape = tuple(longer if (n, axis) in group else length for axis, length in enumerate(v.shape))
            values[n] = np.asarray(evidence.rng.standard_normal(shape))
        yield values


def _at(
    evidence: Evidence, values: Values, upstreams: Sequence[Array], names: Sequence[str], longer: bool = False
) -> tuple[set[str], dict[str, str]] | None:
    """Which of ``names`` are not zero at ``values``, and which of all are wrong; None where nothing can be said."""
    if not evidence.autograd or evidence.reference.leaks:
        return _by_differences(evidence, values, upstreams, names)
    told = told_at(evidence, values, upstreams)
    if told is None:
        return None
    loud = {n: norm(true) * _size(values[n]) for n, (_, true) in told.items()}
    scale = max([*loud.values(), *(norm(u) for u in upstreams)])
    alive = {n for n in names if loud.get(n, 0.0) > _ZERO * scale}
    wrong = wrong_among(evidence, {n: told[n] for n in told if n in alive or n not in names}, values, upstreams, _WHERE)
    if not longer and wrong.keys() <= alive:
        evidence.elsewhere().update(wrong)  # where their cause is looked for
    how = "its relative error is {:.2g} there" if longer else f"zero here, and off by {{:.1e}} {_WHERE}"
    return alive, {n: how.format(w.relative_error) for n, w in wrong.items()}


_WHERE = "at other values of its arrays"


def _by_differences(
    evidence: Evidence, values: Values, upstreams: Sequence[Array], names: Sequence[str]
) -> tuple[set[str], dict[str, str]] | None:
    off = wrong_there(evidence, values, upstreams)
    if off is None:
        return None
    numeric, alive = Numeric(evidence.subject, values, upstreams), set(off) & set(names)
    for n in names:
        direction = np.asarray(evidence.rng.standard_normal(values[n].shape))
        slope = numeric.along_unit(n, direction / norm(direction))
        if math.isfinite(slope.error) and abs(slope.value) > 4 * slope.error:
            alive.add(n)
    return alive, {n: f"zero here, and wrong {_WHERE}: {words}" for n, words in off.items()}


def _size(value: Array) -> float:
    return norm(value) / math.sqrt(max(value.size, 1))


def _wrong_for_longer(off: Sequence[GradientResult], words: dict[str, str], layer: str) -> Finding:
    return hidden(
        off,
        "zero here, and wrong where axes of length one are longer",
        [f"{r.name}: {words[r.of]}" for r in off],
        "check with two or more of each (classes, keys, features); if there is never more, nothing is wrong",
        layer,
    )


def _unseen(unseen: Sequence[GradientResult], looked: _Looked, layer: str) -> Finding:
    names, several = [r.name for r in unseen], bool(unseen[1:])
    doubts = [f"{n}: {words.removeprefix('zero here, and ')}" for n, words in looked.doubtful.items()]
    are, it = ("are", "they") if several else ("is", "it")
    seen = (
        f"{it} {are} zero at the other values that were tried as well"
        if looked.asked
        else "other values, at which they may not be zero, were not tried"
    )
    return Finding(
        "GC143",
        "info",
        f"{enumerated(names)} {are} zero here: a wrong factor in {'them' if several else 'it'} would not show",
        layer,
        ", ".join(names),
        evidence=tuple(doubts) or (seen,),
        help=(
            f"give values at which {it} {are} not zero: units that are alive, two or more of each class, key, feature",
        ),
    )
