"""One call of ``check_layer`` before it has a style: the callables, the arrays, and what the caller said about them."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck.difference import all_finite
from gradcheck.errors import GradcheckError
from gradcheck.layers.calling import Signature, called, signature_of, user_code
from gradcheck.layers.roles import ANY, Reading
from gradcheck.layers.values import describe, is_array, is_number, is_tensor
from gradcheck.state import State

__all__ = ["Request", "check_array", "checked_names"]


@dataclass
class Request:
    """What was passed, split into callables (or an object, or vjps) and arguments, and checked for mistakes."""

    subject: object
    partner: object  # the second function, the vjps, or None
    arguments: list[Any]
    keywords: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    constants: tuple[str, ...] = ()
    wrt: tuple[str, ...] | None = None
    order: tuple[str, ...] | None = None
    given: dict[str, Any] | None = None
    name: str | None = None
    style: str | None = None
    reading: Reading = ANY
    seed: int | None = None  # of the check, where one is to follow
    upstream: object = None
    _returned: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        subject: Sequence[object],
        *,
        style: str | None = None,
        kwargs: object = None,
        params: object = None,
        constants: object = (),
        wrt: object = None,
        gradients: object = None,
        name: str | None = None,
    ) -> Request:
        """Split the positional arguments and check every keyword; raises :class:`GradcheckError`."""
        if not subject:
            raise GradcheckError(
                "check_layer needs something to check: check_layer(forward, backward, x), check_layer(layer, x)"
            )
        first, rest = subject[0], list(subject[1:])
        if isinstance(first, tuple | list) and first and all(callable(item) for item in first):
            if len(first) != 2:
                raise GradcheckError(
                    f"the first argument is {describe(first)} callables: give forward and backward as two arguments; "
                    f"for a chain of layers use check_network([...], x, y, loss=...)"
                )
            first, rest = first[0], [first[1], *rest]
        partner = rest.pop(0) if rest and _is_partner(rest[0]) else None
        if partner is not None and rest and _is_function(rest[0]):
            raise GradcheckError(
                f"three callables were given ({called(first)}, {called(partner)}, {called(rest[0])}): "
                f"give forward and backward, then the inputs; one vjp per argument goes in a list: [vjp_x, vjp_w]"
            )
        request = cls(
            first,
            partner,
            rest,
            _names_to_values(kwargs, "kwargs"),
            _parameters(params),
            checked_names(constants, "constants"),
            None if wrt is None else checked_names(wrt, "wrt"),
            name=name,
            style=style,
        )
        if isinstance(gradients, Mapping):
            request.given = dict(gradients)
        elif gradients is not None:
            request.order = checked_names(gradients, "gradients")
        _check_values(request)
        return request

    def functions(self) -> tuple[Callable[..., Any], Callable[..., Any]] | None:
        """Forward and backward when two functions were given."""
        if callable(self.subject) and callable(self.partner):
            return self.subject, self.partner
        return None

    def signatures(self) -> tuple[Signature, Signature] | None:
        """Those functions' signatures."""
        pair = self.functions()
        return None if pair is None else (signature_of(pair[0]), signature_of(pair[1]))

    def returned(self, function: Callable[..., Any], after: Callable[[], None] | None = None) -> Any:
        """What ``function`` returns for the arguments, called once; everything it changed is put back.

        ``after`` is called before that, to look at what was changed (then the function is always called).
        """
        key = called(function)
        if key not in self._returned or after is not None:
            snapshot = State(function, self.subject, self.partner, self.arguments, self.keywords).snapshot()
            try:
                with user_code(f"the forward {called(function)}"):
                    taken = signature_of(function).taken_of(self.keywords)
                    self._returned[key] = function(*self.arguments, **taken)
                if after is not None:
                    after()
            finally:
                snapshot.restore()
        return self._returned[key]


def _is_function(value: object) -> bool:
    return isinstance(
        value,
        types.FunctionType | types.MethodType | types.BuiltinFunctionType | np.ufunc | type,
    )


def _is_partner(value: object) -> bool:
    """A second function, or one vjp per argument."""
    if is_array(value) or is_tensor(value):
        return False
    if callable(value):
        return True
    if isinstance(value, dict):
        value = list(value.values())
    held = isinstance(value, list | tuple) and len(value) > 0
    return held and all(callable(v) or v is None for v in value) and any(v is not None for v in value)  # type: ignore[attr-defined]  # held says it is a sequence


