"""Everything that a search for causes may look at: the gradients, the arrays, and the recorded forward."""

from __future__ import annotations

import functools
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from gradcheck.causes.candidate import Array, Gradients
from gradcheck.causes.thin import is_large, thinned
from gradcheck.difference import distance, nearest_multiple, norm
from gradcheck.witnesses.numpy_subject import NumpySubject
from gradcheck.witnesses.subject import Subject

if TYPE_CHECKING:
    from gradcheck.causes.recording import Recording

__all__ = ["EXACT", "Case"]

EXACT = 1e-6
"""A change explains a gradient when it predicts it to this much of its norm."""


@dataclass(eq=False)
class Case:
    """One evaluation of a layer or network: at ``values``, with ``upstreams``.

    ``yours`` and ``true`` hold gradients in float64, of the shape of their array. A prediction is compared with
    ``yours``; before anything is explained the prediction is ``true`` itself.
    """

    subject: Subject | None
    """What is evaluated; None for arrays at hand."""
    values: Mapping[str, Array]
    upstreams: Sequence[Array]
    yours: Gradients
    true: Gradients
    rounding: Mapping[str, float] = field(default_factory=dict)
    """The 2-norm of the rounding error in gradients that were taken from an update, by name."""
    names: Mapping[str, str] = field(default_factory=dict)
    """The name of each gradient by that of its array: dW for W."""

    closeness: Mapping[str, float] = field(default_factory=dict)
    """What an explanation may leave, where a gradient is wrong by so little that EXACT would call it right."""
    _lengths: dict[str, float] = field(default_factory=dict, init=False, repr=False)
    _kept: dict[Hashable, Gradients | None] = field(default_factory=dict, init=False, repr=False)

    def called(self, name: str) -> str:
        """The name of the gradient of ``name``."""
        return self.names.get(name, name)

    def off(self, name: str, prediction: Array) -> float:
        """‖yours - prediction‖ relative to ‖yours‖: what the prediction leaves unexplained."""
        yours = self.yours[name]
        if prediction.shape != yours.shape:
            return float("inf")
        return self._relative(name, self._gap(yours, prediction))

    def _relative(self, name: str, gap: float) -> float:
        length = self._length(name)
        if not np.isfinite(gap):
            return float("inf")
        if gap <= 4 * self.rounding.get(name, 0.0):
            return 0.0
        return gap / length if length else float(gap > 0)

    def _length(self, name: str) -> float:
        """‖yours‖, or where that is zero the norm of the true gradient; taken once."""
        if name not in self._lengths:
            self._lengths[name] = norm(self.yours[name]) or norm(self.true[name])
        return self._lengths[name]

    def _gap(self, yours: Array, prediction: Array) -> float:
        with np.errstate(all="ignore"):
            return distance(yours, prediction)

    def share_left(self, name: str, prediction: Array, before: Array) -> float:
        """What ``prediction`` leaves of what ``before`` leaves; of large arrays, as a part of them tells."""
        yours = self.yours[name]
        if prediction.shape == yours.shape and is_large(yours):
            left, all_ = (self._gap(thinned(yours), thinned(array)) for array in (prediction, before))
            if all_ > 0 and np.isfinite(left / all_):
                return left / all_
        off = self.off(name, before)
        return self.off(name, prediction) / off if off else 0.0

    def explains(self, name: str, prediction: Array) -> bool:
        """Whether ``prediction`` is yours, to rounding."""
        if self.is_ruled_out(name, prediction):
            return False
        return self.off(name, prediction) <= self.closeness.get(name, EXACT)

    def is_ruled_out(self, name: str, prediction: Array) -> bool:
        """Whether a part of a large array shows already that ``prediction`` is not yours."""
        yours = self.yours[name]
        if prediction.shape != yours.shape or not is_large(yours):
            return False
        return self._is_too_much(name, self._gap(thinned(yours), thinned(prediction)))

    def is_no_multiple(self, name: str, prediction: Array) -> bool:
        """Whether a part of a large array shows already that yours is no multiple of ``prediction``."""
        yours = self.yours[name]
        if prediction.shape != yours.shape or not is_large(yours):
            return False
        yours, prediction = thinned(yours), thinned(prediction)
        ratio = nearest_multiple(prediction, yours)
        return ratio is not None and self._is_too_much(name, self._gap(yours, ratio * prediction))

    def _is_too_much(self, name: str, gap: float) -> bool:
        return self._relative(name, gap) > self.closeness.get(name, EXACT)

    def times_of(self, never: Gradients, once: Gradients) -> float | None:
        """How many times yours has what makes ``once`` of ``never``, by least squares; None where that is nothing."""
        above = below = 0.0
        for name in self.yours.keys() & once.keys() & never.keys():
            step = once[name] - never[name]
            above += float(np.vdot(step, self.yours[name] - never[name]))
            below += float(np.vdot(step, step))
        return above / below if below else None

    def gradients_for(self, key: Hashable, upstreams: Sequence[Array]) -> Gradients | None:
        """The true gradients for other upstream gradients, evaluated once for each ``key``; None where unknown."""
        if key not in self._kept:
            self._kept[key] = self._evaluated(upstreams)
        return self._kept[key]

    def _evaluated(self, upstreams: Sequence[Array]) -> Gradients | None:
        if self.subject is None:
            return None
        try:
            with np.errstate(all="ignore"):
                found = self.subject.autograd(self.values, upstreams)
        except Exception:
            return None
        return None if found.leaks else found.gradients

    @property
    def was_recorded(self) -> bool:
        """Whether the recording has been asked for."""
        return "recording" in vars(self)

    @property
    def evaluations(self) -> int:
        """How often the recorded forward was differentiated."""
        return self.recording.passes if self.was_recorded and self.recording is not None else 0

    @functools.cached_property
    def recording(self) -> Recording | None:
        """The forward as operations whose derivatives can be changed; None where it cannot be followed."""
        from gradcheck.causes.recording import record
        from gradcheck.causes.recording_torch import record_function
        from gradcheck.witnesses.torch_function import FunctionSubject

        made = None
        if isinstance(self.own, NumpySubject):
            made = record(self.own, self.values, self.upstreams)
        elif isinstance(self.own, FunctionSubject):
            made = record_function(self.own, self.values, self.upstreams)
        if made is None or self.own is self.subject:
            return made
        # where a reference is the truth, the forward tells only of gradients on which it agrees with that
        found = made.gradients({})
        made.leaves = {n: leaf for n, leaf in made.leaves.items() if self._agree(n, found[n])}
        return made if made.leaves else None

    def _agree(self, name: str, recorded: Array) -> bool:
        true = self.true.get(name)
        return true is not None and true.shape == recorded.shape and distance(recorded, true) <= EXACT * norm(true)

    @functools.cached_property
    def own(self) -> Subject | None:
        """What runs the user's forward: the subject itself, or the one whose gradients a reference is held against."""
        from gradcheck.witnesses.torch_reference import WithReference

        return self.subject.inner if isinstance(self.subject, WithReference) else self.subject

    @functools.cached_property
    def result_shapes(self) -> list[tuple[int, ...]]:
        """The shape of everything that the forward computes, in order; empty where it cannot be followed."""
        return [] if self.recording is None else [tuple(g.operation.result.shape) for g in self.recording.gates]
