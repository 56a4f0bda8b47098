"""Losses whose backward is given the predictions, and losses whose mean is taken by another method."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gradcheck.layers.calling import signature_of
from gradcheck.layers.roles import Role
from gradcheck.layers.spelling import is_output_name, is_prediction_name, is_target_name
from gradcheck.layers.values import is_float_array, is_scalar, same_shape
from gradcheck.state.territory import names_in, user_classes

__all__ = ["mean_of", "names_read", "predictions"]


def predictions(
    roles: Sequence[Role],
    names: Sequence[str],
    inputs: Mapping[str, Any],
    outputs: Sequence[Any],
    *,
    reads: frozenset[str],
    kept: Mapping[str, Any],
) -> tuple[int, Role] | None:
    """The argument of a loss's backward that is no upstream gradient but the predictions; None where there is none.

    ``backward(dvalues, y_true)`` after a forward that kept nothing the backward reads: without the predictions it
    could not know the gradient, so they are what stands in the place of an upstream gradient. Where the forward
    stored an output of the predictions' shape (the probabilities of a softmax in front of the loss), it is that one.

    Args:
        roles: what each argument is taken for so far.
        names: the arguments' names.
        inputs: the forward's arguments by name.
        outputs: what the forward returned.
        reads: the names that the backward's code mentions.
        kept: the arrays that the forward has stored, by the name of the attribute (or global).
    """
    if len(roles) != 2 or len(outputs) != 1:
        return None
    asked = next((i for i, role in enumerate(roles) if role.kind == "input" and is_target_name(str(role.which))), None)
    if asked is None:
        return None
    target, place = roles[asked].which, 1 - asked
    likely = [name for name, value in inputs.items() if name != target and is_float_array(value)]
    if len(likely) != 1 or same_shape(outputs[0], inputs[likely[0]]):
        return None
    kind, name = roles[place].kind, names[place].lower().strip("_")
    if kind == "output" and (is_prediction_name(name) or is_output_name(name)):
        return place, Role("input", likely[0])
    if kind != "upstream" or reads & set(kept):
        return None
    shape = inputs[likely[0]].shape
    stored = [key for key, value in kept.items() if is_output_name(key) and value.shape == shape]
    return place, Role("attribute", stored[0]) if stored else Role("input", likely[0])


def names_read(function: Callable[..., Any]) -> frozenset[str]:
    """The names in a function's code; for a method also in the methods of its object that it calls."""
    holder = getattr(function, "__self__", None)
    function = inspect.unwrap(getattr(function, "__func__", function))
    code = getattr(function, "__code__", None)
    if code is None:
        return frozenset()
    found: set[str] = set()
    queue = set(names_in(code)) | {getattr(function, "__name__", "")}
    while queue:
        name = queue.pop()
        if name in found:
            continue
        found.add(name)
        for base in user_classes(type(holder)) if holder is not None else ():
            method = vars(base).get(name)
            if inspect.isfunction(method):
                queue |= names_in(method.__code__)
    return frozenset(found)


class _Mean:
    """``calculate(...)`` of a loss object, taking what its ``forward`` takes."""

    def __init__(self, calculate: Callable[..., Any], forward: Callable[..., Any], fresh: Callable[[], Any] | None):
        self._calculate, self._fresh = calculate, fresh
        functools.update_wrapper(self, calculate)
        self.__signature__ = inspect.signature(forward)

    def __call__(self, *arguments: Any) -> Any:
        if self._fresh is not None:
            self._fresh()
        return self._calculate(*arguments)


def mean_of(
    holder: Any, forward: Callable[..., Any], returned: Callable[[Callable[..., Any]], Any]
) -> Callable[..., Any] | None:
    """The ``calculate`` of a loss object whose ``forward`` gives one loss a sample: the mean that training uses.

    Args:
        holder: the object.
        forward: its forward.
        returned: what a callable returns for the arguments of the check.
    """
    calculate = getattr(holder, "calculate", None)
    if not inspect.ismethod(calculate) or not any(map(is_target_name, signature_of(forward).names)):
        return None
    losses = returned(forward)
    if not is_float_array(losses) or losses.ndim != 1 or not signature_of(calculate).accepts(2):
        return None
    fresh = getattr(holder, "new_pass", None)
    mean = _Mean(calculate, forward, fresh if callable(fresh) else None)
    value = returned(mean)
    return mean if is_scalar(value) and np.isclose(value, losses.mean()) else None
