"""A loss written in PyTorch: differentiated by autograd, and a second time for its curvature."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from gradcheck.descent.landscape import Landscape, Vector, joined, parted
from gradcheck.descent.torch_state import TorchState
from gradcheck.errors import GradcheckError
from gradcheck.state import seed_everything
from gradcheck.witnesses.raised import raising_in
from gradcheck.witnesses.torch_arrays import to_array

__all__ = ["TorchLandscape"]


_KERNELS = 100  # roundings that the order of sums may make, where a kernel adds up as its threads come


class TorchLandscape(Landscape):
    """``call`` gives the loss of what stands in ``tensors`` now."""

    def __init__(
        self, call: Callable[[], Any], tensors: Mapping[str, torch.Tensor], roots: tuple[object, ...], seed: int
    ) -> None:
        self.call, self.tensors, self.seed = call, dict(tensors), seed
        self.shapes = {n: tuple(t.shape) for n, t in tensors.items()}
        self.start = joined({n: to_array(t) for n, t in tensors.items()})
        self.epsilon = max(float(torch.finfo(t.dtype).eps) for t in tensors.values())
        self.notes: list[str] = []
        self._evaluations = 0
        self.counts = {"forward": 0, "backward": 0}
        self.style = "a torch loss, differentiated by autograd"
        self.roots = roots
        self.state = self._remembered()
        self._asked = [(t, t.requires_grad) for t in self.tensors.values()]
        self._prepare()
        self._refuse()

    def _remembered(self) -> TorchState:
        return TorchState(*self.roots, self.tensors)

    def _prepare(self) -> None:
        """What a subclass changes before the first evaluation."""

    def loss(self, at: Vector) -> float:
        with self._at(at) as value:
            return float(value.detach())

    def gradient(self, at: Vector) -> Vector:
        with self._at(at) as value:
            return joined([self._array(t, g) for t, g in self._differentiated(value, False)])

    def products(self, at: Vector) -> Callable[[Vector], Vector] | None:
        first: list[tuple[torch.Tensor, torch.Tensor | None]] = []
        made_at = -1

        def product(v: Vector) -> Vector:
            nonlocal first, made_at
            if made_at != self._evaluations:
                first = self._graph(at)
                made_at = self._evaluations
            with torch.enable_grad():
                parts = parted(v, self.shapes)
                terms = [
                    (g * torch.as_tensor(parts[n], dtype=g.dtype, device=g.device)).sum().double()
                    for n, (_, g) in zip(self.shapes, first, strict=True)
                    if g is not None and g.requires_grad
                ]
                if not terms:
                    return np.zeros_like(v)
                self.counts["backward"] += 1
                found = torch.autograd.grad(
                    torch.stack(terms).sum(), list(self.tensors.values()), retain_graph=True, allow_unused=True
                )
                return joined([self._array(t, h) for t, h in zip(self.tensors.values(), found, strict=True)])

        try:
            product(np.zeros_like(at))
        except RuntimeError:  # a Function or kernel without a second derivative
            return None
        return product

    def restore(self) -> None:
        self.state.restore()
        self._ask_as_before()

    def _ask_as_before(self) -> None:
        for tensor, asked in self._asked:
            tensor.requires_grad_(asked)

    @contextmanager
    def _at(self, at: Vector) -> Iterator[torch.Tensor]:
        try:
            yield self._called(at)
        finally:
            self.state.restore()

    def _graph(self, at: Vector) -> list[tuple[torch.Tensor, torch.Tensor | None]]:
        """The gradients with their graph. It holds the weights themselves, and lives until they are written to again:
        so they stay where they are until the next evaluation, or :meth:`restore`."""
        with torch.enable_grad():
            return self._differentiated(self._called(at), True)

    def _called(self, at: Vector) -> torch.Tensor:
        self.state.restore()
        self._evaluations += 1
        with torch.no_grad():
            for name, part in parted(at, self.shapes).items():
                self.tensors[name].copy_(torch.from_numpy(np.array(part)))
        seed_everything(self.seed)
        self.counts["forward"] += 1
        with torch.enable_grad(), raising_in("loss"):
            value: torch.Tensor = self.call()
        return value

    def _differentiated(self, value: torch.Tensor, again: bool) -> list[tuple[torch.Tensor, torch.Tensor | None]]:
        self.counts["backward"] += 1
        found = torch.autograd.grad(value, list(self.tensors.values()), create_graph=again, allow_unused=True)
        return list(zip(self.tensors.values(), found, strict=True))

    @staticmethod
    def _array(tensor: torch.Tensor, gradient: torch.Tensor | None) -> Any:
        return np.zeros(tuple(tensor.shape)) if gradient is None else to_array(gradient)

    def _refuse(self) -> None:
        try:
            for tensor in self.tensors.values():
                if not tensor.requires_grad:
                    tensor.requires_grad_(True)
            with self._at(self.start) as value:
                if not isinstance(value, torch.Tensor) or value.numel() != 1:
                    shape = tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
                    raise GradcheckError(f"loss: it gives {shape}; it must return one number, as a tensor")
                if not bool(torch.isfinite(value)):
                    raise GradcheckError(
                        f"loss: it is {float(value.detach())} at these weights; give weights where it is finite"
                    )
                if not value.requires_grad or all(g is None for _, g in self._differentiated(value, False)):
                    raise GradcheckError(
                        "loss: it does not depend on the parameters (or was detached, by .item() or no_grad); return "
                        "it as a tensor computed from them"
                    )
                first = float(value.detach())
            second = self.loss(self.start)
            if abs(second - first) > _KERNELS * self.epsilon * abs(first):
                raise GradcheckError(
                    f"loss: at the same weights, with all random generators seeded, it is {first:.6g} and then "
                    f"{second:.6g}; give one that does not change from call to call"
                )
        except BaseException:
            self.restore()
            raise
