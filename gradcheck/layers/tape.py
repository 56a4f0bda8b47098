"""Tape style: a forward of a tuple of arrays that returns a tuple; a backward of indexes and upstream gradients."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.layers.calling import called, signature_of, user_code
from gradcheck.layers.layer import Layer, sample_upstream
from gradcheck.layers.matching import flattened, match_returned, named_gradients
from gradcheck.layers.objects import BACKWARDS, FORWARDS, is_object, method_of
from gradcheck.layers.problem import Gradients
from gradcheck.layers.request import Request
from gradcheck.layers.source import returned_names, unpacked_names
from gradcheck.layers.values import is_array, is_number
from gradcheck.layers.variables import float_variable

__all__ = ["Tape"]

_INPUTS = re.compile(r"inputs|xs|in_data|in_?arrays|arrays|tensors|args|ins|operands|input_data|datas|values|vals")
_INDEXES = re.compile(r"(target_)?(input_)?(indexes|indices|idxs?|argnums?|wrt|index)|which|needs?(_input)?_grad")
_UPSTREAMS = re.compile(r"gys?|grad_outputs|grad_outs|output_grads|upstreams|douts|dys|gs|cotangents|grads|out_grads")
_OUTPUTS = re.compile(r"outputs|outs|ys|out_data|results|anss?")


class Tape(Layer):
    """forward(inputs) -> outputs, backward(indexes, upstreams) or backward(inputs, grad_outputs), and their kin."""

    key: ClassVar[str] = "tape"

    @classmethod
    def matches(cls, request: Request) -> bool:
        """The forward takes one tuple, and the backward several upstream gradients with inputs or indexes."""
        functions = _functions(request)
        if functions is None or request.given is not None:
            return False
        first, second = (signature_of(function) for function in functions)
        roles = [_role(name) for name in second.names]
        return (
            bool(first.names)
            and first.required <= 1
            and bool(_INPUTS.fullmatch(first.names[0]))
            and "upstreams" in roles
            and len([role for role in roles[: second.required] if role]) >= 2
        )

    def __init__(self, request: Request) -> None:
        functions = _functions(request)
        if functions is None:
            raise GradcheckError(
                'style="tape" needs forward(inputs) and backward(indexes, upstreams): check_layer(forward, backward, x)'
            )
        given = request.arguments
        if len(given) == 1 and isinstance(given[0], tuple | list):
            request.arguments = list(given[0])
        super().__init__(request, _Spread(functions[0]), functions[1])
        self.roots.append(functions[0])
        self.call_backward = functions[1]
        self.subject = request.name or called(request.subject)
        takes = signature_of(functions[0])
        argument = takes.names[0] if takes.names else "inputs"
        self._name_variables(unpacked_names(functions[0], argument), argument)
        self.settle()
        backward = signature_of(self.call_backward)
        self.roles = self._read(list(backward.names), backward.required)
        self.written = returned_names(self.call_backward)
        asked = ", ".join(backward.names[: len(self.roles)])
        snapshot = self.snapshot()
        try:
            self.outputs = self._rehearse(f"the backward {called(self.call_backward)}({asked})")
        finally:
            snapshot.restore()
        self.promote(self._raw, dict(named_gradients(self._raw, self.written)))
        self.settle()
        self.style = f"tape: forward({argument}) -> tuple, backward({asked})"

    def _name_variables(self, unpacked: list[str] | None, argument: str) -> None:
        count = len(self.arguments)
        good = unpacked is not None and len(unpacked) == count
        self.names = list(unpacked or ()) if good else [f"{argument}[{i}]" for i in range(count)]
        self.variables = [
            float_variable(name, value, gradient="" if good else f"d{argument}[{i}]")
            for i, (name, value) in enumerate(zip(self.names, self.arguments, strict=True))
            if is_array(value)
        ]
        for name, array in self.request.params.items():
            self._add_parameter(name, array)

    def _read(self, names: list[str], required: int) -> list[str]:
        roles = [_role(name) for name in names]
        for i, (name, role) in enumerate(zip(names, roles, strict=True)):
            if not role and i < required:
                raise GradcheckError(
                    f"the backward {called(self.call_backward)}({', '.join(names)}) has the argument {name!r}: "
                    f"a tape's backward is given indexes, inputs, outputs and grad_outputs, by these names"
                )
        known = next((i for i, role in enumerate(roles) if not role), len(roles))
        return roles[:known]

    def _rehearse(self, what: str) -> tuple[object, ...]:
        with user_code(f"the forward {called(self.request.subject)}", {"called with": self._arguments_in_words()}):
            outputs = self.forward()
        self.check_outputs(outputs)
        with user_code(what):
            self.backward([sample_upstream(output, "any") for output in outputs])
        return outputs

    def forward(self) -> tuple[object, ...]:
        """Call the forward with one tuple."""
        returned = self.run_forward()
        self._returned = tuple(returned) if isinstance(returned, tuple | list) else (returned,)
        self._places = [i for i, item in enumerate(self._returned) if _differentiable(item)]
        return tuple(self._returned[i] for i in self._places)

    def backward(self, upstreams: Sequence[np.ndarray[Any, Any]]) -> Gradients:
        """Call the backward with tuples."""
        everywhere: list[Any] = [None] * len(self._returned)
        for place, upstream in zip(self._places, upstreams, strict=True):
            everywhere[place] = upstream
        indexes = tuple(i for i, name in enumerate(self.names) if self._is_float(name))
        values = {
            "indexes": indexes,
            "inputs": tuple(self.arguments),
            "outputs": self._returned,
            "upstreams": tuple(everywhere),
        }
        raw = self._raw = self.call_backward(*(values[role] for role in self.roles))
        asked = [v for name in self.names for v in self.variables if v.name == name and self._is_float(name)]
        items = flattened(raw)
        if "indexes" in self.roles and len(items) == len(asked):
            result = match_returned(tuple(items), asked, order=[v.name for v in asked])
        else:
            result = match_returned(raw, self.variables, slots=self.positions(), written=self.written)
        result.values = {v.name: result.values.get(v.name) for v in self.variables}
        return result

    def _is_float(self, name: str) -> bool:
        return any(v.name == name and v.array.dtype.kind == "f" for v in self.variables)


class _Spread:
    """A function of one tuple, called with its items."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.__name__ = called(function)

    def __call__(self, *items: Any) -> Any:
        return self.function(items)


def _role(name: str) -> str:
    bare = name.strip("_").lower()
    patterns = (("indexes", _INDEXES), ("upstreams", _UPSTREAMS), ("outputs", _OUTPUTS), ("inputs", _INPUTS))
    return next((role for role, pattern in patterns if pattern.fullmatch(bare)), "")


def _differentiable(item: Any) -> bool:
    return (is_array(item) and item.dtype.kind == "f") or (is_number(item) and isinstance(item, float | np.floating))


def _functions(request: Request) -> tuple[Callable[..., Any], Callable[..., Any]] | None:
    pair = request.functions()
    if pair is not None or request.partner is not None or not is_object(request.subject):
        return pair
    forward, backward = method_of(request.subject, FORWARDS), method_of(request.subject, BACKWARDS)
    return None if forward is None or backward is None else (forward[1], backward[1])
