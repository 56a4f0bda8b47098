"""A batch of one, or one channel: a mean is a sum there, and the order of the samples does not show."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.hidden import hidden
from gradcheck.diagnosis.other_points import can_be_asked, drawn_for, wrong_there
from gradcheck.diagnosis.second_point import moved_within
from gradcheck.difference import norm
from gradcheck.report import Finding, GradientResult
from gradcheck.witnesses.samples import samples_of
from gradcheck.witnesses.subject import Array

__all__ = ["check_more_channels", "check_more_samples"]

_SAMPLES, _CHANNELS = 3, 2


def check_more_samples(evidence: Evidence, gradients: Sequence[GradientResult], layer: str) -> list[Finding]:
    """Of a batch of one: what is right for it, and wrong for three samples.

    A remark, for code may be meant for one sample at a time. What the forward does not take is not said anything of.
    """
    samples = samples_of(evidence.subject.variables, evidence.values, evidence.yours.outputs)
    if samples is None or samples.count != 1:
        return []
    hidden = "a mean taken for a sum, and a gradient that is not summed over the samples,"
    if not can_be_asked(evidence):
        return [_unseen("GC141", "one sample only", hidden, "two samples or more", layer)]
    index = [0] * _SAMPLES
    values = samples.values(evidence.values, index)
    for name in samples.names:
        if values[name].dtype.kind == "f":
            values[name] = moved_within(values[name].astype(np.float64), _noise(evidence, values[name]))
    values = _off_corners(evidence, values, samples.names)
    upstreams = drawn_for(evidence, samples.upstreams(evidence.upstreams, index))
    # a row that belongs to all samples; the k of an attention has samples of its own, though a kernel may be called so
    rows = {n for n, a in evidence.values.items() if n not in samples.names and a.ndim <= 2}
    off = wrong_there(evidence, values, upstreams, fixed=rows) or {}
    return _wrong_for_more("GC141", "one sample", "three", "samples", off, gradients, layer)


def check_more_channels(evidence: Evidence, gradients: Sequence[GradientResult], layer: str) -> list[Finding]:
    """Of images of one channel: what is right for it, and wrong for two."""
    images = {n: a for n, a in evidence.values.items() if a.ndim >= 3 and a.shape[1] == 1}
    first = next(iter(evidence.values), None)
    kernels = {v.name for v in evidence.subject.variables if v.role == "parameter"}
    if first not in images or first in kernels or not can_be_asked(evidence):
        return []
    alike = [n for n, a in images.items() if a.ndim == images[first].ndim]
    for names in dict.fromkeys((tuple(alike), (first,))):
        values = dict(evidence.values)
        for n in names:
            twice = np.repeat(values[n].astype(np.float64), _CHANNELS, axis=1)
            values[n] = moved_within(twice, _noise(evidence, twice))
        values = _off_corners(evidence, values, names)
        for upstreams in _of_channels(evidence):
            off = wrong_there(evidence, values, upstreams)
            if off is not None:
                return _wrong_for_more("GC142", "one channel", "two", "channels", off, gradients, layer)
    return []


def _of_channels(evidence: Evidence) -> Iterator[list[Array]]:
    """Upstream gradients for outputs with as many channels as before, and for outputs with more."""
    yield drawn_for(evidence, evidence.upstreams)
    if all(u.ndim >= 2 and u.shape[1] == 1 for u in evidence.upstreams):
        yield drawn_for(evidence, [np.repeat(u, _CHANNELS, axis=1) for u in evidence.upstreams])


def _off_corners(evidence: Evidence, values: Mapping[str, Array], moved: Collection[str]) -> dict[str, Array]:
    """The other arrays moved a little as well: behind dead units a bias of zero lies at the corner of the next ReLU."""
    near = dict(values)
    for name, value in values.items():
        if name not in moved and value.dtype.kind == "f" and value.size:
            typical = norm(value) / math.sqrt(value.size) or 1.0
            near[name] = value.astype(np.float64) + 1e-3 * typical * _noise(evidence, value)
    return near


def _noise(evidence: Evidence, like: Array) -> Array:
    return np.asarray(evidence.rng.standard_normal(like.shape))


def _unseen(code: str, what: str, hidden: str, remedy: str, layer: str) -> Finding:
    return Finding(
        code,
        "info",
        f"{what}: {hidden} would not show",
        layer,
        help=(f"give the gradients of {remedy}",),
    )


def _wrong_for_more(
    code: str, one: str, more: str, what: str, off: Mapping[str, str], gradients: Sequence[GradientResult], layer: str
) -> list[Finding]:
    wrong = [g for g in gradients if g.of in off]
    if not wrong:
        return []
    how = f"right for this {one}, and wrong for {more}"
    remedy = f"check with two {what} or more; if there is never more than one, nothing is wrong"
    return [hidden(wrong, how, [f"{g.name}: {off[g.of]}" for g in wrong], remedy, layer, code=code)]
