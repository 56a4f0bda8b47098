"""Universal functions with all their arguments and methods: ``out=``, ``where=``, ``reduce``, ``outer``, ``at``, ..."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from gradcheck.trace import branches, inplace
from gradcheck.trace.dispatch import apply, constant, derivative, is_floating, nodes_in, record
from gradcheck.trace.node import Node, values_of
from gradcheck.trace.rules import lookup

if TYPE_CHECKING:
    from gradcheck.trace.tape import Trace

__all__ = ["call"]

_REDUCTIONS: dict[np.ufunc, Any] = {np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min}
# What has no bearing on the derivative: the precision of the trace is the trace's own.
_ONLY_NUMPY = ("dtype", "casting", "order", "subok", "signature", "sig")


def call(trace: Trace, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """``ufunc(*inputs)`` or ``ufunc.method(*inputs)``; raises as NumPy does."""
    inputs = tuple([trace.array(x) if type(x) in (list, tuple) and method != "at" else x for x in inputs])
    if method == "at":
        return inplace.at(trace, ufunc, *inputs)
    named = dict(kwargs)
    out = named.pop("out", None)
    if isinstance(out, tuple) and len(out) == 1:
        out = out[0]
    if out is not None and not (isinstance(out, tuple) and all(each is None for each in out)):
        return _into(trace, ufunc, method, inputs, named, out)
    if method == "__call__":
        return _call(trace, ufunc, inputs, named)
    if method == "reduce":
        return _reduce(trace, ufunc, inputs, named)
    if method == "accumulate":
        return apply(trace, ufunc.accumulate, inputs, named, name=f"{ufunc.__name__}.accumulate")
    if method == "outer":
        return _outer(trace, ufunc, inputs, named)
    return _reduceat(trace, ufunc, inputs, named)


def _call(trace: Trace, ufunc: np.ufunc, inputs: tuple[Any, ...], named: dict[str, Any]) -> Any:
    if ufunc.types[0].strip("O->") == "":
        return _of_objects(trace, ufunc, inputs)
    nodes = [x for x in inputs if isinstance(x, Node)]
    values = [values_of(x) for x in inputs]
    result = ufunc(*values, **{key: values_of(x) for key, x in named.items()})
    if not any(node._depends() for node in nodes):
        return constant(trace, result, nodes)
    where = values_of(named.get("where", True))
    rest = {key: x for key, x in named.items() if key not in (*_ONLY_NUMPY, "where")}
    if where is True or np.all(where):
        return record(trace, ufunc, ufunc.__name__, inputs, rest, result, nodes, values)
    return _masked(trace, ufunc, inputs, rest, result, where, None)


def _of_objects(trace: Trace, ufunc: np.ufunc, inputs: tuple[Any, ...]) -> Any:
    """A function of ``np.frompyfunc``: it is called with traced numbers; floats come back as an array of floats."""
    shape = np.broadcast_shapes(*[np.shape(values_of(x)) for x in inputs])
    spread = [np.broadcast_to(x, shape) if np.ndim(values_of(x)) else x for x in inputs]
    operands = []
    for x in spread:
        entries = np.empty(shape, object)
        for index in np.ndindex(*shape):
            entries[index] = x[index] if np.ndim(values_of(x)) else x
        operands.append(entries)
    result = ufunc(*operands)
    return trace.array(result.tolist() if isinstance(result, np.ndarray) else result)


def _masked(
    trace: Trace, ufunc: np.ufunc, inputs: Sequence[Any], rest: dict[str, Any], result: Any, where: Any, old: Any
) -> Any:
    """Where the mask is off the output keeps what it was (``old``; unset memory is a constant)."""
    shadow = _masked_shadow(trace, ufunc, inputs, rest, result, where, old)
    return constant(trace, result) if shadow is None else trace.wrap(result, shadow)


def _masked_shadow(
    trace: Trace, ufunc: np.ufunc, inputs: Sequence[Any], rest: dict[str, Any], result: Any, where: Any, old: Any
) -> torch.Tensor | None:
    mask = np.broadcast_to(np.asarray(where, bool), result.shape)
    # Only the chosen entries are computed: the others may be singular, and 0 · inf in the backward is NaN.
    chosen = [_chosen(trace, x, mask) for x in inputs]
    picked = [values_of(x) for x in chosen]
    part = result[mask]
    branches.note(trace, ufunc, picked, {}, part)
    shadow = None
    if not branches.is_step(ufunc) and is_floating(result):
        shadow = derivative(trace, ufunc, ufunc.__name__, chosen, rest, part, picked)
    below = old if old is not None else trace.constant_tensor(result)
    if shadow is None:
        shadow = trace.constant_tensor(part)
        if not below.requires_grad:
            return None
    return below.masked_scatter(torch.from_numpy(mask.copy()), shadow)


def _chosen(trace: Trace, x: Any, mask: Any) -> Any:
    if isinstance(x, Node):
        full = x._tensor().expand(mask.shape)
        return trace.wrap(np.broadcast_to(x.value, mask.shape)[mask], full[torch.from_numpy(mask.copy())])
    return np.broadcast_to(x, mask.shape)[mask] if isinstance(x, np.ndarray) else x


def _into(trace: Trace, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], named: dict[str, Any], out: Any) -> Any:
    """A call with ``out=``: the result is computed aside, derivative and all, and then NumPy's is written."""
    outs = out if isinstance(out, tuple) else (out,)
    function = ufunc if method == "__call__" else getattr(ufunc, method)
    where = named.get("where", True)
    masked = method == "__call__" and not (where is True or np.all(values_of(where)))
    if method == "__call__" and not masked:
        named.pop("where", None)
    depends = any(node._depends() for x in inputs for node in nodes_in(x))
    kept = any(isinstance(each, Node) and each._depends() for each in outs)
    shadows: list[torch.Tensor | None] = [None] * len(outs)
    if masked and (depends or kept):
        node = trace.target(outs[0])
        old = node._tensor()
        aside = node.value.copy()
        function(*values_of(inputs), out=aside, **values_of(named))
        rest = {key: x for key, x in named.items() if key not in (*_ONLY_NUMPY, "where")}
        shadows = [_masked_shadow(trace, ufunc, inputs, rest, aside, values_of(where), old)]
    elif depends:
        results = call(trace, ufunc, method, inputs, named)
        results = results if isinstance(results, tuple) else (results,)
        shadows = [each._tensor() if isinstance(each, Node) and each._depends() else None for each in results]
    function(*values_of(inputs), out=values_of(out), **values_of(named))
    stored = tuple([inplace.overwritten(trace, each, shadow) for each, shadow in zip(outs, shadows, strict=True)])
    return stored if isinstance(out, tuple) else stored[0]


