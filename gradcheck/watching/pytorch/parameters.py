"""The parameters of a PyTorch module in one step: weights, gradients, and what the step added."""

from __future__ import annotations

import math
import operator
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

import torch
from torch import nn

from gradcheck.health.sample import ParameterSample, Stats
from gradcheck.watched import Histogram, Spread
from gradcheck.watching.pytorch.kinds import kind_of
from gradcheck.watching.pytorch.shards import class_name, local
from gradcheck.watching.pytorch.spread import Taken
from gradcheck.watching.pytorch.stats import finite_norms, norm_of, norm_of_all, stats_of

__all__ = ["ParameterWatch", "gradient_norm", "gradient_norms"]

_ROUNDING = 1e-3
_VERSION = operator.attrgetter("_version")
_KEPT = 1 << 26  # bytes of the weights' copy between two samples: fresh memory costs more than what is computed in it

Role = Literal["weight", "bias", "norm", "embedding", "other"]


class ParameterWatch:
    """Knows the parameters of ``model`` by name and what each is for. A tied parameter has its first name.

    Attributes:
        shown: Names of those whose histograms are taken in this step.
        versions: How often all weights together were written to, at the last question; None before the first.
    """

    def __init__(self, model: nn.Module) -> None:
        self.named: dict[str, nn.Parameter] = dict(model.named_parameters())
        self._modules = dict(model.named_modules())
        self._before: dict[str, torch.Tensor] = {}
        self._spare: dict[
            str, torch.Tensor
        ] = {}  # memory of the last sample: to get it anew costs more than to fill it
        self._use: dict[str, tuple[Role, int | None, int | None]] = {}
        self._gradients: dict[str, Stats] = {}
        self._weights: dict[str, Stats] = {}
        self._equal: set[str] = set()
        self._carried: set[str] | None = None
        self.versions: int | None = None
        self.shown: Collection[str] = ()
        self._taken: dict[str, dict[Spread, Taken]] = {}

    def moved(self) -> bool:
        """Whether any weight was written to since the last time that this was asked; False at first."""
        before, self.versions = self.versions, sum(map(_VERSION, self.named.values()))
        return before is not None and before != self.versions

    def trainable(self) -> dict[str, nn.Parameter]:
        """Those that are meant to move, as they are now."""
        return {name: p for name, p in self.named.items() if p.requires_grad}

    def forget(self) -> None:
        """Begin a new step."""
        self._spare, self._before = self._before or self._spare, {}
        self._gradients, self._weights, self._equal = {}, {}, set()
        self._carried = None
        self._taken = {}

    def forget_gradients(self) -> None:
        """Those that were noted are not the step's."""
        self._gradients = {}

    def release(self) -> None:
        """The next step is not sampled. Memory that is not much is kept for the next that is."""
        small = sum([tensor.nbytes for tensor in self._before.values()]) <= _KEPT
        self._spare, self._before = self._before if small else {}, {}

    def note_gradients(self, norms: Mapping[str, float]) -> None:
        """Note the gradients as they are now, unless they were noted in this step: clipping comes later."""
        for name, parameter in self.named.items():
            gradient = local(parameter.grad) if parameter.grad is not None else None
            if gradient is not None and name not in self._gradients:
                self._gradients[name] = stats_of(gradient, norm=norms.get(name))
                if self.shown:
                    self._show(name, gradient, "gradient")

    def _show(self, name: str, tensor: torch.Tensor, of: Spread) -> None:
        if name in self.shown:
            self._taken.setdefault(name, {}).setdefault(of, Taken(tensor, of))

    def note_carried(self) -> None:
        """A backward begins, and adds to what is there: nothing, where gradients were set to zero after the last step.

        With several backwards a step (several losses, several optimizers) it is enough that one of them finds nothing.
        """
        there = {name: local(p.grad) for name, p in self.named.items() if p.grad is not None}
        norms = dict(zip(there, finite_norms(list(there.values())), strict=True))
        left = {name for name, norm in norms.items() if norm > 0}
        self._carried = left if self._carried is None else self._carried & left

    def note_weights(self, first: bool) -> None:
        """Keep the weights as they are before the update; at the first step see whether units are equal."""
        weights = {
            name: local(p).detach()
            for name, p in self.named.items()
            if (type(p) is nn.Parameter or not isinstance(p, nn.UninitializedParameter)) and p.is_floating_point()
        }
        for (name, weight), norm in zip(weights.items(), finite_norms(list(weights.values())), strict=True):
            self._weights[name] = stats_of(weight, extremes=first, norm=norm)
            if self.shown:
                self._show(name, weight, "weight")
            if first and _units_equal(weight):
                self._equal.add(name)
        moving = {name: weight for name, weight in weights.items() if self.named[name].requires_grad}
        spare = self._spare
        self._before = {
            name: memory
            if (memory := spare.get(name)) is not None and memory.shape == weight.shape and memory.dtype == weight.dtype
            else torch.empty_like(weight)
            for name, weight in moving.items()
        }
        if moving:
            torch._foreach_copy_(list(self._before.values()), list(moving.values()))

    def _cancels(self, name: str) -> bool:
        """Whether the gradient of a bias is exactly 0.

        It is the sum of what comes to the layer's output. Where that is not 0 itself, the sum is by construction: the
        loss is made of differences of what the layer gives (the score of a fake minus that of a real sample).
        """
        gradient = self._gradients.get(name)
        module = self._modules.get(name.rpartition(".")[0])
        return (
            gradient is not None
            and gradient.bad == 0
            and gradient.norm == 0
            and module is not None
            and kind_of(module) in ("linear", "conv")
        )

    def _updates(self) -> dict[str, Stats]:
        """What the weights moved by since :meth:`note_weights`; what was kept of them then is used up."""
        now = {name: local(self.named[name]).detach() for name in self._before}
        moved = {name: old for name, old in self._before.items() if old.shape == now[name].shape}
        if not moved:
            return {}
        changes = list(moved.values())
        torch._foreach_sub_(changes, [now[name] for name in moved])  # the sign does not matter
        return {
            name: stats_of(change, norm=norm)
            for (name, change), norm in zip(moved.items(), finite_norms(changes), strict=True)
        }

    def samples(
        self,
        optimizers: Sequence[torch.optim.Optimizer],
        before_norm: Collection[str],
        reached: Collection[str],
        marked: bool,
    ) -> list[ParameterSample]:
        """What the step did to each parameter.

        Args:
            optimizers: Those that train; where there are none, every parameter counts as trained.
            before_norm: Layers whose bias has no effect.
            reached: Layers whose output has a gradient.
            marked: False where no step was seen at all, so that there is no update either.
        """
        rates = {
            id(p): _number(group.get("lr"))
            for optimizer in optimizers
            for group in optimizer.param_groups
            for p in group["params"]
        }
        updates = self._updates() if marked else {}
        found = []
        for name, parameter in self.named.items():
            weight = self._weights.get(name)
            if weight is None:
                continue
            layer, _, own = name.rpartition(".")
            module = self._modules.get(layer)
            if name not in self._use:
                role = _role(own, parameter, module)
                self._use[name] = (role, *(_fans(parameter, module) if role == "weight" else (None, None)))
            role, fan_in, fan_out = self._use[name]
            found.append(
                ParameterSample(
                    name=name,
                    layer=layer or (class_name(module) if module is not None else ""),
                    shape=tuple(parameter.shape),
                    role=role,
                    weight=weight,
                    gradient=self._gradients.get(name),
                    update=updates.get(name),
                    fan_in=fan_in,
                    fan_out=fan_out,
                    lr=rates.get(id(parameter)),
                    trained=not optimizers or id(parameter) in rates,
                    frozen=not parameter.requires_grad,
                    sparse=role == "embedding" or bool(parameter.grad is not None and parameter.grad.is_sparse),
                    before_norm=own == "bias" and (layer in before_norm or (layer in reached and self._cancels(name))),
                    carried=name in (self._carried or ()),
                    equal_columns=name in self._equal and _moved_alike(parameter.grad, weight),
                    histograms=self._histograms(name) if self._taken else (),
                )
            )
        return found

    def _histograms(self, name: str) -> tuple[Histogram, ...]:
        made = [taken.histogram() for taken in self._taken.get(name, {}).values()]
        return tuple(histogram for histogram in made if histogram is not None)


