"""Values at which a wrong gradient is right: tried at others where that can be done, told where it cannot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradcheck.diagnosis.batch_of_one import check_more_channels, check_more_samples
from gradcheck.diagnosis.distinct_indices import check_repeated_indices
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.missing_labels import check_missing_labels
from gradcheck.diagnosis.neutral_scalars import check_neutral_scalars
from gradcheck.diagnosis.other_points import can_be_asked, drawn_for, wrong_there
from gradcheck.diagnosis.second_point import is_constant, moved_within
from gradcheck.diagnosis.tolerance import Limits
from gradcheck.diagnosis.untaken_branches import check_untaken_branches
from gradcheck.diagnosis.zero_gradients import check_zeros
from gradcheck.report import Finding, GradientResult
from gradcheck.witnesses.subject import Array

__all__ = ["BlindSpot", "check_blind_spots", "special_values"]


@dataclass(frozen=True)
class BlindSpot:
    """An array, what is special about its values, and what does not show at them."""

    name: str
    what: str
    hidden: str


def check_blind_spots(
    evidence: Evidence, gradients: Sequence[GradientResult], limits: Limits, layer: str
) -> tuple[list[GradientResult], list[Finding]]:
    """The results, and what is said of values and sizes that hide mistakes; asked only where all else is right.

    Where a forward can be followed, another point has been looked at already (see second_point). One that cannot be is
    asked here, by numeric differences: a gradient that they contradict at other values is wrong. What can be tried
    nowhere else (gradients at hand, a forward that takes no other values) is told, and stays right.
    """
    results = list(gradients)
    subject = evidence.subject
    if subject.witnesses == "two" or any(g.verdict in ("wrong", "undecided") for g in results):
        return results, []
    results, found = check_zeros(evidence, results, limits, layer)
    if any(g.verdict in ("wrong", "undecided") for g in results):
        return results, found
    lenient = limits.rtol is not None or limits.atol is not None  # what is meant to be near is not asked elsewhere
    spots = [] if evidence.moved or lenient else list(special_values(evidence))
    if spots:
        off = _wrong_at_others(evidence) if can_be_asked(evidence) and _is_opaque(evidence) else None
        if off is None:
            found.append(_told(spots, can_be_asked(evidence), layer))
        else:
            results = [_wrong_elsewhere(g, off[g.of]) if g.of in off else g for g in results]
    if not lenient and all(g.verdict != "wrong" for g in results):
        found += check_repeated_indices(evidence, results, layer)
        found += check_missing_labels(evidence, results, layer)
        found += check_neutral_scalars(evidence, results, layer)
        found += [] if found else check_untaken_branches(evidence, results, layer)
        found += check_more_samples(evidence, results, layer) or check_more_channels(evidence, results, layer)
    return results, found


def special_values(evidence: Evidence) -> Iterator[BlindSpot]:
    """Arrays, and upstream gradients, with values at which right and wrong coincide.

    A square matrix is no such value: a transposed one shows, unless it is symmetric. An array of which the output does
    not depend on the values, as on a bias, has them looked at all the same: a cache without the bias is right at zero.
    """
    asked = can_be_asked(evidence)  # then both signs are tried elsewhere (see one_sided_inputs)
    for name, value in evidence.values.items():
        if value.size < 2:
            continue
        if is_constant(value):
            first = float(value.flat[0])
            if first == 0:
                yield BlindSpot(name, f"{name} is all zeros", "what depends on it")
            elif first == 1:
                yield BlindSpot(name, f"{name} is all ones", f"a factor {name} that is left out, or put in twice,")
            else:
                yield BlindSpot(name, f"all entries of {name} are equal", "what takes one for another")
        elif _is_symmetric(value):
            yield BlindSpot(name, f"{name} is symmetric", f"a transposed {name}")
        elif not asked and (value.min() > 0 or value.max() < 0):
            # zeros among them are what a ReLU leaves, and no other signs are ever met
            yield BlindSpot(name, f"all entries of {name} have one sign", "a sign or a mask that is forgotten")
    upstreams = [u for u in evidence.upstreams if u.size > 1]
    if evidence.subject.upstream == "any" and upstreams and all(is_constant(u) for u in upstreams):
        yield BlindSpot("", "the upstream gradient is constant", "a sum over the wrong axis, or rows in another order,")


def _is_symmetric(value: Array) -> bool:
    square = value.ndim == 2 and value.shape[0] == value.shape[1]
    return square and np.array_equal(value[0], value[:, 0]) and np.array_equal(value, value.T)


def _is_opaque(evidence: Evidence) -> bool:
    return not evidence.autograd or bool(evidence.reference.leaks)


def _wrong_at_others(evidence: Evidence) -> dict[str, str] | None:
    """What numeric differences say of your gradients at other values: moved by their own size, or by a fifth of it."""
    wide = {n: v.astype(np.float64) for n, v in evidence.values.items()}
    noise = {n: np.asarray(evidence.rng.standard_normal(v.shape)) for n, v in wide.items()}
    for moved in (
        {n: moved_within(v, noise[n]) for n, v in wide.items()},
        {n: v * (1 + 0.2 * np.tanh(noise[n])) for n, v in wide.items()},
    ):
        off = wrong_there(evidence, moved, drawn_for(evidence, evidence.upstreams))
        if off is not None:
            return off
    return None


def _wrong_elsewhere(result: GradientResult, words: str) -> GradientResult:
    return replace(result, verdict="wrong", reason=f"right here, and wrong at other values of its arrays: {words}")


def _told(spots: Sequence[BlindSpot], asked: bool, layer: str) -> Finding:
    why = "the forward takes no other values" if asked else "there is no backward to call at other values"
    help_told = (
        'check at drawn values, which hide nothing: shapes={"x": (8, 3), ...} in place of the arrays'
        if asked
        else "give the gradients of random values: of both signs, none 0 or 1, no two equal"
    )
    told = [f"{spot.what}: {spot.hidden} would not show" for spot in spots]
    title = told[0] if len(told) == 1 else f"{len(told)} blind spots: mistakes that would not show at these values"
    seen = (*(told if len(told) > 1 else ()), f"{why}, so that it was not tried")
    return Finding("GC143", "info", title, layer, evidence=seen, help=(help_told,))
