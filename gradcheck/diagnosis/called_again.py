"""The contract of a backward, as further calls show it: the same answer again, linear, and nothing shared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.outputs_alone import check_outputs_alone
from gradcheck.difference import relative_error, same_sums
from gradcheck.report import Finding
from gradcheck.witnesses.batch import one_sample_fewer
from gradcheck.witnesses.subject import Array, Gradient, Subject, Values

__all__ = ["check_behaviour", "differing", "other_values", "scales_of"]

_PERIOD = 4099  # it divides no shape


def check_behaviour(evidence: Evidence, layer: str) -> list[Finding]:
    """The faults that only show when the backward is called again: what it keeps, and whether it is linear."""
    subject = evidence.subject
    if not subject.repeatable:
        return []
    found = [] if evidence.called_again else list(_second_call(evidence, subject, layer))
    found = found or check_outputs_alone(evidence, layer)
    if evidence.small() and not found:
        found += _kept_by_backward(evidence, subject, layer)
        found += _shared_cache(evidence, subject, layer)
        found += _other_batch_sizes(evidence, subject, layer)
    return found


def other_values(values: Values, rng: np.random.Generator) -> dict[str, Array]:
    """Values that most forwards accept: a factor per entry keeps signs and zeros."""
    # few of them, in turn: enough to be other values, at a fraction of the cost
    other = {}
    for n, v in values.items():
        factors = (0.8 + 0.4 * rng.random(min(v.size, _PERIOD))).astype(v.dtype)
        other[n] = np.empty(v.shape, v.dtype)
        _times_in_turn(v.reshape(-1), factors, other[n].reshape(-1))
    return other


def _times_in_turn(flat: Array, factors: Array, out: Array) -> None:
    """``flat`` times the factors, which come again and again."""
    whole = flat.size - flat.size % factors.size if factors.size else 0
    np.multiply(flat[:whole].reshape(-1, max(factors.size, 1)), factors, out=out[:whole].reshape(-1, factors.size or 1))
    np.multiply(flat[whole:], factors[: flat.size - whole], out=out[whole:])


def scales_of(subject: Subject, outputs: Sequence[Array]) -> tuple[float, ...]:
    """What the upstream gradient is multiplied by in two further backward calls.

    Powers of two scale without rounding, one far up and one far down, for a clip acts on one side only; one of them
    negative, for what depends on signs. If both are right after a second forward, nothing stale was used, the cache is
    whole, and the backward is linear.
    """
    far = {2: 2.0**3, 4: 2.0**10}.get(min(o.dtype.itemsize for o in outputs), 2.0**30)
    # weights that move by so much before the gradient goes down through them are no sign of what is not linear
    return (far, -1 / far) if subject.upstream == "any" and not subject.moves_parameters else (1.0, 1.0)


def _second_call(evidence: Evidence, subject: Subject, layer: str) -> Iterator[Finding]:
    once = evidence.yours.gradients
    other = other_values(evidence.values, evidence.rng)
    up = list(evidence.upstreams)
    scales = scales_of(subject, evidence.yours.outputs)
    scaled = [[u * s for u in up] for s in scales]
    # an accumulator shows in the second of the two backward calls, so the first forward needs none of its own
    done = subject.sequence([(other, []), (evidence.values, scaled)])
    if len(done) < 2:
        return  # other values may be outside of what the forward accepts
    if len(done[1]) == 2 and not any(
        isinstance(call, Exception) or differing(call, _times(once, s)) for call, s in zip(done[1], scales, strict=True)
    ):
        return
    if scales == (1.0, 1.0):
        scales, scaled = (), []
    done = subject.sequence([(other, [up]), (evidence.values, [up, up, *scaled])])
    if len(done) < 2 or isinstance(done[0][-1], Exception):
        return
    before, calls = done[0][-1], done[1]
    if not calls or isinstance(calls[0], Exception):
        error = calls[0] if calls else None
        yield Finding(
            "GC111",
            "error",
            f"a second forward and backward raises {type(error).__name__}: {error}",
            layer,
            help=("something kept from the first call is used again; keep nothing between calls but the cache",),
        )
        return
    again = calls[0]
    assert not isinstance(again, Exception)
    others = differing(again, once)
    if others:
        yield _not_the_same_again(again, once, before, others, subject, layer)
        return
    for k, call in enumerate(calls[1:]):
        if isinstance(call, Exception):
            return  # a backward may be made for one call per forward
        factor = 1.0 if k == 0 else scales[k - 1]
        wanted = _times(once, factor)
        others = differing(call, wanted)
        if not others:
            continue
        if k == 0 and not differing(call, {**_times(once, 2.0), **{n: g for n, g in once.items() if n not in others}}):
            yield _adds_up(others, subject, layer)
            return  # further calls add to it as well
        fresh = None if k == 0 else subject.sequence([(evidence.values, [[u * factor for u in up]])])[0][0]
        if k == 0 or (isinstance(fresh, dict) and not differing(fresh, wanted)):
            drawn = k == 0 and subject.draws_in_backward(evidence.values, up)
            yield _drawn_anew(others, subject, layer) if drawn else _cache_written(others, subject, layer)
        else:
            yield _not_linear(others, factor, subject, layer)
        return


def _kept_by_backward(evidence: Evidence, subject: Subject, layer: str) -> Iterator[Finding]:
    """A backward at other values first: what it makes once and keeps, a transposed weight say, is stale then."""
    other, up = other_values(evidence.values, evidence.rng), list(evidence.upstreams)
    done = subject.sequence([(other, [up]), (evidence.values, [up])])
    if len(done) < 2 or any(len(calls) != 1 or isinstance(calls[0], Exception) for calls in done):
        return
    before, again = done[0][0], done[1][0]
    others = differing(again, evidence.yours.gradients)
    if others:
        yield _not_the_same_again(again, evidence.yours.gradients, before, others, subject, layer)


def _times(gradients: dict[str, Array | None], factor: float) -> dict[str, Array | None]:
    return {n: None if g is None else g * factor for n, g in gradients.items()}


def differing(now: Gradient, then: dict[str, Array | None]) -> list[str]:
    """The names of the gradients that are not the same, up to the order of a sum."""
    assert not isinstance(now, Exception)
    names = []
    for name, before in then.items():
        after = now.get(name)
        if before is None or after is None or before.shape != after.shape:
            if (before is None) != (after is None) or (before is not None and after is not None):
                names.append(name)
            continue
        if not np.all(np.isfinite(before)):
            continue
        if not same_sums(after, before):
            names.append(name)
    return names


def _title_names(names: list[str], subject: Subject) -> str:
    gradient = {v.name: v.gradient for v in subject.variables}
    return ", ".join(gradient[n] for n in names)


def _not_the_same_again(
    again: Gradient, once: dict[str, Array | None], before: Gradient, names: list[str], subject: Subject, layer: str
) -> Finding:
    which = _title_names(names, subject)
    assert not isinstance(again, Exception)
    assert not isinstance(before, Exception)

    def close(name: str, candidate: Array | None) -> bool:
        now = again[name]
        return (
            candidate is not None
            and now is not None
            and now.shape == candidate.shape
            and (relative_error(now, candidate) < 1e-6)
        )

    def added(name: str) -> Array | None:
        a, b = once[name], before.get(name)
        return a + b if a is not None and b is not None and a.shape == b.shape else None

    if all(close(n, added(n)) for n in names):
        return Finding(
            "GC110",
            "error",
            f"backward accumulates: the second call returns {which} added to the first call's",
            layer,
            evidence=("second answer = gradient at the first inputs + gradient at the second inputs, to 1e-6",),
            help=("start from np.zeros_like(...) in each backward, or zero the gradients before each call",),
        )
    if all(close(n, before.get(n)) for n in names):
        why = "it is the gradient at the first call's inputs: a stale cache"
    else:
        why = "it is neither the gradient at these inputs nor at the first call's"
    return Finding(
        "GC111",
        "error",
        f"the second call gives another answer for {which} than a first call at the same inputs",
        layer,
        evidence=(why,),
        help=("forward must replace everything that backward reads (look for `if self.cache is None`)",),
    )


def _adds_up(names: list[str], subject: Subject, layer: str) -> Finding:
    """As PyTorch's own ``.grad`` does: each forward starts from zero again, so training is not hurt by it."""
    return Finding(
        "GC110",
        "warning",
        f"a second backward for one forward gives {_title_names(names, subject)} added to the first call's",
        layer,
        evidence=("second answer = 2 times the first, to rounding; after another forward it is the first again",),
        help=("call backward once for each forward, or start from zeros in each backward",),
    )