def gradient_norms(parameters: Mapping[str, nn.Parameter]) -> dict[str, float]:
    """The norms of those that have a gradient now."""
    gradients = {name: local(grad) for name, p in parameters.items() if (grad := p.grad) is not None}
    return dict(zip(gradients, finite_norms(list(gradients.values())), strict=True))


def gradient_norm(parameters: Iterable[nn.Parameter]) -> float | None:
    """The norm of all gradients together, which is finite where they are; None where it takes a closer look."""
    return norm_of_all([grad for p in parameters if (grad := p.grad) is not None])


def _number(rate: object) -> float | None:
    return float(rate) if isinstance(rate, int | float | torch.Tensor) else None


def _role(own: str, parameter: torch.Tensor, module: nn.Module | None) -> Role:
    kind = kind_of(module) if module is not None else "other"
    if kind == "norm":
        return "norm"
    if kind == "embedding":
        return "embedding"
    if "bias" in own:
        return "bias"
    return "weight" if parameter.dim() >= 2 else "other"


def _fans(weight: torch.Tensor, module: nn.Module | None) -> tuple[int | None, int | None]:
    """How many inputs make one output, and the reverse, of (out, in, kernel...); transposed: (in, out, kernel...)."""
    kind = kind_of(module) if module is not None else "other"
    if kind not in ("linear", "conv", "rnn", "attention"):
        return None, None
    kernel = math.prod(weight.shape[2:])
    out, into = weight.shape[0] * kernel, weight.shape[1] * kernel
    return (out, into) if getattr(module, "transposed", False) else (into, out)


def _units_equal(weight: torch.Tensor) -> bool:
    """Whether all rows are the same."""
    if weight.dim() < 2 or weight.shape[0] < 2:
        return False
    weight = weight.detach()
    return bool(torch.equal(weight[0], weight[1]) and (weight == weight[:1]).all())


def _moved_alike(gradient: torch.Tensor | None, weight: Stats) -> bool:
    """Whether equal rows stay equal: so are the gradient's, but for rounding."""
    if gradient is None or gradient.layout != torch.strided:
        return False
    gradient = local(gradient).detach()
    apart = norm_of(gradient - gradient[:1])
    return apart <= _ROUNDING * max(norm_of(gradient), _ROUNDING * weight.norm)