def checked_names(value: object, argument: str) -> tuple[str, ...]:
    """Names given as one string or several, each once; anything else raises :class:`GradcheckError`."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, Sequence | set | frozenset) or not all(isinstance(item, str) for item in value):
        raise GradcheckError(f'{argument}={value!r}: give names, as in {argument}=["x"]')
    names = tuple(value)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise GradcheckError(f"{argument}={list(names)!r} names {', '.join(map(repr, twice))} twice")
    return names


def _names_to_values(value: object, argument: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise GradcheckError(f'{argument} is {describe(value)}: give a dict, as in {argument}={{"stride": 2}}')
    wrong = [key for key in value if not isinstance(key, str)]
    if wrong:
        raise GradcheckError(f"{argument} has the key {wrong[0]!r}: the keys are names, as strings")
    return dict(value)


def _parameters(params: object) -> dict[str, Any]:
    found = _names_to_values(params, "params") if params is None or isinstance(params, Mapping) else None
    if found is None:
        raise GradcheckError(
            f'params is {describe(params)}: give a dict of the arrays by name, params={{"W": W, "b": b}}'
        )
    for name, value in found.items():
        if is_tensor(value):
            raise GradcheckError(f"params[{name!r}] is a torch.Tensor: give the NumPy array that the forward uses")
        if not is_array(value):
            raise GradcheckError(
                f"params[{name!r}] is {describe(value)}: give the very array that the forward uses, no copy, no list"
            )
        check_array(f"params[{name!r}]", value, integers=False)
    return found


def check_array(label: str, value: Any, *, integers: bool) -> None:
    """Refuse an array that no gradient can be taken of, in words; ``integers`` says whether ints and bools may stay."""
    kind = value.dtype.kind
    if isinstance(value, np.ma.MaskedArray | np.matrix):
        raise GradcheckError(f"{label} is a {type(value).__name__}: pass a plain array, np.asarray({_in_code(label)})")
    if kind == "c":
        raise GradcheckError(
            f"{label} is complex ({value.dtype}): only real arrays are checked; split it into .real and .imag"
        )
    if kind == "O":
        raise GradcheckError(
            f"{label} is an object array: pass one array of floats, or a list of arrays where rows differ in length"
        )
    if kind == "V" and value.dtype.name.startswith(("bfloat", "float")):
        raise GradcheckError(
            f"{label} has dtype {value.dtype.name} of another package than NumPy, which PyTorch's arrays do not have: "
            f"check the formula in float32, {_in_code(label)}.astype(np.float32)"
        )
    if kind not in "fiub":
        raise GradcheckError(f"{label} has dtype {value.dtype}: pass an array of floats")
    if value.dtype == np.longdouble and value.dtype.itemsize > 8:
        raise GradcheckError(
            f"{label} has dtype {value.dtype}, which PyTorch does not have: use {_in_code(label)}.astype(np.float64)"
        )
    if value.size == 0:
        raise GradcheckError(f"{label} is empty (shape {tuple(value.shape)}): there is nothing to take a gradient of")
    if kind == "f" and not all_finite(value):
        bad = np.argwhere(~np.isfinite(value))[0]
        index = ", ".join(str(int(i)) for i in bad)
        what = "NaN" if np.isnan(value[tuple(bad)]) else "inf"
        raise GradcheckError(
            f"{label} holds {what} (first at [{index}]): gradients are compared at finite values; pass finite ones"
        )
    if not integers and kind != "f":
        raise GradcheckError(
            f"{label} has dtype {value.dtype}: gradients need floats; use {_in_code(label)}.astype(np.float64)"
        )


def _in_code(label: str) -> str:
    """How the help writes the array: ``x`` for "argument 1 of the forward", ``self.W`` stays as it is."""
    return "x" if " " in label else label


def _check_values(request: Request) -> None:
    labels = [f"argument {i + 1} of the forward" for i in range(len(request.arguments))]
    for label, value in (*zip(labels, request.arguments, strict=True), *request.keywords.items()):
        if is_tensor(value) and request.partner is not None:
            raise GradcheckError(
                f"{label} is a torch.Tensor and the functions are plain ones: pass NumPy arrays, x.numpy()"
            )
        if is_array(value):
            check_array(label, value, integers=True)
        elif isinstance(value, list | tuple):
            if any(is_array(item) for item in value):
                for i, item in enumerate(value):
                    if is_array(item):
                        check_array(f"{label}[{i}]", item, integers=True)
            elif isinstance(value, list) and _holds_floats(value):
                raise GradcheckError(f"{label} is a list of numbers: pass an array, np.array({_short(value)})")
    missing = [name for name in request.constants if request.wrt is not None and name in request.wrt]
    if missing:
        raise GradcheckError(f"{missing[0]!r} is named in constants= and in wrt=: it can be in one of them only")


def _holds_floats(value: Any) -> bool:
    if isinstance(value, list):
        return any(_holds_floats(item) for item in value)
    return isinstance(value, float | np.floating) and is_number(value)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
