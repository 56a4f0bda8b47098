"""A training with nothing around it but what finds births."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import nn

from gradcheck.health.sample import Birth
from gradcheck.watching.pytorch.births import BirthWatch
from gradcheck.watching.pytorch.calls import CallMode
from gradcheck.watching.pytorch.replay.finite import is_finite


class Births:
    """Follows ``model`` and the optimizers' steps; ``found`` and ``unseen`` tell what came of it."""

    def __init__(self, model: nn.Module, *optimizers: torch.optim.Optimizer) -> None:
        self.found: list[Birth] = []
        self.unseen: list[str] = []
        self.step = 0
        self.calls = CallMode()
        self.model = model
        self.watch = BirthWatch(model, self.calls, self.found.append, self.unseen.append)
        self.calls.before_backward.append(self.watch.backward_begins)
        self.names = {id(p): name for name, p in model.named_parameters()}
        self.handles: list[Any] = [
            model.register_forward_pre_hook(
                lambda m, a, k: self.watch.forward_begins(a, k, self.step), with_kwargs=True, prepend=True
            ),
            model.register_forward_hook(lambda m, a, out: self.watch.forward_ends(out), always_call=True),
        ]
        for optimizer in optimizers:
            self.handles.append(optimizer.register_step_pre_hook(self._before))
            self.handles.append(optimizer.register_step_post_hook(self._after))

    def _before(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        with self.calls.paused():
            bad = [p for p in parameters if p.grad is not None and not is_finite(p.grad)]
            norms = [float(p.grad.norm()) for p in parameters if p.grad is not None]
            largest = max(norms, default=0.0)
        if bad:
            self.watch.gradients_bad([self.names.get(id(p), "?") for p in bad], self.step)
        self.watch.update_begins(optimizer, largest)

    def _after(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        bad = [self.names.get(id(p), "?") for p in parameters if not is_finite(p)]
        if bad:
            self.watch.weights_bad(bad)
        self.step += 1
        self.watch.step_ended(self.step)

    def __enter__(self) -> Births:
        self.calls.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.watch.close()
        self.calls.__exit__(*error)
        for handle in self.handles:
            handle.remove()

    # the innermost frame of the user's is the one that calls the optimizer
    _before.__code__ = _before.__code__.replace(co_filename="<frozen births>")

    @property
    def birth(self) -> Birth:
        """The one birth that was found."""
        (birth,) = self.found
        return birth


FAILING = 2  # the step at which the planted faults show


def spike(like: torch.Tensor, index: tuple[int, ...], value: float) -> torch.Tensor:
    """Zeros but for one entry."""
    found = torch.zeros_like(like)
    found[index] = value
    return found


class Net(nn.Module):
    """linear, what is under test, linear. ``on`` is True in the step that fails."""

    def __init__(self, middle: Any = None) -> None:
        super().__init__()
        self.fc1 = nn.Linear(4, 6)
        self.fc2 = nn.Linear(6, 3)
        self.middle = middle
        self.on = False

    def forward(self, x: torch.Tensor) -> Any:
        h = self.fc1(x)
        if self.middle is not None:
            h = self.middle(h, self.on)
        return self.fc2(h)


def train(model: Any, loss_of: Any, steps: int = 4, make: Any = None, before: Any = None) -> Births:
    """Train for a few steps on noise; ``loss_of(output, target, on)`` and ``before(x)`` are the user's."""
    torch.manual_seed(0)
    optimizer = make(model.parameters()) if make else torch.optim.SGD(model.parameters(), lr=0.01)
    data = [(torch.randn(5, 4), torch.randint(3, (5,))) for _ in range(steps)]
    with Births(model, optimizer) as births:
        for step, (x, target) in enumerate(data):
            model.on = step == FAILING
            if before is not None:
                before(x, model)
            optimizer.zero_grad()
            loss = loss_of(model(x), target, model.on)
            loss.backward()
            optimizer.step()
    return births


def line_of(function: Any, mark: str = "# born") -> int:
    """The number of the marked line in a function's or class's source."""
    lines, first = inspect.getsourcelines(function)
    (found,) = (first + k for k, line in enumerate(lines) if mark in line)
    return found
