"""One subject through the whole of a check: evaluate, ask the witnesses, judge, look at the contract."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from gradcheck.causes import causes_of
from gradcheck.diagnosis.batch_twice import check_batch_twice
from gradcheck.diagnosis.blind_spots import check_blind_spots
from gradcheck.diagnosis.called_again import check_behaviour
from gradcheck.diagnosis.contract import check_gradients_given, without_mere_names
from gradcheck.diagnosis.enough import with_power
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.first_call import begun, confirmed
from gradcheck.diagnosis.lower_precision import computed_lower
from gradcheck.diagnosis.one_sided_inputs import check_other_sign
from gradcheck.diagnosis.own_dtypes import judged_in_own_dtypes
from gradcheck.diagnosis.tolerance import Limits
from gradcheck.diagnosis.verdict import judge
from gradcheck.difference import all_finite, norm, relative_error
from gradcheck.errors import GradcheckError
from gradcheck.layers.widened import as_float32
from gradcheck.report import Finding, GradientResult, Leak, Probe
from gradcheck.state import gaussian, own_generator
from gradcheck.witnesses.raised import raising_in
from gradcheck.witnesses.subject import Array, Subject, Yours

__all__ = ["Examination", "examine", "true_gradients"]

_SAME = {2: 1e-2, 4: 1e-5}  # by bytes a number; float64 is held to 1e-9


@dataclass
class Examination:
    """What a check of one subject found, with the evidence still at hand for those who go on from there."""

    evidence: Evidence
    gradients: list[GradientResult]
    findings: list[Finding]
    leaks: list[Leak] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def examine(
    subject: Subject,
    *,
    upstream: object = None,
    limits: Limits | None = None,
    seed: int = 0,
    layer: str = "",
) -> Examination:
    """Check ``subject`` at its own values.

    Raises:
        GradcheckError: the forward raises, gives nothing that can be differentiated, gives NaN, or changes from call to
            call; or ``upstream`` has another shape than the output.
    """
    values = subject.values()
    if not values:
        raise GradcheckError("wrt: nothing is left to differentiate; name at least one floating-point array")
    rng = own_generator(seed)

    def draw(outputs: list[Array]) -> list[Array]:
        _check_outputs(outputs)
        return _upstreams(subject, outputs, upstream, rng)

    if subject.first is not None and upstream is not None:
        _upstreams(subject, subject.first.outputs, upstream, rng)  # refuses those that cannot be used
    with raising_in("forward or backward"):
        # where there was a first call, the upstream gradients were drawn from this very generator then
        first = begun(subject, values, rng.spawn(1)[0])
        evidence = first if first is not None and confirmed(first) else None
        if evidence is None:
            yours = subject.yours(values, draw)
            known = first is not None and all(map(np.array_equal, yours.upstreams, first.upstreams))
            reference = first.reference if first and known else subject.autograd(values, yours.upstreams)
            evidence = Evidence(subject, values, yours.upstreams, yours, reference, rng)
    yours, reference = evidence.yours, evidence.reference
    # the reference ran the same forward once more, in float64: a forward that is not what it was shows there
    if not (reference.outputs and _same(yours.outputs, reference.outputs)) and not _same(
        yours.outputs, subject.forward(values)
    ):
        raise GradcheckError(
            "forward: it gives other values when called again with the same inputs and the same seed; draw random "
            "numbers from numpy.random, random, torch or a Generator kept in an attribute, so that they can be seeded"
        )
    _refuse_integer_parameters(subject, yours)
    with np.errstate(all="ignore"):  # what overflows in our own arithmetic is seen in its result
        limits = limits or Limits()
        gradients, blind = check_blind_spots(evidence, judge(evidence, limits, layer), limits, layer)
        gradients, lacking = with_power(evidence, gradients, limits, layer)
        findings = without_mere_names(check_gradients_given(yours, subject.variables, values, layer), gradients)
        findings += lacking
        lower = computed_lower(evidence, gradients, layer)
        findings += lower.findings
        if any(result.verdict == "wrong" and result.of not in lower.names for result in gradients):
            rest = [result for result in gradients if result.of not in lower.names]
            findings += causes_of(evidence, rest, layer, limits.budget)
        # beyond float16's largest number no backward is linear: where all are computed in it, that is told already
        told = lower.names >= {r.of for r in gradients if r.verdict != "not differentiated"}
        findings += [f for f in check_behaviour(evidence, layer) if f.code != "GC112" or not told]
        findings += check_other_sign(evidence, gradients, layer) + blind
        findings += check_batch_twice(evidence, gradients, layer)
        gradients, narrow = judged_in_own_dtypes(evidence, gradients, layer)
        findings += narrow
    notes = list(subject.notes)
    if evidence.joint is not None:
        notes.append(_joint_note(evidence.joint, layer))
    return Examination(evidence, gradients, findings, list(reference.leaks), notes)


def _refuse_integer_parameters(subject: Subject, yours: Yours) -> None:
    """An integer array that the backward gives a gradient for is no label: it is a parameter in the wrong dtype."""
    for v in subject.variables:
        given = yours.raw.get(v.name)
        if v.differentiated or v.array.dtype.kind not in "iu" or not isinstance(given, np.ndarray):
            continue
        if given.dtype.kind == "f" and given.shape == v.array.shape and np.any(given):
            raise GradcheckError(
                f"{v.name}: it is an array of integers ({v.array.dtype}), and the backward gives a gradient for it; "
                f"give it as floating-point numbers: {v.name}.astype(float)"
            )


def _joint_note(joint: Probe, layer: str) -> str:
    where = f"{layer}: " if layer else ""
    return (
        f"{where}all gradients along one random direction together: numeric {joint.numeric:.4g} ± {joint.error:.0e}, "
        f"autograd {joint.autograd:.4g}" + ("" if joint.yours is None else f", yours {joint.yours:.4g}")
    )


def true_gradients(subject: Subject, upstream: object, seed: int) -> tuple[dict[str, Array], list[Leak]]:
    """The gradients of a forward alone: autograd's where numeric differences agree, else numeric ones entry by entry.

    Raises:
        GradcheckError: as :func:`examine`; also for an output that is no single number when ``upstream`` is not given.
    """
    values = subject.values()
    rng = own_generator(seed)
    with raising_in("forward"):
        outputs = subject.forward(values)
    _check_outputs(outputs)
    if upstream is None:
        if len(outputs) != 1 or outputs[0].size != 1:
            shapes = ", ".join(str(o.shape) for o in outputs)
            raise GradcheckError(f"upstream: the output has shape {shapes}; give upstream=, an array of that shape")
        upstream = np.ones(outputs[0].shape)
    upstreams = _upstreams(subject, outputs, upstream, rng)
    reference = subject.autograd(values, upstreams)
    nothing = Yours(outputs, dict.fromkeys(values), {})
    evidence = Evidence(subject, values, upstreams, nothing, reference, rng)
    evidence.cross_examine()
    found = {}
    for name, value in values.items():
        if evidence.supported.get(name):
            found[name] = evidence.autograd[name]
            continue
        if reference.gradients is not None and not reference.leaks:
            raise GradcheckError(
                f"{name}: autograd and numerical differences of this forward disagree at these inputs. At a kink, a "
                "tie, or where the forward is not smooth, move the inputs a little. A number that goes on unseen is "
                "the other reason: one that is read back from a file, or from text by more than float(...)"
            )
        entries = np.empty(value.shape)
        for index in np.ndindex(value.shape):
            entries[index] = evidence.numeric.entry(name, index).value
        found[name] = entries
    return found, list(reference.leaks)


def _check_outputs(outputs: list[Array]) -> None:
    if not outputs or not any(o.size for o in outputs):
        raise GradcheckError("forward: it returned nothing to differentiate; return an array or a number")
    for k, output in enumerate(outputs):
        which = "its output" if len(outputs) == 1 else f"its output {k}"
        if output.dtype.kind == "c":
            raise GradcheckError(f"forward: {which} is complex; only real outputs can be checked (take .real or abs)")
        if output.dtype.kind not in "fiub":
            raise GradcheckError(f"forward: {which} is of dtype {output.dtype}; it must be an array of real numbers")
        if not all_finite(output):
            bad = int(np.count_nonzero(~np.isfinite(output)))
            raise GradcheckError(
                f"forward: {which} has NaN or infinite entries ({bad} of {output.size}) at these inputs; "
                "a derivative there means nothing: give inputs at which the forward is finite"
            )


def _upstreams(subject: Subject, outputs: list[Array], given: object, rng: np.random.Generator) -> list[Array]:
    if subject.upstream == "one":
        if given is not None:
            raise GradcheckError(
                "upstream: this style returns the value and its gradient together, so that there is no upstream "
                "gradient to give; leave it out"
            )
        return [np.ones(o.shape) for o in outputs]
    if given is None and not subject.calls_backward:
        if len(outputs) == 1 and outputs[0].size == 1:
            return [np.ones(outputs[0].shape)]
        raise GradcheckError(
            "upstream: gradients at hand belong to one upstream gradient; give it: upstream=dout, of shape "
            + ", ".join(str(o.shape) for o in outputs)
        )
    if given is None:
        # Gaussian: for entries of ±1 alone u, sign(u), u³ and 1/u would all be the same
        return [
            gaussian(rng, o.shape).astype(o.dtype if o.dtype.kind == "f" else np.float64, copy=False) for o in outputs
        ]
    several: Sequence[object] = given if isinstance(given, list | tuple) and len(outputs) > 1 else [given]
    if len(several) != len(outputs):
        raise GradcheckError(
            f"upstream: {len(several)} given for {len(outputs)} outputs; give a tuple of {len(outputs)} arrays"
        )
    checked = []
    for k, (u, o) in enumerate(zip(several, outputs, strict=True)):
        array = as_float32(np.asarray(u))
        if array.dtype.kind not in "fiu":
            raise GradcheckError(
                f"upstream: it must be an array of real numbers, not {type(u).__name__} of {array.dtype}"
            )
        if array.shape != o.shape:
            which = "the output" if len(outputs) == 1 else f"output {k}"
            raise GradcheckError(f"upstream: its shape is {array.shape}; {which} has {o.shape}, and so must it")
        length = norm(array)
        if not (math.isfinite(length) or np.all(np.isfinite(array))):
            raise GradcheckError("upstream: it has NaN or infinite entries; give finite numbers")
        if length == 0:
            raise GradcheckError("upstream: it is all zeros, so that every gradient would be zero; give other numbers")
        checked.append(array)
    return checked


def _same(left: list[Array], right: list[Array]) -> bool:
    if len(left) != len(right):
        return False
    # another kernel may round otherwise (with and without grad mode, say); a redrawn random number changes far more
    return all(
        a.shape == b.shape and (np.array_equal(a, b) or relative_error(a, b) <= _SAME.get(a.dtype.itemsize, 1e-9))
        for a, b in zip(left, right, strict=True)
    )
