"""What every style of layer shares: its arguments, how the forward is called, what its outputs must be."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from gradcheck.difference import all_finite
from gradcheck.errors import GradcheckError
from gradcheck.layers.calling import Signature, called, signature_of, user_code
from gradcheck.layers.matching import as_mapping, flattened
from gradcheck.layers.numbers_beside import how_to_give, in_order, numbers_by_default, numbers_given
from gradcheck.layers.problem import FirstCall, Gradients, Problem, Variable
from gradcheck.layers.request import Request
from gradcheck.layers.spelling import is_cache_name, match_names
from gradcheck.layers.values import describe, is_array, is_number, shape_of
from gradcheck.layers.variables import (
    apply_choices,
    argument_names,
    float_variable,
    held_in_dicts,
    numbers_in_parameters,
    scalar_variables,
    variables_of,
)
from gradcheck.state import Snapshot, State, gaussian, own_generator, seed_everything

__all__ = ["Layer", "sample_upstream"]


class Layer(Problem):
    """A problem made of one forward callable and its arguments.

    ``self.arguments`` and ``self.keywords`` are read at every call, so that what the engine puts in their places
    is what the user's code gets.
    """

    key: ClassVar[str]

    def __init__(self, request: Request, forward: Callable[..., Any], *others: object) -> None:
        self.request = request
        self.call_forward = forward
        self.signature: Signature = signature_of(forward)
        self.arguments: list[Any] = list(request.arguments)
        self.for_backward = _for_backward_alone(request.keywords, self.signature, others)
        self.keywords = {name: v for name, v in request.keywords.items() if name not in self.for_backward}
        self.subject = request.name or called(request.subject)
        self.notes: list[str] = []
        self.style = self.key
        self.roots: list[object] = [forward, *others, request.subject, self.arguments, self.keywords, self.for_backward]
        self.outputs: tuple[object, ...] = ()
        self._check_call()
        self._separate_twins()
        self.names = argument_names(self.signature, len(self.arguments))
        self.variables = variables_of(self.names, self.arguments, self.keywords)
        if not self.variables and request.partner is not None:
            scalar_variables(self.names, self.arguments)  # refuses NaN before the forward spreads it
        self.advice = ""
        """What to do about numbers that have a default, where the backward gives more gradients than it should."""
        self.optional = held_in_dicts(self.names, self.arguments, self.keywords)
        self._numbers = numbers_in_parameters(self.names, self.arguments, self.keywords)
        for name, array in request.params.items():
            self._add_parameter(name, array)

    # -- setting up ----------------------------------------------------------------------------------------

    def _check_call(self) -> None:
        for name in self.keywords:
            if not self.signature.takes(name) and not self.signature.any_keyword:
                raise GradcheckError(
                    f"kwargs has {name!r}, which {called(self.call_forward)}{self.signature} does not take"
                )
            if name in self.signature.names[: len(self.arguments)]:
                raise GradcheckError(f"kwargs gives {name!r}, which is given by position too: give it once")
        by_name = sum(name in self.signature.names for name in self.keywords)
        lacking = max(self.signature.required - len(self.arguments) - by_name, 0)
        lacking += sum(name not in self.keywords for name in self.signature.keyword_required)
        if self.signature.known and (lacking or not self._fits(len(self.arguments))):
            count = len(self.arguments)
            first = self.signature.names[0] if self.signature.names else ""
            context = is_cache_name(first) and self.signature.required == count + 1
            raise GradcheckError(
                f"the forward {called(self.call_forward)}{self.signature} was given {count} "
                f"input{'' if count == 1 else 's'}: pass what it takes, in its order (more by name in kwargs=)"
                + (f"; {first} is an object of yours that keeps what backward needs: give it first" if context else "")
            )

    def _fits(self, count: int) -> bool:
        return self.signature.rest or count <= len(self.signature.names)

    def _separate_twins(self) -> None:
        # f(x, x) has two gradients, one for each place: they can be told apart only when two arrays stand there
        for i, value in enumerate(self.arguments):
            if is_array(value) and any(value is other for other in self.arguments[:i]):
                self.arguments[i] = value.copy()
                self.notes.append(f"argument {i + 1} is the same array as an earlier one: checked as two")

    def _add_parameter(self, name: str, array: Any) -> None:
        if any(v.name == name for v in self.variables):
            raise GradcheckError(f"params names {name!r}, which is an argument of the forward already")
        reachable = State(*self.roots)
        if not any(array is other for other in reachable.arrays):
            raise GradcheckError(
                f"params[{name!r}] is not an array that {called(self.call_forward)} uses: "
                f"give the very object that its code names (not a copy of it)"
            )
        self.variables.append(float_variable(name, array, "parameter"))

    def settle(self) -> None:
        """Find scalar inputs where there are no arrays, then apply ``constants`` and ``wrt``."""
        if not any(v.differentiated for v in self.variables):
            self.variables = scalar_variables(self.names, self.arguments) + self.variables
        self._take_numbers()
        if not self.variables and not self.arguments:
            raise GradcheckError(
                f"no inputs: pass the arrays that {called(self.call_forward)} is called with, after the functions"
            )
        order = self.request.order
        known = {variable.name: variable for variable in self.variables}
        if order is not None:
            self.request.order = order = tuple(name if name in known else name.removeprefix("d") for name in order)
            unknown = [name for name in order if name not in known]
            if unknown:
                raise GradcheckError(
                    f"gradients names {unknown[0]!r}: give the inputs' names in the order backward returns them, "
                    f"out of {', '.join(known)}"
                )
        self._refuse_defaults(known)
        apply_choices(self.variables, self.request.constants, self.request.wrt, self.request.subject)

    def _refuse_defaults(self, known: Collection[str]) -> None:
        for name in numbers_by_default(self.signature, {*known, *self.names, *self.keywords}):
            if name in (self.request.wrt or ()):
                raise GradcheckError(f"wrt names {name!r}, which was not given: {how_to_give([name], self.signature)}")

    def left_at_default(self) -> Mapping[str, Any]:
        """The options that the caller gave neither by position nor by name."""
        return {n: v for n, v in self.signature.defaults.items() if n not in self.names and n not in self.keywords}

    def positions(self) -> list[Variable | None]:
        """For each positional argument its variable, None where it is no array."""
        by_name = {variable.name: variable for variable in self.variables}
        return [by_name.get(name) for name in self.names]

    def promote(self, returned: object, named: Mapping[str, object]) -> None:
        """Take in arrays held in dicts of options, and numbers, when the backward gives gradients of their names.

        Args:
            returned: what the backward returned.
            named: what of it has a name, in a dict or in the return statement.
        """
        keys = [key for item in flattened(returned) for key in (as_mapping(item) or {})]
        found = match_names([variable.name for variable in self.optional], keys, plain=False)
        self.variables += [variable for variable in self.optional if variable.name in found]
        self.optional = [variable for variable in self.optional if variable.name not in found]
        numbers = match_names([variable.name for variable in self._numbers], keys)
        self.variables += [variable for variable in self._numbers if variable.name in numbers]
        self._numbers = [variable for variable in self._numbers if variable.name not in numbers]
        given = [*self.names, *self.keywords]
        self._take_numbers(
            numbers_given(
                in_order(self.signature, self.names, self.keywords),
                dict(zip(given, [*self.arguments, *self.keywords.values()], strict=True)),
                len(self.names),
                returned,
                named,
            )
        )
        left = numbers_by_default(self.signature, given)
        self.advice = how_to_give(left, self.signature) if left else ""

    def _take_numbers(self, given: Collection[str] = ()) -> None:
        """Take in numbers beside the arrays: those that gradients are given of, and those that the caller names."""
        if not any(variable.differentiated for variable in self.variables):
            return  # then all numbers are inputs
        named = *(self.request.wrt or ()), *(self.request.order or ()), *self.request.constants
        wanted = {*given, *named} - {v.name for v in self.variables}
        order = in_order(self.signature, self.names, self.keywords)
        for variable in scalar_variables(self.names, self.arguments, wanted, self.keywords):
            place = order.index(variable.name)
            before = [i for i, v in enumerate(self.variables) if v.name in order[:place]]
            self.variables.insert(before[-1] + 1 if before else 0, variable)

    # -- the rehearsal -------------------------------------------------------------------------------------

    def run_forward(self) -> Any:
        """The user's forward, called with what stands in the slots now."""
        return self.call_forward(*self.arguments, **self.keywords)

    def rehearse_forward(self) -> Any:
        """The first call of the forward, its exceptions told in words."""
        with user_code(f"the forward {called(self.call_forward)}", {"called with": self._arguments_in_words()}):
            started = time.monotonic()
            returned = self.run_forward()
            self.seconds = time.monotonic() - started
            return returned

    def rehearse(self) -> Gradients:
        """One backward after a forward, with a random upstream gradient; the outputs are kept for the engine."""
        with user_code(f"the forward {called(self.call_forward)}", {"called with": self._arguments_in_words()}):
            outputs = self.forward()
        self.check_outputs(outputs)
        self.outputs = outputs
        with user_code(self._backward_in_words()):
            return self.backward([sample_upstream(output, self.upstream) for output in outputs])

    def snapshot(self) -> Snapshot:
        """What user code can reach, remembered."""
        return State(*self.roots).snapshot()

    def check_outputs(self, outputs: Sequence[Any]) -> None:
        """Refuse outputs that nothing can be differentiated through."""
        for i, output in enumerate(outputs):
            label = "the forward's output" if len(outputs) == 1 else f"output {i + 1} of the forward"
            if not is_array(output) and not is_number(output):
                raise GradcheckError(
                    f"{label} is {describe(output)}: {called(self.call_forward)} must return an array, "
                    f"(out, cache), or (loss, gradients)"
                )
            integral = (is_array(output) and output.dtype.kind != "f") or isinstance(output, int | np.integer)
            if integral and not any(v.differentiated for v in self.variables):
                apply_choices(self.variables, (), None, self.request.subject)  # says that the inputs are integers
            if is_array(output) and output.dtype.kind not in "f":
                raise GradcheckError(f"{label} has dtype {output.dtype}: an output of floats is needed for a gradient")
            if is_number(output) and isinstance(output, int | np.integer):
                raise GradcheckError(f"{label} is the integer {output}: an output of floats is needed for a gradient")
            if not all_finite(output):
                raise GradcheckError(
                    f"{label} holds NaN or inf at the inputs given: check at inputs where it is finite"
                )

    # -- the first call, as a part of the check ------------------------------------------------------------------

    def seed_first(self) -> None:
        """Seed the generators as the check does before each forward."""
        if self.request.seed is not None:
            seed_everything(self.request.seed)

    def first_upstreams(self, outputs: Sequence[Any], copies: list[Any]) -> list[np.ndarray[Any, Any]]:
        """The upstream gradients of the check for the rehearsal; any others where they are not known or do not fit.

        ``copies`` are those of the outputs.
        """
        chosen = None if self.request.seed is None else self._chosen_upstreams(outputs, self.request.seed)
        if chosen is None:
            return [sample_upstream(output, self.upstream) for output in outputs]
        self.first = FirstCall(copies, chosen, {})
        return [u.copy() for u in chosen]

    def _chosen_upstreams(self, outputs: Sequence[Any], seed: int) -> list[np.ndarray[Any, Any]] | None:
        dtypes = [np.asarray(o).dtype for o in outputs]
        given = self.request.upstream
        if self.upstream == "one":
            return (
                None if given is not None else [np.ones(np.shape(o), d) for o, d in zip(outputs, dtypes, strict=True)]
            )
        if given is None:
            rng = own_generator(seed)
            # Gaussian: for entries of ±1 alone u, sign(u), u³ and 1/u would all be the same
            drawn = [gaussian(rng, np.shape(o)) for o in outputs]
        else:
            several = list(given) if isinstance(given, list | tuple) and len(outputs) > 1 else [given]
            drawn = [np.asarray(u) for u in several if is_array(u) or is_number(u)]
        if [u.shape for u in drawn] != [np.shape(o) for o in outputs] or any(u.dtype.kind not in "fiu" for u in drawn):
            return None
        return [np.asarray(u, dtype) for u, dtype in zip(drawn, dtypes, strict=True)]

    def keep_first(self, found: Gradients) -> None:
        """Keep what the first backward gave, unless something is wrong with the set of gradients."""
        if self.first is not None:
            self.first.gradients = {
                name: np.array(given) if is_array(given) else given for name, given in found.values.items()
            }
        if found.faults:
            self.first = None

    def settle_first(self, snapshot: Snapshot | None) -> set[int]:
        """After the first call, before all is put back as in ``snapshot`` (None: it is not, parameters were made).

        A call that wrote to an input cannot stand for the check's own. Returns the ids of arrays that are seen to be as
        they were, and need not be put back.
        """
        self.remembered = snapshot
        if self.first is None or snapshot is None:
            self.first = None
            return set()
        changed = snapshot.changed_arrays()
        if any(np.may_share_memory(a, v.array) for a in changed for v in self.variables):
            self.first = None
        return {id(array) for array in snapshot.state.arrays}.difference(map(id, changed))

    def _arguments_in_words(self) -> str:
        values = [*zip(self.names, self.arguments, strict=True), *self.keywords.items()]
        return ", ".join(f"{n} {shape_of(v) if is_array(v) else describe(v)}" for n, v in values) or "no arguments"

    def _backward_in_words(self) -> str:
        return f"the backward of {self.subject}"


def _for_backward_alone(keywords: dict[str, Any], forward: Signature, others: Sequence[object]) -> dict[str, Any]:
    """What ``kwargs=`` gives that a backward asks for and the forward does not take: a learning rate, say."""
    if forward.any_keyword:
        return {}
    backwards = [signature_of(other) for other in others if callable(other)]
    left = {name: value for name, value in keywords.items() if not forward.takes(name)}
    return {name: value for name, value in left.items() if any(backward.takes(name) for backward in backwards)}


def sample_upstream(output: Any, kind: str) -> np.ndarray[Any, Any]:
    """An upstream gradient of the output's shape and dtype: Gaussian, or ones where the style allows only those."""
    shape = shape_of(output) or ()
    dtype = output.dtype if is_array(output) and output.dtype.kind == "f" else np.dtype(np.float64)
    if kind == "one":
        return np.ones(shape, dtype)
    return gaussian(np.random.default_rng(0), shape).astype(dtype)
