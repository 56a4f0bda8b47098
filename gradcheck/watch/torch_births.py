"""The birth of a NaN or an infinity in a PyTorch training, found by doing the failing step again."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from gradcheck.health.sample import Birth
from gradcheck.watch.torch_calls import Call, CallMode
from gradcheck.watch.torch_replay import Lost, Replay
from gradcheck.watch.torch_replay_birth import birth_of, first_of
from gradcheck.watch.torch_replay_finite import is_finite
from gradcheck.watch.torch_replay_state import Keeper
from gradcheck.watch.torch_replay_tape import Outside, Tape

__all__ = ["BirthWatch"]

_MOST_REPLAYS = 8  # a training that fails at every step is not done twice at every step


class BirthWatch:
    """Keeps what a step needs to be done again, and does it again when a loss or a gradient is not finite.

    Attributes:
        replaying: True while a step is done again: hooks that others put on the model then have nothing to do.
    """

    def __init__(
        self, model: nn.Module, calls: CallMode, born: Callable[[Birth], None], unseen: Callable[[str], None]
    ) -> None:
        self.replaying = False
        self._model = model
        self._calls = calls
        self._born = born
        self._unseen = unseen
        self._keeper = Keeper(getattr(model, "_orig_mod", model))
        self._tape = Tape()
        self._step = 0
        self._depth = 0
        self._replays = 0
        self._told: set[object] = set()
        self._optimizer: torch.optim.Optimizer | None = None
        calls.listen(self._heard)

    def forward_begins(self, args: tuple[Any, ...], kwargs: dict[str, Any], step: int) -> None:
        """The model is called, in the step of this number."""
        if self.replaying:
            return
        self._depth += 1
        if self._depth > 1:
            return
        self._calls.unlisten(self._heard)
        self._check_pending()
        self._step = step
        if torch.is_grad_enabled():
            self._tape.forward_begins(args, kwargs, self._keeper.keep())

    def forward_ends(self) -> None:
        """The model has returned."""
        if self.replaying:
            return
        self._depth = max(self._depth - 1, 0)
        if self._depth == 0:
            if torch.is_grad_enabled():
                self._tape.forward_ends()
                self._keeper.learn()
            self._calls.listen(self._heard)

    def backward_begins(self, loss: torch.Tensor, given: dict[str, Any] | None = None) -> None:
        """``loss.backward(**given)`` is about to run."""
        if self.replaying:
            return
        if not is_finite(loss):
            self._find(self._tape.held(loss), (), self._step, "")
        self._tape.backward_begins(loss, given or {})

    def gradients_bad(self, names: Sequence[str], step: int) -> None:
        """These parameters' gradients are not finite, and the optimizer is about to use them."""
        if not self.replaying:
            self._find(None, names, step, "")

    def update_begins(self, optimizer: torch.optim.Optimizer) -> None:
        """The optimizer begins to move the weights. What it calls is not kept."""
        self._optimizer = optimizer
        self._calls.unlisten(self._heard)

    def weights_bad(self, names: Sequence[str], step: int) -> None:
        """The update has left these parameters not finite."""

    def step_ended(self) -> None:
        """The weights have moved; what was kept of the step is forgotten."""
        self._tape.clear()
        self._calls.listen(self._heard)

    def close(self) -> None:
        """The watch ends; a loss that was not finite and had no backward is looked into."""
        if not self.replaying:
            self._calls.unlisten(self._heard)
            self._check_pending()
            self._tape.clear()

    def _heard(self, call: Call) -> None:
        if not self.replaying:
            self._tape.call(call)

    def _check_pending(self) -> None:
        """The last loss had no backward: look whether that was because it is not finite."""
        loss = self._tape.pending()
        if loss is None:
            return
        if not math.isfinite(loss.item()):
            self._find(self._tape.last_scalar(), (), self._step, "backward was not called for this loss")
            self._tape.clear()

    def _find(self, loss: Any, names: Sequence[str], step: int, remark: str) -> None:
        if self._replays >= _MOST_REPLAYS or self._from_scaling(loss):
            return
        self._replays += 1
        self.replaying = True
        try:
            with self._calls.paused():
                birth = self._replayed(loss, names, step, remark)
        finally:
            self.replaying = False
        if birth is None:
            return
        key = (birth.operation, birth.phase, birth.where and (birth.where.file, birth.where.line))
        if key not in self._told:
            self._told.add(key)
            self._born(birth)

    def _from_scaling(self, loss: Any) -> bool:
        """Whether the loss overflowed in a gradient scaler's product, which then skips the step by itself."""
        entry = self._tape.entries.get(getattr(loss, "entry", -1))
        return isinstance(entry, Outside) and entry.scaling

    def _replayed(self, loss: Any, names: Sequence[str], step: int, remark: str) -> Birth | None:
        replay = Replay(self._model, self._tape)
        try:
            replay.run(loss)
        except Lost as lost:
            self._unseen(f"step {step} could not be done again: {lost}")
            return None
        except Exception as error:
            self._unseen(f"step {step} could not be done again: it raised {type(error).__name__}: {error}")
            return None
        bad = [replay.gradients[name] for name in names if name in replay.gradients] if names else replay.losses[-1:]
        born = first_of(replay, bad)
        if born is None:
            self._unseen(f"step {step} was not finite, and was when it was done again")
            return None
        return birth_of(replay, born, step, names, remark)
