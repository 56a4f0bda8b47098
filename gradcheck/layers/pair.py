"""Two functions: a forward, and a backward that is given the upstream gradient and what it asks for by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from inspect import ismethod
from typing import Any, ClassVar

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.layers.binding import Binding, bind
from gradcheck.layers.calling import called, signature_of, user_code
from gradcheck.layers.elsewhere import starts_of
from gradcheck.layers.keeping import Keeping
from gradcheck.layers.losses import names_read, predictions
from gradcheck.layers.problem import Variable
from gradcheck.layers.reach import Path, children
from gradcheck.layers.request import Request
from gradcheck.layers.returned import Parts, parts_of
from gradcheck.layers.roles import Reading, Role
from gradcheck.layers.source import returned_names, taken_apart
from gradcheck.layers.values import is_array

__all__ = ["Pair"]


class Pair(Keeping):
    """forward -> out or (out, cache), backward(dout, cache) or backward(dout, x, w, b) or backward(dout)."""

    key: ClassVar[str] = "pair"
    parts: Parts
    _left: frozenset[str]  # of the backward's options, those that nobody gave: it is told if one is given meanwhile
    _returned: Any
    _outputs: tuple[Any, ...]

    @classmethod
    def matches(cls, request: Request) -> bool:
        """Two callables."""
        return request.functions() is not None

    def __init__(self, request: Request) -> None:
        functions = request.functions()
        if functions is None:
            raise GradcheckError('style="pair" needs two functions: check_layer(forward, backward, x)')
        self.start(request, *functions)

    def start(self, request: Request, forward: Callable[..., Any], backward: Callable[..., Any]) -> None:
        """Set up the two calls, and rehearse them."""
        super().__init__(request, forward, backward)
        self.call_backward = backward
        self._said: dict[str, str] = {}  # arguments that are not given what they are called
        self.learn()
        self.style = self.describe_style()
        self._raw = None
        self.parts = replace(self.parts, values=())
        self.let_go()

    def let_go(self) -> None:
        """What the forward returned."""
        self._returned, self._outputs = None, ()

    def starts(self) -> list[Path]:
        """Parameters of functions are globals, closure variables, or kept in an argument: forward(layer, x)."""
        return starts_of(self.call_forward, self.call_backward) + self._held_in_arguments()

    def _held_in_arguments(self) -> list[Path]:
        methods = (self.call_forward, self.call_backward)
        owners = {f"{function.__name__}.__self__": function.__self__ for function in methods if ismethod(function)}
        held = {
            name: value
            for name, value in (*zip(self.names, self.arguments, strict=True), *owners.items())
            if not is_array(value) and next(children(value), None) is not None and _holds_sets(value)
        }
        return [Path(held, (("item", name),)) for name in held]

    def owned(self, candidates: list[tuple[Path, Any]]) -> list[tuple[Path, Any]]:
        """What an object holds that is an argument, a global or a closure's variable."""
        return [(path, value) for path, value in candidates if len(path.keys) > 1]

    def prepare(self, returned: Any) -> None:
        """Read the backward's signature in the light of what the forward returned."""
        self.gradient_names = returned_names(self.call_backward)
        self.output_names = returned_names(self.call_forward)
        self.parts = parts_of(returned, self.output_names)
        self.binding = self._bound(self.request.reading)
        self._left = self.binding.left_at_default(signature_of(self.call_backward))
        self._give_predictions(self.binding.split(self.parts, returned))
        self.upstream = "any" if self.binding.kinds() & {"upstream", "upstreams"} else "one"
        self.keeps_state_elsewhere = not self.keeps_parameters and not self.binding.kinds() & {
            "returned",
            "rest",
            "input",
            "output",
        }
        if self.binding.unused:
            names = [self._output_name(i) for i in self.binding.unused]
            self.note(
                f"the forward returns {', '.join(names)} too; backward takes no upstream gradient for it: not checked"
            )

    def _give_predictions(self, outputs: Sequence[Any]) -> None:
        """A loss's backward(dvalues, y_true) is given the predictions where it could not know them otherwise."""
        binding = self.binding
        found = predictions(
            binding.roles,
            binding.names,
            dict(zip(self.names, self.arguments, strict=True)),
            outputs,
            reads=names_read(self.call_backward),
            kept=self.keeper.made(),
        )
        if found is not None:
            place, role = found
            binding.roles[place] = role
            name = binding.names[place]
            if np.size(outputs[0]) > 1:
                self.note("the forward gives one loss a sample: judged as the gradient of their sum")
            self._said[name] = f"{name}=self.{role.which}" if role.kind == "attribute" else f"{name}={role.which}"

    def _bound(self, reading: Reading) -> Binding:
        backward = self.call_backward
        return bind(
            signature_of(backward),
            called(backward),
            dict(zip(self._input_names(), [*self.arguments, *self.keywords.values()], strict=True)),
            self.options(),
            self.parts,
            reading=reading,
            style=self.key,
            taken_apart=lambda name: taken_apart(backward, name),
        )

    def options(self) -> dict[str, Any]:
        """What is passed on by name where the backward asks for it."""
        return self.keywords | self.for_backward

    def _input_names(self) -> list[str]:
        return [*self.names, *self.keywords]

    def _output_name(self, i: int) -> str:
        return self.parts.names[i] or f"value {i + 1}"

    def settle(self) -> None:
        """Inputs that only an output without an upstream gradient depends on have no gradient to give."""
        super().settle()
        for variable in self.variables if self.binding.unused else ():
            if variable.differentiated and variable.name not in self.rehearsed and self._changes_nothing(variable):
                variable.differentiated = False
                variable.reason = "the outputs that are checked do not depend on it"

    def _changes_nothing(self, variable: Variable) -> bool:
        snapshot = self.snapshot()
        try:
            variable.array[...] = variable.array * 1.25 + 0.125
            now: Sequence[Any] = self.forward()
            return all(np.array_equal(old, new) for old, new in zip(self._first_outputs, now, strict=True))
        except Exception:
            return False  # not a value that the forward takes
        finally:
            snapshot.restore()

    # -- the two calls -------------------------------------------------------------------------------------

    def forward(self) -> tuple[object, ...]:
        """Call the forward; keep what it returned."""
        self._returned = self.run_forward()
        self._outputs = self.binding.split(self.parts, self._returned)
        return self._outputs

    def first_run(self) -> Any:
        """The rehearsal: one forward, one backward, what is wrong with the calls told in words."""
        self.seed_first()
        self._returned = self.rehearse_forward()
        self.prepare(self._returned)
        self.outputs = self._outputs = self.binding.split(self.parts, self._returned)
        self._first_outputs: list[Any] = [np.array(output) for output in self.outputs]
        self.check_outputs(self.outputs)
        self.after_forward()
        upstreams = self.first_upstreams(self.outputs, self._first_outputs)
        if self.binding.cache is None:
            return self._first_backward(upstreams)
        self.first = None
        snapshot = self.snapshot()
        try:
            raw = self._first_backward(upstreams)
        except GradcheckError as error:
            snapshot.restore()
            self.binding, by_name = self._bound(Reading(last="input")), self.binding
            try:
                return self._first_backward(upstreams)
            except GradcheckError:
                self.binding = by_name
                raise error from None
        name = self.binding.cache
        self.note(f"{name}: given what the forward returned beside its output, not the input {name}")
        return raw

    def _first_backward(self, upstreams: Sequence[np.ndarray[Any, Any]]) -> Any:
        with user_code(f"the backward {called(self.call_backward)}({', '.join(self._asked())})"):
            return self.run_backward(upstreams)

    def run_backward(self, upstreams: Sequence[np.ndarray[Any, Any]]) -> Any:
        """The user's backward with its arguments filled in."""
        places = [self._value(role, upstreams) for role in self.binding.roles]
        named = {name: self._value(role, upstreams) for name, role in self.binding.keywords.items()}
        return self.call_backward(*places, **named, **{n: v for n, v in self.options().items() if n in self._left})

    def _value(self, role: Role, upstreams: Sequence[np.ndarray[Any, Any]]) -> Any:
        which = role.which
        if role.kind == "upstream":
            return upstreams[which]
        if role.kind == "upstreams":
            return self.parts.together(self._returned, self.binding.outputs or (), upstreams)
        if role.kind == "input":
            return self.arguments[self.names.index(which)] if which in self.names else self.keywords[which]
        if role.kind == "returned":
            return self.parts.take(self._returned, which)
        if role.kind == "rest":
            return tuple(self.parts.take(self._returned, i) for i in which)
        if role.kind == "output":
            return self._outputs[which]
        if role.kind == "attribute":
            return getattr(self.request.subject, which)
        if role.kind == "rate":
            return self.rate(which)
        return self.options()[which]

    def rate(self, name: str) -> Any:
        """The learning rate that a backward asks for, where kwargs= does not give it."""
        raise GradcheckError(f"the backward asks for {name!r}: give it, kwargs={{{name!r}: 0.01}}")

    # -- in words ------------------------------------------------------------------------------------------

    def describe_style(self) -> str:
        """The style as the report shows it, in the user's own words where the source can be read."""
        return f"forward -> {self._outputs_in_words()}, backward({', '.join(self._asked())}){self.kept_in_words()}"

    def _asked(self) -> list[str]:
        names = [*self.binding.names[: len(self.binding.roles)], *self.binding.keywords]
        return [self._said.get(name, name) for name in names]

    def _outputs_in_words(self) -> str:
        if self.binding.outputs is None:
            return "out"
        words: list[str] = []
        for i, name in enumerate(self.parts.names):
            idle = i in self.binding.unused and is_array(self.parts.values[i])
            plain = "out" if i in self.binding.outputs else "unused" if idle else "cache"
            words.append(name or (plain if plain not in words else f"{plain}{i + 1}"))
        inner = sum(len(place) > 1 for place in self.parts.places)
        if inner:
            words[:inner] = [self._held_in_words(words[:inner], self._returned[0])]
            return f"({', '.join(words)})"
        return self._held_in_words(words, self._returned)

    def _held_in_words(self, words: Sequence[str], holder: Any) -> str:
        marks = "{}" if isinstance(holder, dict) else "[]" if isinstance(holder, list) else "()"
        kind = type(holder).__name__ if self.parts.named and not isinstance(holder, dict) else ""
        return f"{kind}{marks[0]}{', '.join(words)}{marks[1]}"


def _holds_sets(value: Any) -> bool:
    """A dict or an object, or a list of such; arrays in plain lists and tuples are inputs by themselves."""
    if not isinstance(value, list | tuple):
        return True
    return all(not is_array(item) and next(children(item), None) is not None and _holds_sets(item) for item in value)
