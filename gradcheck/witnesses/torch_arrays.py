"""Tensors to arrays and back, and the arguments of a torch callable as variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.parameter import is_lazy

from gradcheck.errors import GradcheckError
from gradcheck.layers.problem import Variable
from gradcheck.witnesses.subject import Array, Values

__all__ = ["Arguments", "flat_outputs", "gradients_of", "refuse_without_values", "to_array", "to_tensor"]


def refuse_without_values(name: str, tensor: torch.Tensor) -> None:
    """Tensors whose entries cannot be read one by one.

    Raises:
        GradcheckError: it is not yet initialised, on the meta device, sparse, nested or quantized.
    """
    if is_lazy(tensor):
        raise GradcheckError(
            f"{name}: it has no values yet (a lazy module); call the module once on an input of the right shape, "
            f"then check it"
        )
    if tensor.is_meta:
        raise GradcheckError(f'{name}: it is on the device "meta", without values; make it on "cpu" and fill it')
    if tensor.is_nested:
        raise GradcheckError(f"{name}: it is a nested tensor; give a padded one, torch.nested.to_padded_tensor")
    if tensor.is_quantized:
        raise GradcheckError(f"{name}: it is quantized, which has no gradient; give it as floats, {name}.dequantize()")
    if tensor.layout != torch.strided:
        layout = str(tensor.layout).removeprefix("torch.")
        raise GradcheckError(f"{name}: it is sparse ({layout}); only dense tensors are checked: {name}.to_dense()")


def to_array(tensor: torch.Tensor) -> Array:
    """The values of a tensor as a fresh array; bfloat16, which NumPy has not, as float32."""
    plain = tensor.detach().cpu()
    return np.array((plain.float() if plain.dtype == torch.bfloat16 else plain).numpy())


def to_tensor(array: Array, like: torch.Tensor | None = None) -> torch.Tensor:
    """A fresh tensor with the array's values and dtype, on the device of ``like``."""
    made = torch.from_numpy(np.array(array))
    return made if like is None else made.to(like.device)


def gradients_of(
    leaves: Mapping[str, torch.Tensor], outputs: Sequence[torch.Tensor], upstreams: Sequence[Array]
) -> dict[str, Array]:
    """The gradients of Σ outputs · upstreams with respect to the leaves, zeros where nothing depends on one."""
    pairs = [(o, torch.as_tensor(np.array(u)).to(o.detach())) for o, u in zip(outputs, upstreams, strict=True)]
    pairs = [(o, u) for o, u in pairs if o.requires_grad]
    with torch.enable_grad():
        found = torch.autograd.grad(
            [o for o, _ in pairs], list(leaves.values()), [u for _, u in pairs], allow_unused=True
        )
    return {
        n: np.zeros(tuple(leaf.shape)) if g is None else to_array(g)
        for (n, leaf), g in zip(leaves.items(), found, strict=True)
    }


def flat_outputs(output: object) -> list[torch.Tensor]:
    """The floating-point tensors in an output, however it nests tuples, lists, dicts and dataclasses."""
    if isinstance(output, torch.Tensor):
        return [output] if output.is_floating_point() else []
    if isinstance(output, Mapping):
        return [t for item in output.values() for t in flat_outputs(item)]
    if isinstance(output, list | tuple):
        return [t for item in output for t in flat_outputs(item)]
    if is_dataclass(output):
        return [t for f in fields(output) for t in flat_outputs(getattr(output, f.name))]
    return []


@dataclass
class Arguments:
    """The positional and keyword arguments of a torch callable; its floating-point tensors are the variables."""

    positional: Sequence[object]
    names: Sequence[str]
    keywords: Mapping[str, object] = field(default_factory=dict)

    def variables(
        self, wrt: Sequence[str] | None, constants: Sequence[str], gradient: Callable[[str], str]
    ) -> list[Variable]:
        """One variable per tensor or array among the arguments."""
        found = []
        for name, value in self._named():
            if isinstance(value, np.ndarray):
                value = torch.from_numpy(np.array(value))
            if not isinstance(value, torch.Tensor):
                continue
            self._refuse(name, value, differentiated=value.is_floating_point() and name not in constants)
            reason = ""
            if not value.is_floating_point():
                reason = f"{value.dtype} has no gradient".replace("torch.", "")
            elif name in constants:
                reason = "declared constant"
            elif wrt is not None and name not in wrt:
                reason = "not named in wrt"
            halved = value.dtype == torch.bfloat16
            found.append(
                Variable(name, to_array(value), "input", gradient(name), not reason, reason, is_bfloat16=halved)
            )
        return found

    def filled(
        self, values: Values, dtype: torch.dtype | None, requires_grad: bool, own: bool = False
    ) -> tuple[list[Any], dict[str, Any], dict[str, torch.Tensor]]:
        """The arguments with ``values`` in place of the variables' own; also the new tensors by name.

        With ``own`` they have the dtypes that they were given in, be it bfloat16.
        """
        leaves: dict[str, torch.Tensor] = {}

        def fill(name: str, value: object) -> object:
            if isinstance(value, np.ndarray):
                value = torch.from_numpy(np.array(value))
            if not isinstance(value, torch.Tensor):
                return value
            if name in values:
                given = to_tensor(values[name], value)
                if not given.is_floating_point():  # labels, for another number of samples
                    return given
                wanted = value.dtype if own else dtype
                leaves[name] = given if wanted is None else given.to(wanted)
                return leaves[name].requires_grad_(requires_grad)
            made = value.detach().clone()
            if made.dtype == torch.bfloat16 and not own:
                made = made.float()  # as the variables are, for NumPy has no bfloat16
            return made.to(dtype) if dtype is not None and made.is_floating_point() else made

        args = [fill(n, v) for n, v in zip(self.names, self.positional, strict=False)]
        return args, {n: fill(n, v) for n, v in self.keywords.items()}, leaves

    def _named(self) -> list[tuple[str, object]]:
        return [*zip(self.names, self.positional, strict=False), *self.keywords.items()]

    @staticmethod
    def _refuse(name: str, value: torch.Tensor, differentiated: bool) -> None:
        refuse_without_values(name, value)
        if value.is_complex():
            raise GradcheckError(f"{name}: it is complex ({value.dtype}); only real tensors can be checked")
        if value.numel() == 0 and differentiated:
            raise GradcheckError(f"{name}: it is empty (shape {tuple(value.shape)}); give at least one entry")
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise GradcheckError(f"{name}: it has NaN or infinite entries; give finite numbers")
