"""Objects that say themselves what is trained: get_params() beside get_grads(), params_and_grads()."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gradcheck.layers.calling import signature_of
from gradcheck.layers.reach import Path
from gradcheck.layers.spelling import match_names
from gradcheck.layers.values import is_array, same_shape

__all__ = ["declared_pairs", "kept_pairs"]

_PAIRS = [
    "params_and_grads",
    "get_params_and_grads",
    "parameters_and_gradients",
    "parameters_and_grads",
    "get_params_grads",
    "params_grads",
    "param_grad_pairs",
]
_PARAMETERS = [
    "parameters",
    "params",
    "get_params",
    "get_parameters",
    "named_parameters",
    "get_param",
    "trainable_params",
    "trainable_parameters",
    "get_trainable",
    "get_weights",
    "trainable_weights",
    "trainable_variables",
    "variables",
]
_GRADIENTS = [
    "gradients",
    "grads",
    "get_grads",
    "get_gradients",
    "named_gradients",
    "named_grads",
    "get_grad",
    "get_param_grads",
    "param_grads",
    "parameter_gradients",
    "get_derivatives",
]


class _Answers:
    """What a method of an object answers, as a place to read from: ``answers["get_grads()"][0]``."""

    def __init__(self, holder: Any) -> None:
        self.holder = holder

    def __getitem__(self, call: str) -> list[Any]:
        return [value for _, value in _listed(getattr(self.holder, call.removesuffix("()"))())]


def declared_pairs(holder: Any) -> list[tuple[Any, Path]]:
    """The parameters that ``holder``'s own methods name, each with the place of its gradient, after a backward."""
    for name in _PAIRS:
        pairs = _answer(holder, name)
        if pairs and len(pairs) % 2 == 0 and all(is_array(value) for _, value in pairs):
            return [(pairs[i][1], _place(holder, name, i + 1)) for i in range(0, len(pairs), 2)]
    for name in _PARAMETERS:
        parameters = _answer(holder, name)
        for other in _GRADIENTS if parameters else ():
            gradients = _answer(holder, other)
            if gradients:
                return _matched(holder, other, parameters, gradients)
    return []


def kept_pairs(held: Sequence[tuple[Path, Any]]) -> list[tuple[Any, Path]]:
    """``self.grads = [(self.W, dW), (self.b, db)]``: parameters kept beside their gradients.

    Args:
        held: every array, and where it is.
    """
    at = dict(held)
    found = []
    for path, gradient in held:
        first = Path(path.root, (*path.steps[:-1], ("item", 0)))
        if path.steps[-1] != ("item", 1) or "grad" not in str(path.keys[0]).lower() or not is_array(gradient):
            continue
        array, pair = at.get(first), Path(path.root, path.steps[:-1]).get()
        if isinstance(pair, tuple) and len(pair) == 2 and same_shape(array, gradient) and array is not gradient:
            found.append((array, path))
    return found


def _matched(
    holder: Any, method: str, parameters: list[tuple[str, Any]], gradients: list[tuple[str, Any]]
) -> list[tuple[Any, Path]]:
    keys = [key for key, _ in gradients]
    by_name = match_names([key for key, _ in parameters if key], [key for key in keys if key])
    if by_name:
        return [(v, _place(holder, method, keys.index(by_name[k]))) for k, v in parameters if k in by_name]
    if len(parameters) != len(gradients):
        return []
    return [(value, _place(holder, method, i)) for i, (_, value) in enumerate(parameters)]


def _place(holder: Any, method: str, i: int) -> Path:
    return Path(_Answers(holder), (("item", f"{method}()"), ("item", i)))


def _answer(holder: Any, name: str) -> list[tuple[str, Any]]:
    method = getattr(holder, name, None)
    if not callable(method) or isinstance(holder, type) or signature_of(method).required:
        return []
    try:
        return [(key, value) for key, value in _listed(method()) if is_array(value)]
    except Exception:
        return []  # it asks for more than there is: other signs are looked for


def _listed(value: Any) -> list[tuple[str, Any]]:
    """The leaves of dicts, lists, generators and (name, array) tuples, with their keys."""
    if is_array(value):
        return [("", value)]
    if isinstance(value, Mapping):
        return [(inner or str(key), leaf) for key, item in value.items() for inner, leaf in _listed(item)]
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str):
        return [(value[0], value[1])]
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [leaf for item in value for leaf in _listed(item)]
    return []
