"""The birth of a NaN or an infinity in an optimizer's update."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from gradcheck.health.sample import Birth
from gradcheck.trace.sites import user_frame
from gradcheck.watching.pytorch.calls import Place
from gradcheck.watching.pytorch.replay.finite import is_finite
from gradcheck.watching.pytorch.replay.values import bad_entries, entry_text, number
from gradcheck.watching.pytorch.shards import local

__all__ = ["Update"]

_PLAIN = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW)
_SAFE = 1e-4  # of the dtype's largest: an update below cannot overflow a weight that is no larger


class Update:
    """One update, from just before it. Weights and gradients are copied only where it looks dangerous."""

    def __init__(self, optimizer: torch.optim.Optimizer, step: int, largest: float | None) -> None:
        self.optimizer = optimizer
        self.step = step
        frame = user_frame()
        self._place = None if frame is None else Place(frame.f_code, frame.f_lineno, frame.f_lasti)
        self._finite = largest is not None and math.isfinite(largest)
        self._before: dict[int, tuple[torch.Tensor, torch.Tensor | None]] = {}
        for group in optimizer.param_groups:
            if _dangerous(group, largest):
                for p in group["params"]:
                    grad = p.grad
                    copy = None if grad is None else local(grad).detach().clone()
                    self._before[id(p)] = (local(p).detach().clone(), copy)

    def leaves_no_nan(self, parameter: torch.Tensor | None) -> bool:
        """Whether this update cannot have made that parameter NaN: then the code wrote to it after the update.

        From finite weights, gradients and options SGD and Adam with an eps above 0 make at most an infinity, and what
        they keep of a parameter tells of one that went in. Of any other optimizer this is not known.
        """
        if type(self.optimizer) not in _PLAIN or not self._finite or parameter is None or id(parameter) in self._before:
            return False
        group = next((g for g in self.optimizer.param_groups if any(p is parameter for p in g["params"])), {})
        options = [value for value in group.values() if isinstance(value, int | float)]
        kept = self.optimizer.state.get(parameter, {})
        tensors = [value for value in kept.values() if isinstance(value, torch.Tensor)]
        negative = any(bool((local(kept[name]) < 0).any()) for name in ("exp_avg_sq", "max_exp_avg_sq") if name in kept)
        return (
            bool(torch.isnan(local(parameter)).any())
            and all(math.isfinite(option) for option in options)
            and all(is_finite(local(tensor)) for tensor in tensors)
            and not negative
        )

    def birth(self, names: Sequence[str], parameters: Mapping[str, torch.Tensor], remark: str) -> Birth | None:
        """What the update did to the first of these parameters; None where the optimizer does not have them."""
        groups = {id(p): group for group in self.optimizer.param_groups for p in group["params"]}
        bad = [
            n for n in names if n in parameters and id(parameters[n]) in groups and not is_finite(local(parameters[n]))
        ]
        if not bad:
            return None
        name, parameter = bad[0], local(parameters[bad[0]]).detach()
        nan = bool(torch.isnan(parameter).any())
        entries, index = bad_entries(parameter, nan)
        group = groups[id(parameters[name])]
        return Birth(
            step=self.step,
            phase="update",
            what="NaN" if nan else "Inf",
            operation=f"{type(self.optimizer).__name__} update of {name}",
            where=self._place.where if self._place else None,
            layer=name.rpartition(".")[0],
            entries=entries,
            size=parameter.numel(),
            first_index=index,
            operands=tuple(self._operands(name, parameters[name], index, group)),
            consequences=tuple(f"{other} is not finite either" for other in bad[1:4]),
            remark=remark,
            inputs="unknown",
        )

    def _operands(
        self, name: str, parameter: torch.Tensor, index: tuple[int, ...], group: dict[str, Any]
    ) -> Iterator[str]:
        before, grad = self._before.get(id(parameter), (None, parameter.grad))
        if before is not None:
            yield f"{entry_text(before, name, index)} before"
        if grad is not None:
            yield entry_text(local(grad), f"gradient of {name}", index)
        yield ", ".join(
            f"{option} = {number(float(group[option]))}" for option in ("lr", "eps", "momentum") if option in group
        )
        for kind, value in self.optimizer.state.get(parameter, {}).items():
            if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                yield f"{entry_text(local(value), kind, index)} after"


@functools.cache
def _safe(dtype: torch.dtype) -> float:
    return _SAFE * torch.finfo(dtype).max


def _dangerous(group: dict[str, Any], largest: float | None) -> bool:
    rate = float(group.get("lr", 0.0))
    if not math.isfinite(rate) or group.get("eps", 1.0) == 0:
        return True
    parameters = group["params"]
    if not parameters:
        return False
    limit = _safe(parameters[0].dtype)
    return rate > limit or (largest is not None and not rate * largest < limit)
