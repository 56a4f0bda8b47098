"""A registry of vector-Jacobian products: one function per argument of the forward."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.layers.calling import Signature, called, signature_of, user_code
from gradcheck.layers.layer import Layer, sample_upstream
from gradcheck.layers.problem import Gradients
from gradcheck.layers.request import Request
from gradcheck.layers.spelling import gradient_bases, is_output_name, is_upstream_name
from gradcheck.layers.values import describe

__all__ = ["Vjps"]


class Vjps(Layer):
    """f(x, y) -> ans with vjp(g, ans, x, y), vjp(g, x, y), or vjp(ans, x, y) -> (g -> dx), one for each argument."""

    key: ClassVar[str] = "vjps"

    @classmethod
    def matches(cls, request: Request) -> bool:
        """The second argument is a list, tuple or dict of callables."""
        return callable(request.subject) and request.partner is not None and not callable(request.partner)

    def __init__(self, request: Request) -> None:
        if not callable(request.subject) or not isinstance(request.partner, Mapping | list | tuple):
            raise GradcheckError(
                'style="vjps" needs a forward and one vjp per argument: check_layer(f, [vjp_x, vjp_y], x, y)'
            )
        super().__init__(request, request.subject, request.partner)
        self.vjps = self._by_name(request.partner)
        self._take_numbers(self.vjps)
        self.settle()
        self.ways = {name: self._way(vjp) for name, vjp in self.vjps.items()}
        snapshot = self.snapshot()
        try:
            self._rehearse()
        finally:
            snapshot.restore()
        first = next(iter(self.vjps.values()))
        self.style = f"forward -> ans, one vjp per argument: vjp{signature_of(first)}"

    def _by_name(self, vjps: Any) -> dict[str, Callable[..., Any]]:
        if isinstance(vjps, Mapping):
            found = {}
            for key, vjp in vjps.items():
                bases = [key, *gradient_bases(key)] if isinstance(key, str) else []
                name = next((base for base in bases if base in self.names), None)
                if isinstance(key, int) and 0 <= key < len(self.names):
                    name = self.names[key]
                if name is None:
                    raise GradcheckError(
                        f"the vjps have the key {key!r}, and {called(self.call_forward)} has the arguments "
                        f"{', '.join(self.names)}: use their names or numbers"
                    )
                found[name] = vjp
        else:
            if len(vjps) > len(self.names):
                raise GradcheckError(
                    f"{len(vjps)} vjps were given for {len(self.names)} arguments ({', '.join(self.names)}): "
                    f"give one for each, None where there is none"
                )
            found = dict(zip(self.names, vjps, strict=False))
        return {name: vjp for name, vjp in found.items() if vjp is not None}

    def _way(self, vjp: Callable[..., Any]) -> tuple[str, ...]:
        """What a vjp is called with: "g", "ans" and "inputs" in its order."""
        takes: Signature = signature_of(vjp)
        count, inputs = takes.required, len(self.arguments)
        first = takes.names[0] if takes.names else "g"
        if not takes.known or (takes.rest and count == 0):
            return ("g", "ans", "inputs")
        if takes.rest:
            return ("ans", "inputs") if count == 1 and is_output_name(first) else ("g", "ans", "inputs")[: count + 1]
        if count == inputs + 2:
            return (
                ("ans", "g", "inputs")
                if is_upstream_name(takes.names[1]) and is_output_name(first)
                else (
                    "g",
                    "ans",
                    "inputs",
                )
            )
        if count == inputs + 1:
            return ("ans", "inputs") if is_output_name(first) and not is_upstream_name(first) else ("g", "inputs")
        if count == 1:
            return ("g",)
        if count == 2:
            return ("g", "ans")
        raise GradcheckError(
            f"the vjp {called(vjp)}{takes} takes {count} arguments: for {inputs} inputs it is called as "
            f"vjp(g, ans, *inputs), vjp(g, *inputs) or vjp(ans, *inputs) -> (g -> dx), "
            f"with the inputs {', '.join(self.names)}"
        )

    def _rehearse(self) -> None:
        self.outputs = (self.rehearse_forward(),)
        self.check_outputs(self.outputs)
        self._answer = self.outputs[0]
        upstream = sample_upstream(self._answer, "any")
        for name, vjp in self.vjps.items():
            with user_code(f"the vjp of {name}, {called(vjp)}{signature_of(vjp)}"):
                self._call(name, upstream)

    def _call(self, name: str, upstream: np.ndarray[Any, Any]) -> Any:
        values: dict[str, list[Any]] = {"g": [upstream], "ans": [self._answer], "inputs": self.arguments}
        way = self.ways[name]
        options = signature_of(self.vjps[name]).taken_of(self.keywords)
        result = self.vjps[name](*(value for part in way for value in values[part]), **options)
        if "g" in way and not callable(result):
            return result
        if not callable(result):
            raise GradcheckError(
                f"the vjp of {name} returned {describe(result)} without having been given the upstream gradient: "
                f"vjp(ans, ...) must return a function of it, or take it as its first argument g"
            )
        return result(upstream)

    def forward(self) -> tuple[object, ...]:
        """Call the forward."""
        self._answer = self.run_forward()
        return (self._answer,)

    def backward(self, upstreams: Sequence[np.ndarray[Any, Any]]) -> Gradients:
        """Call every vjp."""
        given = {name: self._call(name, upstreams[0]) for name in self.vjps}
        return Gradients({v.name: given.get(v.name) for v in self.variables})
