"""Calls of PyTorch as the operations of NumPy that they are: one catalogue of mistakes speaks of both."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from gradcheck.causes.torch_reading import reading
from gradcheck.trace import Site
from gradcheck.trace.operation import Operation

__all__ = ["Hook", "put_behind"]

Hook = Callable[[Operation], torch.Tensor]

# NumPy's names, which the families of causes go by.
_NAMES = {
    "mul": "multiply",
    "div": "divide",
    "true_divide": "divide",
    "sub": "subtract",
    "pow": "power",
    "mm": "matmul",
    "bmm": "matmul",
    "mv": "matmul",
    "ger": "outer",
    "t": "transpose",
    "permute": "transpose",
    "adjoint": "transpose",
    "movedim": "moveaxis",
    "swapdims": "swapaxes",
    "T": "transpose",
    "mT": "transpose",
    "H": "transpose",
    "mH": "transpose",
}
# number - x is x.__rsub__(number)
_REVERSED = {"rsub": "subtract", "rdiv": "divide", "rpow": "power", "rmatmul": "matmul"}
_CONVOLUTIONS = {"conv1d": 1, "conv2d": 2, "conv3d": 3}
_ADDED = {"addmm", "addmv", "baddbmm", "addcmul"}


def put_behind(
    hook: Hook, site: Site, func: Callable[..., Any], args: Sequence[Any], keywords: Mapping[str, Any], result: Any
) -> Any:
    """The result of ``func(*args, **keywords)`` as ``hook`` replaces it, told as one operation or as two.

    A product that adds a bias as well is told as the product and the sum; of several results each is an operation.
    """
    name = _name_of(func)
    if isinstance(result, torch.Tensor):
        split = _product_and_sum(hook, site, name, func, args, keywords)
        return (
            _told(hook, site, *_as_in_numpy(name, func, args, keywords), keywords, result) if split is None else split
        )
    if isinstance(result, tuple | list) and all(isinstance(part, torch.Tensor) for part in result):
        parts = [
            _told(hook, site, *_as_in_numpy(name, functools.partial(_one_of, func, k), args, keywords), keywords, part)
            for k, part in enumerate(result)
        ]
        # torch's own kinds of results (values and indices) are made of one sequence, as tuples and lists are
        return type(result)(parts)
    return result


def _told(
    hook: Hook,
    site: Site,
    name: str,
    rule: Callable[..., Any],
    inputs: Sequence[Any],
    keywords: Mapping[str, Any],
    result: torch.Tensor,
) -> torch.Tensor:
    if not result.requires_grad or result.grad_fn is None:
        return result
    value = result.detach().cpu().numpy()
    return hook(Operation(site, name, tuple(inputs), dict(keywords), result, value, rule))


def _name_of(func: Callable[..., Any]) -> str:
    """NumPy's name where there is one, else torch's."""
    name = str(getattr(func, "__name__", ""))
    if name == "__get__":  # a property: x.T
        name = str(getattr(getattr(func, "__self__", None), "__name__", ""))
    name = name.strip("_")
    return _NAMES.get(name, name)


def _as_in_numpy(
    name: str, func: Callable[..., Any], args: Sequence[Any], keywords: Mapping[str, Any]
) -> tuple[str, Callable[..., Any], Sequence[Any]]:
    """The name, the rule and the inputs, in the order in which the source has them."""
    if name in _REVERSED and len(args) == 2:
        return _REVERSED[name], functools.partial(_exchanged, func), (args[1], args[0])
    read = reading(name, args, keywords)
    if read is not None:
        return "getitem", _read, read
    return name, func, args


def _exchanged(func: Callable[..., Any], left: Any, right: Any) -> Any:
    return func(right, left)


def _read(x: torch.Tensor, index: Any, **options: Any) -> torch.Tensor:  # noqa: ARG001  # an embedding's do not matter
    return x[index]


def _one_of(func: Callable[..., Any], k: int, *args: Any, **keywords: Any) -> Any:
    return func(*args, **keywords)[k]


def _product_and_sum(
    hook: Hook, site: Site, name: str, func: Callable[..., Any], args: Sequence[Any], keywords: Mapping[str, Any]
) -> torch.Tensor | None:
    """x @ w.T + b in one call, told as two; None where the call is no such one."""
    rest, share = dict(keywords), 1.0
    product: Callable[..., Any]
    if name == "linear" or name in _CONVOLUTIONS:
        bias = rest.pop("bias", args[2] if len(args) > 2 else None)
        if len(args) < 2:
            return None
        factors, behind = args[:2], args[3:]
        product = functools.partial(_without_bias, func, behind)
        shape = (-1, *[1] * _CONVOLUTIONS.get(name, 0))
        called = "matmul" if name == "linear" else "convolve"
    elif name in _ADDED and len(args) == 3:
        bias, *factors = args
        is_matrix = name != "addcmul"
        product = functools.partial(_times, rest.pop("alpha" if is_matrix else "value", 1), is_matrix)
        share, rest, shape, called = rest.pop("beta", 1), {}, (), "matmul" if is_matrix else "multiply"
    else:
        return None
    made = _told(hook, site, called, product, factors, rest, product(*factors, **rest))
    if bias is None:
        return made
    with_bias = functools.partial(_sum, shape, share)
    # two operations of one call are two places; an odd number stands for the instruction that begins just before it
    behind_it = replace(site, instruction=site.instruction + 1)
    return _told(hook, behind_it, "add", with_bias, (made, bias), {}, with_bias(made, bias))


def _without_bias(func: Callable[..., Any], behind: Sequence[Any], x: Any, w: Any, **rest: Any) -> Any:
    return func(x, w, None, *behind, **rest)


def _times(factor: float, is_matrix: bool, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    made = torch.matmul(x, w) if is_matrix else torch.mul(x, w)
    return made if factor == 1 else factor * made


def _sum(shape: tuple[int, ...], share: float, made: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    given = bias.reshape(shape) if shape else bias
    return made + (given if share == 1 else share * given)