def _reduce(trace: Trace, ufunc: np.ufunc, inputs: tuple[Any, ...], named: dict[str, Any]) -> Any:
    array, *more = inputs
    named.update(zip(("axis", "dtype"), more, strict=False))
    named.setdefault("axis", 0)
    compute = named.copy()
    named.pop("dtype", None)
    function = _REDUCTIONS.get(ufunc, ufunc.reduce)
    if named.get("initial", 0) is None:
        named.pop("initial")
    return apply(
        trace, function, (array,), named, name=f"{ufunc.__name__}.reduce",
        compute=lambda value, **_: ufunc.reduce(value, **values_of(compute)),
    )  # fmt: skip


def _outer(trace: Trace, ufunc: np.ufunc, inputs: tuple[Any, ...], named: dict[str, Any]) -> Any:
    a, b = inputs
    behind = np.ndim(values_of(b))
    shape = np.shape(values_of(a)) + (1,) * behind
    if isinstance(a, Node):
        a = apply(trace, np.reshape, (a, shape), {}, compute=lambda value, to: np.asarray(value).reshape(to))
    else:
        a = np.reshape(a, shape)
    return call(trace, ufunc, "__call__", (a, b), named)


def _reduceat(trace: Trace, ufunc: np.ufunc, inputs: tuple[Any, ...], named: dict[str, Any]) -> Any:
    def rule(array: torch.Tensor, indices: Any, axis: int = 0, **_: Any) -> torch.Tensor:
        reduce = lookup(_REDUCTIONS.get(ufunc))
        if reduce is None:
            raise NotImplementedError(f"{ufunc.__name__}.reduceat")
        begins = [int(i) for i in np.asarray(indices)]
        ends = [*begins[1:], array.shape[axis]]
        # NumPy's definition: a piece from each index to the next one; where that lies before, the one entry.
        pieces = [
            reduce(array.narrow(axis, begin, max(end - begin, 1)), axis=axis)
            for begin, end in zip(begins, ends, strict=True)
        ]
        return torch.stack(pieces, dim=axis)

    name = f"{ufunc.__name__}.reduceat"
    return apply(trace, ufunc.reduceat, inputs, named, name=name, rule=rule)
