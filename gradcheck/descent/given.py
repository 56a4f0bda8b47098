"""What was handed over as ``params``: arrays by name, tensors by name, or an object that holds them."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gradcheck.errors import GradcheckError
from gradcheck.layers.request import check_array
from gradcheck.layers.values import describe, is_array, is_number, is_tensor

__all__ = ["Given", "given_params"]


@dataclass(frozen=True)
class Given:
    """``params`` as they were given: ``arrays`` by name (ndarrays, or tensors where ``kind`` says so), or an object."""

    kind: Literal["arrays", "tensors", "object"]
    whole: Any
    arrays: dict[str, Any]
    frozen: tuple[str, ...] = ()
    """Tensors of a module that ask for no gradient."""


def given_params(params: Any) -> Given:
    """Sort out ``params``.

    Raises:
        GradcheckError: it is nothing that holds parameters, or one of them cannot be used.
    """
    torch = sys.modules.get("torch")
    if params is None:
        raise GradcheckError(
            'params: it is None; give the arrays, params={"W": W, "b": b}, or the object or module that holds them'
        )
    if torch is not None and isinstance(params, torch.nn.Module):
        named = dict(params.named_parameters())
        trained = {n: p for n, p in named.items() if p.requires_grad}
        if not named:
            raise GradcheckError(f"params: the module {type(params).__name__} has no parameters")
        if not trained:
            raise GradcheckError(
                f"params: no parameter of {type(params).__name__} asks for a gradient (requires_grad is False)"
            )
        return Given("tensors", params, _checked(trained), tuple(n for n in named if n not in trained))
    if torch is not None and isinstance(params, torch.optim.Optimizer):
        groups = params.param_groups
        held = [p for group in groups for p in group["params"] if p.requires_grad]
        return Given("tensors", params, _checked(_numbered(held)))
    if is_array(params) or is_tensor(params):
        return Given("tensors" if is_tensor(params) else "arrays", params, _checked({"params": params}))
    if isinstance(params, types.GeneratorType | map | filter | zip):
        params = list(params)
        if params and all(isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str) for item in params):
            params = dict(params)  # named_parameters()
    if isinstance(params, Mapping):
        if not params:
            raise GradcheckError('params: it is empty; name at least one array, params={"W": W}')
        items = {str(key): value for key, value in params.items()}
        if all(is_array(v) or is_tensor(v) or _is_plain(v) for v in items.values()):
            return _given(params, items)
        return Given("object", params, {})  # nested dicts: walked as an object
    if isinstance(params, list | tuple | set):
        if not params:
            raise GradcheckError("params: it is empty; give at least one array")
        if isinstance(params, set):
            raise GradcheckError("params: a set has no order; give a dict of arrays by name, or a list")
        if all(is_array(v) or is_tensor(v) or _is_plain(v) for v in params):
            return _given(params, _numbered(params))
        return Given("object", params, {})
    if isinstance(params, str | bytes | bool) or callable(params) or is_number(params):
        raise GradcheckError(
            f'params: it is {describe(params)}; give the arrays, params={{"W": W}}, or the object that holds them'
        )
    return Given("object", params, {})


def _is_plain(value: object) -> bool:
    """Given in the place of an array, and to be refused in words, not walked as if it held some."""
    if isinstance(value, list | tuple) and value:
        return all(is_number(item) for item in value)
    return value is None or isinstance(value, str | bytes | bool) or is_number(value)


def _numbered(values: Iterable[Any]) -> dict[str, Any]:
    return {f"params[{k}]": value for k, value in enumerate(values)}


def _given(whole: Any, items: dict[str, Any]) -> Given:
    kinds = {is_tensor(v) for v in items.values()}
    if len(kinds) > 1:
        raise GradcheckError("params: NumPy arrays and torch tensors are mixed; check them in two calls")
    return Given("tensors" if True in kinds else "arrays", whole, _checked(items))


def _checked(items: dict[str, Any]) -> dict[str, Any]:
    if not items:
        raise GradcheckError("params: it is empty; give at least one array")
    for name, value in items.items():
        label = "params" if name == "params" else f"params: {name}"
        if is_tensor(value):
            _check_tensor(label, value)
        elif is_array(value):
            check_array(label, value, integers=False)
        else:
            raise GradcheckError(f"{label} is {describe(value)}: give the very array that is trained")
    return items


def _check_tensor(label: str, tensor: Any) -> None:
    import torch

    from gradcheck.witnesses.torch_arrays import refuse_without_values

    refuse_without_values(label, tensor)
    if not tensor.is_floating_point():
        raise GradcheckError(f"{label} has dtype {tensor.dtype}: gradients need real floats; use .float()")
    if tensor.numel() == 0:
        raise GradcheckError(f"{label} is empty (shape {tuple(tensor.shape)}): there is nothing to train in it")
    if not bool(torch.isfinite(tensor.detach()).all()):
        raise GradcheckError(
            f"{label} holds NaN or infinite entries: a step from there means nothing; pass finite ones"
        )
