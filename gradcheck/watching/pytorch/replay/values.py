"""The values an operation was given, in words, at the entry where its output went bad."""

from __future__ import annotations

import re
from collections.abc import Callable

import torch

from gradcheck.watching.pytorch.replay.origins import Operation

__all__ = ["bad_entries", "entry_text", "number", "operand_texts"]

_PRODUCTS = frozenset(["addmm", "mm", "bmm", "baddbmm", "mv", "addmv", "dot", "convolution", "linear"])
_ALONG = frozenset(["_softmax", "_log_softmax", "softmax", "log_softmax", "logsumexp"])
_MOST = 4
_OPERATION = re.compile(r" [-+*/%@&|<>=!]|^-")  # a source text that an index would not belong to as a whole

Name = Callable[[torch.Tensor], str]


def bad_entries(tensor: torch.Tensor, nan: bool) -> tuple[int, tuple[int, ...]]:
    """How many entries are not finite, and the first that is (NaN, if asked for)."""
    bad = ~torch.isfinite(tensor)
    first = torch.isnan(tensor) if nan else bad
    flat = int(first.reshape(-1).to(torch.uint8).argmax())
    index = torch.unravel_index(torch.tensor(flat), tensor.shape) if tensor.ndim else ()
    return int(bad.sum()), tuple(int(i) for i in index)


def operand_texts(operation: Operation, name: Name, index: tuple[int, ...], shape: torch.Size) -> tuple[str, ...]:
    """One text for each tensor the operation was given that says something."""
    found: dict[str, None] = {}
    inputs = [tensor for tensor in operation.inputs if tensor.is_floating_point() or tensor.is_complex()]
    if operation.name in _ALONG and len(operation.arguments) > 1 and isinstance(operation.arguments[1], int | list):
        found.setdefault(_row_text(inputs[0], name(inputs[0]) or "input", index, operation.arguments[1]))
        return tuple(found)
    for tensor in inputs:
        called = name(tensor)
        if called == "-":  # a number in the source
            found.setdefault(f"with {number(tensor.reshape(-1)[0].item())}")
            continue
        if operation.name not in _PRODUCTS and _broadcasts(tensor.shape, shape):
            found.setdefault(entry_text(tensor, called, index))
        else:
            found.setdefault(_largest_text(tensor, called))
    return tuple(found)[:_MOST]


def entry_text(tensor: torch.Tensor, name: str, index: tuple[int, ...]) -> str:
    """``x[3, 0] = -2.5e-17``, of a tensor that is broadcast to where ``index`` points into."""
    own = index[len(index) - tensor.ndim :]
    own = tuple(i if size != 1 else 0 for i, size in zip(own, tensor.shape, strict=True))
    return f"{_indexed(name, own)} = {number(tensor[own].item())}"


def number(value: complex) -> str:
    """A number as it is read."""
    return str(value) if isinstance(value, complex) else f"{value + 0.0:.4g}"  # no -0


def _indexed(name: str, index: tuple[int | str, ...]) -> str:
    if index and _OPERATION.search(name):
        name = f"({name})"
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def _largest_text(tensor: torch.Tensor, name: str) -> str:
    shape = "×".join(map(str, tensor.shape))
    if tensor.numel() == 0:
        return f"{name} is empty ({shape})"
    magnitude = tensor.detach().abs()
    if not magnitude.dtype.is_floating_point or magnitude.element_size() == 1:
        magnitude = magnitude.float()
    flat = int(magnitude.reshape(-1).argmax())
    place = tuple(int(i) for i in torch.unravel_index(torch.tensor(flat), tensor.shape)) if tensor.ndim else ()
    value = number(tensor[place].item())
    if tensor.ndim == 0:
        return f"{name} = {value}"
    return f"{name} ({shape}): largest magnitude at {_indexed(name, place)} = {value}"


def _row_text(tensor: torch.Tensor, name: str, index: tuple[int, ...], along: int | list[int]) -> str:
    dims = {d % max(tensor.ndim, 1) for d in ([along] if isinstance(along, int) else along)}
    if len(index) != tensor.ndim:  # the reduced dimensions are gone from the output
        kept = iter(index)
        index = tuple(0 if d in dims else next(kept, 0) for d in range(tensor.ndim))
    row = tensor[tuple(slice(None) if d in dims else i for d, i in enumerate(index))]
    where = _indexed(name, tuple(":" if d in dims else i for d, i in enumerate(index)))
    called = f"row {index[0]} of {name}" if tensor.ndim == 2 and dims == {1} else where
    if bool((row == -torch.inf).all()):
        return f"{called} is -inf throughout"
    if bool((row == torch.inf).any()):
        return f"{called} holds inf"
    return _largest_text(row, where)


def _broadcasts(shape: torch.Size, to: torch.Size) -> bool:
    if len(shape) > len(to):
        return False
    return all(own in (1, size) for own, size in zip(reversed(shape), reversed(to), strict=False))
