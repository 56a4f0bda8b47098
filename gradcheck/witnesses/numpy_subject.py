"""A NumPy problem evaluated: at other values, in another dtype, or traced on PyTorch."""

from __future__ import annotations

import copy
import random
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from gradcheck.difference import all_finite, same_sums
from gradcheck.layers.neutral import Neutral, neutral_scalars
from gradcheck.layers.problem import Problem
from gradcheck.layers.widened import as_float32
from gradcheck.report import Leak
from gradcheck.state import Slot, State, seed_everything
from gradcheck.trace import Trace, TracedArray
from gradcheck.witnesses.aliasing import aliases_of
from gradcheck.witnesses.memory import replacements
from gradcheck.witnesses.raised import user_place
from gradcheck.witnesses.subject import Array, Drawing, Gradient, Precision, Reference, Repeated, Subject, Values, Yours
from gradcheck.witnesses.time_limit import Clock

__all__ = ["NumpySubject"]

# A trace binds names in the user's modules for the time of a call; another thread must not see them.
_ONE_AT_A_TIME = threading.RLock()
_MISMATCH = "the PyTorch counterpart of an operation gives other values"


class NumpySubject(Subject):
    """``problem`` at the values, in the dtype and with the seed that the engine asks for.

    Every evaluation starts from the state in which the user handed it over, and ends by restoring it.
    """

    def __init__(self, problem: Problem, *, seed: int, dtype: Any = None) -> None:
        self.problem = problem
        self.name, self.style, self.notes = problem.subject, problem.style, problem.notes
        self.variables, self.upstream = problem.variables, problem.upstream
        self.calls_backward, self.keeps_state_elsewhere = problem.calls_backward, problem.keeps_state_elsewhere
        self.repeatable = problem.calls_backward and not problem.updates
        self.moves_parameters = problem.moves_parameters
        self.first = problem.first if dtype is None else None
        self.seed = seed
        self.dtype = None if dtype is None else np.dtype(dtype)
        self.snapshot = problem.remembered or State(*problem.roots).snapshot()
        self.state = self.snapshot.state
        self.counts = {"forward": 0, "backward": 0, "traced": 0}
        self._altered: tuple[Slot, object] | None = None
        self._clock = Clock(problem.seconds)
        self.recorded_rounding: dict[str, float] = {}
        """By variable: the 2-norm of the rounding in a gradient that was recorded with few digits."""

    def values(self) -> dict[str, Array]:
        found = {}
        for v in self.wanted():
            held = self.snapshot.copy_of(v.array)
            found[v.name] = self._cast(np.array(v.array) if held is None else held)
        return found

    def gradient_rounding(self, name: str) -> float:
        if name in self.recorded_rounding:
            return self.recorded_rounding[name]
        # (w - (w - lr·g)) / lr: both differences round w to its own precision
        lr = self.problem.learning_rate
        if not self.problem.updates or not lr:
            return 0.0
        value = self.values()[name]
        return 2 * float(np.finfo(value.dtype).eps) * float(np.linalg.norm(value.ravel())) / abs(lr)

    def restore(self) -> None:
        self.snapshot.restore()
        self.problem.close()
        if self.problem.widened is not None:
            self.problem.widened.close()

    def forward(self, values: Values, spare: Collection[str] = ()) -> list[Array]:
        with self._at(values, spare=spare):
            self.counts["forward"] += 1
            return [np.array(output) for output in self._call_forward()]

    def yours(self, values: Values, upstreams: Sequence[Array] | Drawing) -> Yours:
        with self._at(values) as held:
            self.counts["forward"] += 1
            outputs = self._call_forward()
            changed = {name: array.copy() for name, array in held.items() if not _equal(array, values[name])}
            written = [f"forward:{name}" for name in changed]
            after_forward = {**values, **changed}
            copies = [np.array(output) for output in outputs]
            drawn = upstreams(copies) if callable(upstreams) else list(upstreams)
            handed = [np.array(u, dtype=o.dtype) for u, o in zip(drawn, copies, strict=True)]
            kept = [u.copy() for u in handed]
            self.counts["backward"] += 1
            given = self.problem.backward(handed)
            written += [f"backward:{name}" for name, array in held.items() if not _equal(array, after_forward[name])]
            written += [f"backward:upstream {i}" for i, u in enumerate(handed) if not _equal(u, kept[i])]
            gradients = {v.name: _as_array(given.values.get(v.name)) for v in self.wanted()}
            aliases = aliases_of(held, outputs, self._in_words(given.values), handed)
            return Yours(copies, gradients, given.values, given.faults, written, aliases, drawn)

    def repeated(self, other: Values, values: Values, scales: Sequence[float], near: bool = False) -> Repeated | None:
        first = self.first
        if first is None:
            return None
        gradients = {v.name: _as_array(first.gradients.get(v.name), copy=False) for v in self.wanted()}
        if any(g is None or not all_finite(g) for g in gradients.values()):
            return None
        with self._at(other, spare=list(other)) as held, ExitStack() as moves:
            try:
                self.counts["forward"] += 2
                outputs = self._call_forward()
                elsewhere = [np.array(output) for output in outputs] if near else []
                held = self._move(moves, held, values)
                outputs = self._call_forward()
                if not all(map(_equal, outputs, first.outputs)):
                    return None
                handed, before = list(first.upstreams), 1.0
                for scale in scales:
                    # what a backward has written into is not what it was, and neither is what is made of it
                    handed, before = [_times(u, scale / before) for u in handed], scale
                    self.counts["backward"] += 1
                    given = self.problem.backward(handed)
                    if given.faults or not all(
                        _is_multiple(given.values.get(n), scale, g, near) for n, g in gradients.items()
                    ):
                        return None
                if not all(np.array_equal(h, _times(u, before)) for h, u in zip(handed, first.upstreams, strict=True)):
                    return None
                if not all(_equal(array, values[name]) for name, array in held.items()):
                    return None
            except Exception:
                return None
            aliases = aliases_of(held, outputs, self._in_words(given.values), handed)
        yours = Yours(first.outputs, gradients, first.gradients, aliases=aliases, upstreams=first.upstreams)
        return Repeated(yours, elsewhere)

    def _in_words(self, values: Values | dict[str, object]) -> dict[str, object]:
        return {v.gradient: values.get(v.name) for v in self.wanted()}

    def sequence(self, steps: Sequence[tuple[Values, Sequence[Sequence[Array]]]]) -> list[list[Gradient]]:
        done: list[list[Gradient]] = []
        with self._at(steps[0][0]) as held, ExitStack() as moves:
            for k, (values, upstreams) in enumerate(steps):
                if k:
                    held = self._move(moves, held, values)
                done.append([])
                try:
                    self.counts["forward"] += 1
                    outputs = [np.array(o) for o in self._call_forward()]
                    for upstream in upstreams:
                        self.counts["backward"] += 1
                        handed = [np.array(u, o.dtype) for u, o in zip(upstream, outputs, strict=True)]
                        given = self.problem.backward(handed)
                        done[-1].append({v.name: _as_array(given.values.get(v.name)) for v in self.wanted()})
                except Exception as error:
                    done[-1].append(error)
                    break
        return done

    def beside_another(self, values: Values, upstreams: Sequence[Array]) -> Gradient | None:
        try:
            other = copy.deepcopy(self.problem)
        except Exception:
            return None
        for v in other.variables:
            if v.array.dtype.kind == "f" and v.array.flags.writeable:
                v.array *= 1.25
        with self._at(values):
            self.counts["forward"] += 2
            self.counts["backward"] += 1
            try:
                outputs = [np.array(o) for o in self._call_forward()]
                seed_everything(self.seed)
                try:
                    other.forward()
                except Exception:
                    return None
                given = self.problem.backward([np.array(u, o.dtype) for u, o in zip(upstreams, outputs, strict=True)])
            except Exception as error:
                return error
            return {v.name: _as_array(given.values.get(v.name)) for v in self.wanted()}

    def in_own_dtypes(self, values: Values, upstreams: Sequence[Array]) -> Yours | None:
        if self.dtype is not None or self.problem.widened is None:
            return None
        with self._at(values, own=True):
            outputs = self._call_forward()
            handed = [np.array(u, dtype=o.dtype) for u, o in zip(upstreams, outputs, strict=True)]
            given = self.problem.backward(handed)
            gradients = {v.name: _as_array(given.values.get(v.name)) for v in self.wanted()}
            return Yours([as_float32(o) for o in outputs], gradients, given.values)

    def neutral_scalars(self) -> list[Neutral]:
        return neutral_scalars(self.problem)

    @contextmanager
    def altered(self, slot: Slot, value: object) -> Iterator[None]:
        self._altered = slot, value
        try:
            yield
        finally:
            self._altered = None

    def draws_in_backward(self, values: Values, upstreams: Sequence[Array]) -> bool:
        with self._at(values):
            outputs = [np.array(o) for o in self._call_forward()]
            seed_everything(self.seed)
            untouched = np.random.random(), random.random()
            seed_everything(self.seed)
            self.problem.backward([np.array(u, o.dtype) for u, o in zip(upstreams, outputs, strict=True)])
            return untouched != (np.random.random(), random.random())

    def autograd(self, values: Values, upstreams: Sequence[Array], precision: Precision = "float64") -> Reference:
        reference = self._traced(values, upstreams, precision, verify=False)
        if reference.failure == _MISMATCH:
            # values and shadows disagreed at the end: once more, comparing after every operation, to name the one
            return self._traced(values, upstreams, precision, verify=True)
        return reference

    def _move(self, moves: ExitStack, held: dict[str, Any], values: Values) -> dict[str, Any]:
        """Hold new arrays with ``values``, as a caller's next batch is; an array changed in place would look fresh."""
        standing = [value for slot in self.state.slots if isinstance(value := slot.get(), np.ndarray)]
        moved = [v for v in self.variables if v.name in values and v.name in held]
        mapping = replacements(standing, [(held[v.name], values[v.name]) for v in moved if not v.slots])
        moves.enter_context(self.state.substituted(lambda value: mapping.get(id(value), value)))
        for v in moved:
            for slot in v.slots:
                slot.set(_like_scalar(slot.get(), np.asarray(values[v.name])))
        self.snapshot.restore_randomness(own_only=True)
        seed_everything(self.seed)
        return {n: mapping.get(id(array), array) for n, array in held.items()}

    @contextmanager
    def followed(self, trace: Trace, values: Values) -> Iterator[tuple[Sequence[object], dict[str, TracedArray]]]:
        """The outputs of the forward run on ``trace``, and the traced variables, while the arrays stand in it."""
        self.counts["traced"] += 1
        spaces = [namespace for namespace, _ in self.state.named_globals]
        with self._at(values, trace) as held, trace.entrances(spaces):
            trace.deadline = self._clock.deadline()
            outputs = self.problem.forward()
            trace.deadline = None
            yield outputs, {n: a for n, a in held.items() if values[n].dtype.kind == "f"}

    # -- one evaluation ------------------------------------------------------------------------------------

    def _traced(self, values: Values, upstreams: Sequence[Array], precision: Precision, verify: bool) -> Reference:
        trace = Trace(precision=precision, verify=verify, once=True)
        if precision == "float64":
            values = {n: v.astype(np.float64, copy=False) if v.dtype.kind == "f" else v for n, v in values.items()}
        try:
            with self.followed(trace, values) as (outputs, variables):
                gradients = trace.gradients(outputs, upstreams, variables, last=True)
                if trace.mismatch and not verify:
                    return Reference([], None, failure=_MISMATCH)
                plain = [np.array(trace.value(output)) for output in outputs]
                return Reference(plain, gradients, list(trace.leaks), trace.branch_signature())
        except Exception as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            where = user_place(error)
            how = f"the forward cannot be followed on PyTorch: {type(error).__name__}: {error}"
            return Reference([], None, [*trace.leaks, Leak(where, how)], failure=how)
        finally:
            trace.let_go()

    @contextmanager
    def _at(
        self, values: Values, trace: Trace | None = None, spare: Collection[str] = (), own: bool = False
    ) -> Iterator[dict[str, Any]]:
        variables = {v.name: v for v in self.problem.variables if v.name in values}
        pairs = [(v.array, values[name]) for name, v in variables.items() if not v.slots]
        if own and self.problem.widened is not None:
            pairs = self.problem.widened.in_own_dtypes(pairs)
        mapping = replacements(self.state.arrays, pairs, spare=[id(values[name]) for name in spare])
        held: dict[str, Any] = {n: mapping[id(v.array)] for n, v in variables.items() if not v.slots}
        held |= {n: np.array(values[n]) for n, v in variables.items() if v.slots}
        if trace is not None:
            held = {
                n: trace.variable(a, n, values[n]) if a.dtype.kind == "f" else trace.leaf(a) for n, a in held.items()
            }
        by_id = {id(v.array): held[n] for n, v in variables.items() if not v.slots}

        def leaf(value: object) -> object:
            if isinstance(value, np.ndarray):
                if id(value) in by_id:
                    return by_id[id(value)]
                value = mapping.get(id(value), value)
                if self.dtype is not None and value.dtype.kind == "f":
                    value = value.astype(self.dtype, copy=False)
            return value if trace is None else trace.leaf(value)

        with _ONE_AT_A_TIME:
            kept = None if self._altered is None else self._altered[0].get()
            try:
                if self._altered is not None:
                    self._altered[0].set(self._altered[1])
                with self.state.substituted(leaf), np.errstate(all="ignore"):
                    for name, v in variables.items():
                        for slot in v.slots:
                            slot.set(held[name] if trace is not None else _like_scalar(slot.get(), held[name]))
                    seed_everything(self.seed)
                    yield held
            finally:
                self.problem.let_go()
                if self._altered is not None:
                    self._altered[0].set(kept)
                # what was replaced was out of reach; the next evaluation seeds, and the last restore puts all back
                self.snapshot.restore(untouched=mapping, seeded=True)

    def _call_forward(self) -> list[Array]:
        return [np.asarray(output) for output in self._clock.timed(self.problem.forward)]

    def _cast(self, array: Array) -> Array:
        return array if self.dtype is None else array.astype(self.dtype)


def _like_scalar(old: object, new: Array) -> object:
    return new.astype(old.dtype)[()] if isinstance(old, np.generic) else float(new)


def _times(array: Array, factor: float) -> Array:
    return np.multiply(array, factor, out=np.empty_like(array))


def _is_multiple(value: object, factor: float, array: Array | None, exactly: bool) -> bool:
    """Whether ``value`` is ``factor`` times ``array``, up to the order of a sum."""
    if array is None or not isinstance(value, np.ndarray | float | np.floating) or np.shape(value) != array.shape:
        return False
    wanted = array * factor
    return np.array_equal(value, wanted) or (not exactly and same_sums(np.asarray(value), wanted))


def _as_array(value: object, copy: bool = True) -> Array | None:
    """The gradient as a fresh array: the user's own may be written to by the next call."""
    if value is None:
        return None
    try:
        array = as_float32(np.array(value) if copy else np.asarray(value))
    except ValueError:  # ragged
        return None
    return array if array.dtype.kind in "fiub" else None


def _equal(left: Array, right: Array) -> bool:
    # NaN are rare, and looking for them costs more than the comparison
    return np.array_equal(left, right) or np.array_equal(left, right, equal_nan=True)
