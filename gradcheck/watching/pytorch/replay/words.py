"""Operations and their operands in the user's words."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import torch

from gradcheck.causes.source import operands_of, text_of
from gradcheck.trace.sites import Site
from gradcheck.watching.pytorch.calls import Place
from gradcheck.watching.pytorch.replay.origins import Operation

__all__ = ["argument_texts", "operation_words"]

_SYMBOLS: dict[type[ast.operator], str] = {
    ast.Add: "addition (+)",
    ast.Sub: "subtraction (-)",
    ast.Mult: "product (*)",
    ast.Div: "division (/)",
    ast.Pow: "power (**)",
    ast.MatMult: "matrix product (@)",
}
_OWN_WORDS = {"linear": "linear (x @ W.T + b)"}
_MODULES = frozenset(["F", "torch", "nn", "self", "math", "functional", "nn.functional", "torch.nn.functional"])
# What an operation of the user's becomes inside PyTorch without becoming another one.
_SAME = frozenset("addmm mm bmm baddbmm mv addmv dot convolution reciprocal rsub".split())  # noqa: SIM905  # reads better


def operation_words(operation: Operation) -> str:
    """What the user did there: ``torch.sqrt``, ``division (/)``, ``backward of torch.log``."""
    if operation.phase == "backward" and not operation.own_backward:
        if operation.forward is not None:
            return f"backward of {_call_words(operation.forward)}"
        return f"backward ({operation.node or operation.name})"
    words = _call_words(operation)
    if operation.own_backward and operation.place is not None:
        return f"{words} in {operation.place.code.co_qualname.replace('.<locals>', '').rpartition('>.')[2]}"
    return words


def _call_words(operation: Operation) -> str:
    core = operation.name.strip("_").removeprefix("native_").removesuffix("_forward")
    tree = _source(operation.place)
    function = operation.call[0] if operation.call else None
    if isinstance(tree, ast.BinOp | ast.AugAssign) and type(tree.op) in _SYMBOLS and _is_operator(function):
        return _SYMBOLS[type(tree.op)]
    if function is None:
        called = ast.unparse(tree.func) if isinstance(tree, ast.Call) else ""
        return called if called.rpartition(".")[2].strip("_") == core else f"torch.{core}"
    name = _name(function)
    words = _OWN_WORDS.get(name, _qualified(function, name))
    same = core in _SAME or name == "einsum" or core in name.strip("_") or name.strip("_") in core
    return words if same or name in _OWN_WORDS else f"{core} in {words}"


def argument_texts(operation: Operation) -> list[tuple[torch.Tensor, str]]:
    """The tensors given to the user's call with the source text of each, where the source tells."""
    if operation.place is None:
        return []
    tree = _source(operation.place)
    texts = operands_of(_site(operation.place))
    if operation.call is None:
        own = iter(operation.inputs)
        given = [next(own, None) if isinstance(a, torch.Tensor) else None for a in operation.arguments]
        return [(a, text) for a, text in zip(given, texts, strict=False) if a is not None]
    function, args, kwargs = operation.call
    if isinstance(tree, ast.AugAssign):
        texts = [ast.unparse(tree.target), ast.unparse(tree.value)]
    name = _name(function)
    direct = isinstance(tree, ast.BinOp | ast.UnaryOp | ast.Subscript | ast.AugAssign)
    if isinstance(tree, ast.Call):
        called = tree.func.attr if isinstance(tree.func, ast.Attribute) else getattr(tree.func, "id", "")
        direct = called == name
        texts = [
            text for text in texts if (text not in _MODULES and not text.startswith(("self.", "torch."))) or direct
        ]
        texts = texts[1:] if texts and texts[0] in _MODULES else texts
        keywords = {k.arg: ast.unparse(k.value) for k in tree.keywords if k.arg}
    else:
        keywords = {}
    if not direct:  # self.layer(x): the first tensor of the call inside is x
        first = next((a for a in args if isinstance(a, torch.Tensor)), None)
        return [(first, texts[0])] if first is not None and len(texts) == 1 else []
    if isinstance(tree, ast.BinOp) and name.startswith("__r") and len(texts) == 2:
        texts = texts[::-1]
    values = [a for a in args if not isinstance(a, str)]  # the equation of einsum has no text here
    pairs = [(a, text) for a, text in zip(values, texts, strict=False) if isinstance(a, torch.Tensor)]
    return pairs + [(kwargs[k], t) for k, t in keywords.items() if isinstance(kwargs.get(k), torch.Tensor)]


def _site(place: Place) -> Site:
    return Site(place.code, place.instruction, place.line)


def _source(place: Place | None) -> ast.expr | ast.AugAssign | None:
    if place is None:
        return None
    text = text_of(_site(place)).strip()
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        pass
    try:
        statement = ast.parse(text).body[0]
    except (SyntaxError, IndexError):
        return None
    return statement if isinstance(statement, ast.AugAssign) else None


def _is_operator(function: Callable[..., Any] | None) -> bool:
    return function is None or getattr(function, "__module__", None) in (None, "torch._tensor")


def _name(function: Callable[..., Any]) -> str:
    name = str(getattr(function, "__name__", "") or "")
    if name in ("__get__", "__set__"):
        name = str(getattr(getattr(function, "__self__", None), "__name__", name))
    return name


def _qualified(function: Callable[..., Any], name: str) -> str:
    module = str(getattr(function, "__module__", None) or "")
    if module.startswith(("torch.nn.functional", "torch._C._nn")):
        return f"F.{name}"
    if not module or module == "torch._tensor":
        return f"Tensor.{name}"
    if module in ("torch", "torch.functional", "torch._C"):
        return f"torch.{name}"
    return f"{module.removeprefix('torch._C._').replace('torch.functional', 'torch')}.{name}"