def _drawn_anew(names: list[str], subject: Subject, layer: str) -> Finding:
    return Finding(
        "GC111",
        "error",
        f"backward draws random numbers of its own: a second call gives another {_title_names(names, subject)}",
        layer,
        help=("keep the mask that forward drew, and use it in the backward",),
    )


def _cache_written(names: list[str], subject: Subject, layer: str) -> Finding:
    return Finding(
        "GC108",
        "error",
        f"backward writes into what forward kept: a second call gives another {_title_names(names, subject)}",
        layer,
        help=(
            "copy before changing in place: `delta = probs` then `delta[...] -= 1` changes the cached probs as well",
        ),
    )


def _not_linear(names: list[str], factor: float, subject: Subject, layer: str) -> Finding:
    return Finding(
        "GC112",
        "error",
        f"{_title_names(names, subject)} is not linear in the upstream gradient",
        layer,
        evidence=(f"{factor:g} times the upstream gradient does not give {factor:g} times the gradient",),
        help=("a derivative is linear: look for clipping, for a division by a norm, for a constant that is added",),
    )


def _shared_cache(evidence: Evidence, subject: Subject, layer: str) -> list[Finding]:
    answer = subject.beside_another(evidence.values, evidence.upstreams)
    if answer is None:
        return []
    if isinstance(answer, Exception):
        others = [v.name for v in subject.wanted()]
    else:
        others = differing(answer, evidence.yours.gradients)
    if not others:
        return []
    return [
        Finding(
            "GC113",
            "warning" if subject.keeps_state_elsewhere else "error",
            f"two of these layers share one cache: running another changes {_title_names(others, subject)}",
            layer,
            evidence=("forward A, forward B, backward A gives another answer than forward A, backward A",),
            help=("keep the cache on the object (self.cache) or return it, not in a class attribute or a global",),
        )
    ]


def _other_batch_sizes(evidence: Evidence, subject: Subject, layer: str) -> list[Finding]:
    """One sample fewer, the full batch, one fewer again: each must give what it gives alone.

    What remembers the first size shows at the second call (`if self.n is None`: a batch that grows is cut off in
    silence), and a buffer that only grows at the third. Buffers for the first batch may refuse a larger one, aloud;
    then it is asked whether they serve a smaller one, as the last of an epoch is.
    """
    for values, upstreams in one_sample_fewer(
        subject.variables, evidence.values, evidence.yours.outputs, evidence.upstreams
    ):
        # arrays that one step changes must be named in the other too
        full = {n: evidence.values.get(n, v.array) for v in subject.variables if (n := v.name) in values}
        calls = subject.sequence([(values, [upstreams]), (full, [list(evidence.upstreams)]), (values, [upstreams])])
        alone = calls[0][-1]
        if isinstance(alone, Exception):
            continue  # the batch size may be fixed, or this axis no batch
        larger = calls[1][-1]
        if isinstance(larger, Exception):
            calls = subject.sequence([(full, [list(evidence.upstreams)]), (values, [upstreams])])
        elif found := _of_another_size(larger, evidence.yours.gradients, "more", subject, layer):
            return found
        return _of_another_size(calls[-1][-1], alone, "fewer", subject, layer)
    return []


def _of_another_size(
    after: Gradient, wanted: dict[str, Array | None], size: str, subject: Subject, layer: str
) -> list[Finding]:
    call = f"a second call with one sample {size}"
    if isinstance(after, Exception):
        what = f"{call} raises {type(after).__name__}: {after}"
    elif names := differing(after, wanted):
        what = f"{call} gives another answer for {_title_names(names, subject)} than a first"
    else:
        return []
    return [
        Finding(
            "GC111",
            "error",
            what,
            layer,
            evidence=("alone, each batch gives no error and another answer",),
            help=("something of the first batch's size is kept: look for `if self.cache is None` and for buffers",),
        )
    ]
