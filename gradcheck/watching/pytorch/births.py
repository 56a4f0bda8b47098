"""The birth of a NaN or an infinity in a PyTorch training, found by doing the failing step again."""

from __future__ import annotations

import contextlib
import inspect
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from gradcheck.health.sample import Birth
from gradcheck.watching.pytorch.birth_by_hand import ByHand, is_own
from gradcheck.watching.pytorch.birth_update import Update
from gradcheck.watching.pytorch.calls import Call, CallMode
from gradcheck.watching.pytorch.replay import Lost, Replay, bare, bare_name
from gradcheck.watching.pytorch.replay.alone import Together
from gradcheck.watching.pytorch.replay.birth import birth_of, elsewhere, first_of, gradients_text
from gradcheck.watching.pytorch.replay.finite import is_finite
from gradcheck.watching.pytorch.replay.live import Live
from gradcheck.watching.pytorch.replay.origins import Operation, Source
from gradcheck.watching.pytorch.replay.state import Keeper
from gradcheck.watching.pytorch.replay.tape import Tape

__all__ = ["BirthWatch"]

_ZEROING = inspect.unwrap(torch.optim.Optimizer.zero_grad).__code__
_VERSION = operator.attrgetter("_version")
_MOST_REPLAYS = 8  # a training that fails at every step is not done twice at every step


class BirthWatch:
    """Keeps what a step needs to be done again, and does it again when a loss or a gradient is not finite.

    Attributes:
        replaying: True while a step is done again: hooks that others put on the model then have nothing to do.
        by_hand: Whether the program may move the weights itself, without an optimizer.
        averaged: Whether gradients are averaged over several processes in the backward.
        spread: Whether no process has all of the weights, so that the forward cannot be done again by one of them.
    """

    def __init__(
        self, model: nn.Module, calls: CallMode, born: Callable[[Birth], None], unseen: Callable[[str], None]
    ) -> None:
        self.replaying = False
        self.by_hand = True
        self.averaged = False
        self.spread = any("fsdp" in type(module).__module__ for module in model.modules())
        self._output: Any = None
        self._hand: ByHand | None = None
        self._deaf = False  # inside of the forward, or of PyTorch's own update
        self._own = self._updating = False  # an optimizer of the user's own; any, before it calls the model
        self._model = bare(model)
        self._root = model
        self._calls = calls
        self._born = born
        self._unseen = unseen
        self._keeper = Keeper(self._model)
        self._tape = Tape()
        self._step = 0
        self._depth = 0
        self._replays = 0
        self._failed = False  # this step, or a micro-batch of it, was looked into already
        self._parameters = tuple(model.parameters())
        self._versions: int | None = None
        self._told: set[object] = set()
        self._update: Update | None = None
        self._armed = False
        self._live: Live | None = None
        self._owed: Birth | None = None
        calls.passed_over = _ZEROING
        calls.listen(self._heard)
        calls.before_drawing.append(self._draw_begins)

    def forward_begins(self, args: tuple[Any, ...], kwargs: dict[str, Any], step: int) -> None:
        """The model is called, in the step of this number."""
        if self.replaying:
            return
        self._depth += 1
        if self._depth > 1:
            return
        self._deaf = True
        self._updating = False
        # What there is nothing to do for is not called, here and below: code that runs once a step is in no cache.
        if self._hand is not None:
            self._end_hand()
        if self._tape.entries:
            self._check_pending()
        self._step = step
        if self._moved():  # without an optimizer that is watched: this is another step
            self._forget()
        if self._armed and self._live is None:
            self._armed = False
            self._live = Live(self._model, self._calls)
            self._live.start()
        if self._live is not None:
            self._live.forward_begins(args, kwargs)
        elif torch.is_grad_enabled():
            self._tape.forward_begins(args, kwargs, self._keeper.keep())

    def forward_ends(self, output: Any = None) -> None:
        """The model has returned ``output``."""
        if self.replaying:
            return
        self._depth = max(self._depth - 1, 0)
        if self._depth > 0:
            return
        if self._live is not None:
            self._live.origins.phase = "loss"
        elif torch.is_grad_enabled():
            self._tape.forward_ends(output)
            self._output = output if self.spread else None
            if self._keeper.learning:
                self._keeper.learn()
        self._deaf = False

    def backward_begins(
        self,
        loss: torch.Tensor,
        given: dict[str, Any] | None = None,
        plain: torch.Tensor | None = None,
        value: float | None = None,
    ) -> None:
        """A backward is about to run; ``plain``: the loss before it was scaled; ``value``: that, where it is known."""
        if self.replaying:
            return
        if self._live is not None:
            self._live.losses.append(loss.detach())
            self._live.origins.phase = "backward"
        plain = loss if plain is None else plain
        # On a GPU the program would have to wait for the loss, and its gradients tell. A scaler waits by itself, and
        # no step follows in which gradients are looked at.
        looked = plain is not loss or not loss.is_cuda
        if looked and not (is_finite(plain) if value is None else math.isfinite(value)):
            self._find(plain, (), self._step, "")
        self._tape.backward_begins(loss, given or {})
        if (self.by_hand or self._own) and self._hand is None:
            self._hand = ByHand(self._model, self._calls)
        self._calls.passed_over = None  # from here on a gradient that is zeroed is another one

    def gradients_bad(self, names: Sequence[str], step: int) -> None:
        """These parameters' gradients are not finite, and the optimizer is about to use them."""
        if not self.replaying:
            self._find(None, names, step, "")

    def update_begins(self, optimizer: torch.optim.Optimizer, largest: float | None = None) -> bool:
        """The optimizer begins to move the weights. Returns whether it is to be heard: what PyTorch's own call is not.

        Args:
            optimizer: The one whose step begins.
            largest: The norm of all its gradients, or of the largest, where that is known.
        """
        if self._live is not None:
            self._end_live()
        self._own, self._updating = is_own(optimizer), True
        self._hand = ByHand(self._model, self._calls) if self._own else None
        self._deaf = not self._own
        self._update = Update(optimizer, self._step, largest)
        return self._own

    def weights_bad(self, names: Sequence[str]) -> None:
        """The update, which has just ended, has left these parameters not finite."""
        self._end_hand()
        if not self._failed and self._update is not None:
            self._failed = True
            names = [bare_name(name, self._root) for name in names]
            birth = self._update.birth(names, dict(self._model.named_parameters()), "")
            if birth is not None:
                self._tell(birth)

    def update_ended(self) -> None:
        """An optimizer has moved its weights; the step may go on, to another's loss."""
        if self._hand is not None:
            self._end_hand()
        self._own = self._updating = self._deaf = False

    def step_ended(self, following: int) -> None:
        """The weights have moved; what was kept of the step is forgotten. The next has the number ``following``."""
        self.update_ended()
        self._moved()
        self._forget()
        self._step = following  # also of a model of which only parts are called

    def close(self) -> None:
        """The watch ends; a loss that was not finite and had no backward is looked into."""
        self._deaf = True
        self._end_hand()
        self._check_pending()
        self._end_live()
        self._pay()
        self._tape.clear()

    def _forget(self) -> None:
        self._tape.clear()
        self._output = None
        self._failed = False
        self._calls.passed_over = _ZEROING

    def _moved(self) -> bool:
        """Whether any weight was written to since the last time that this was asked."""
        before, self._versions = self._versions, sum(map(_VERSION, self._parameters))
        return before is not None and before != self._versions

    def _draw_begins(self) -> None:
        if self._depth == 0 and not self._updating and not self.replaying:
            self._tape.draw_begins()

    def _heard(self, call: Call) -> None:
        if self._deaf:
            return
        if self._hand is not None:
            self._hand.heard(call)
        if not self._updating:
            self._tape.call(call)

    def _end_hand(self) -> None:
        """What the program itself did to the weights is done."""
        hand, self._hand = self._hand, None
        birth = hand.birth(self._step) if hand is not None and not self._failed else None
        if birth is not None:
            self._failed = True
            self._tell(birth)

    def _check_pending(self) -> None:
        """The last loss had no backward: look whether that was because it is not finite."""
        loss = self._tape.pending()
        if loss is not None and not math.isfinite(loss.item()):
            where = loss if self._live is not None else self._tape.last_scalar()
            self._find(where, (), self._step, "backward was not called for this loss")
            self._forget()

    def _find(self, loss: Any, names: Sequence[str], step: int, remark: str) -> None:
        held = self._tape.held(loss)
        names = [bare_name(name, self._root) for name in names]
        if self._failed or self._replays >= _MOST_REPLAYS or self._tape.from_scaling(held):
            return
        self._failed = True
        self._replays += 1
        self.replaying = True
        try:
            with self._calls.paused():
                if self._live is not None:
                    birth = self._followed(self._live, loss, names, step)
                else:
                    birth = self._replayed(held, names, step, remark)
        finally:
            self.replaying = False
        if birth is not None:
            self._tell(birth)

    def _tell(self, birth: Birth) -> None:
        self._owed = None
        key = (birth.operation, birth.phase, birth.where and (birth.where.file, birth.where.line))
        if key not in self._told:
            self._told.add(key)
            self._born(birth)

    def _replayed(self, loss: Any, names: Sequence[str], step: int, remark: str) -> Birth | None:
        if self._tape.full:
            self._arm(names, step, "it makes too many calls outside the model")
            return None
        if self.spread:
            return self._outside_of_model(loss, names, step, remark)
        replay = Replay(self._root, self._tape)
        try:
            replay.run(loss)
        except (Lost, Together) as lost:
            self._arm(names, step, str(lost))
            return None
        except Exception as error:  # whatever the user's code may raise when it is run a second time
            self._arm(names, step, f"it raised {type(error).__name__}: {error}")
            return None
        bad = [replay.gradients[name] for name in names if name in replay.gradients] if names else replay.losses[-1:]
        born = first_of(replay, bad)
        if born is None and names and self.averaged:
            return elsewhere(step, names)
        if born is None:
            self._arm(names, step, "run again, it was finite")
            return None
        return self._birth(replay, born, step, names, remark)

    def _outside_of_model(self, loss: Any, names: Sequence[str], step: int, remark: str) -> Birth | None:
        """Look for the birth in what became of the model's output, which is there: it needs no other process."""
        if loss is not None:
            replay = Replay(self._root, self._tape, forward=False)
            with contextlib.suppress(Exception):  # whatever the user's code may raise when it is run a second time
                replay.run(loss)
            born = first_of(replay, replay.losses[-1:])
            if isinstance(born, Operation):
                return birth_of(replay, born, step, names, remark)
        self._arm(names, step, "the weights are spread over several processes", follow=False)
        return None

    def _followed(self, live: Live, loss: Any, names: Sequence[str], step: int) -> Birth | None:
        parameters = dict(self._model.named_parameters())
        grads = [parameters[name].grad for name in names if name in parameters]
        born = first_of(live, [loss] if loss is not None else [grad for grad in grads if grad is not None])
        return None if born is None else self._birth(live, born, step, names, "found in the step after, as it ran")

    def _birth(
        self, found: Replay | Live, born: Operation | Source, step: int, names: Sequence[str], remark: str
    ) -> Birth | None:
        if isinstance(born, Source) and born.role in ("parameter", "buffer"):
            if self._told:
                return None  # what follows from a birth that is known
            if self._owed is not None:
                return self._owed  # or from one that was not found
            if self._update is not None and born.role == "parameter":
                parameters = dict(self._model.named_parameters())
                guilty = not self._update.leaves_no_nan(parameters.get(born.name))
                late = "found when the next step failed"
                birth = self._update.birth(list(parameters), parameters, late) if guilty else None
                if birth is not None:
                    return birth
        return birth_of(found, born, step, names, remark)

    def _arm(self, names: Sequence[str], step: int, why: str, follow: bool = True) -> None:
        """The step cannot be done again. Follow the next one as it runs, where that is possible."""
        self._armed = follow and self._root is self._model
        then = "; the next step is followed" if self._armed else ""
        if self._armed or not self._told:
            self._unseen(f"step {step} was not finite and could not be done again: {why}{then}")
        self._owed = Birth(
            step=step,
            phase="backward" if names else "forward",
            what="NaN",
            operation="an operation that was not found",
            where=None,
            consequences=gradients_text(names),
            remark=why,
            inputs="unknown",
        )
        if not self._armed:
            self._pay()

    def _end_live(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
            self._pay()

    def _pay(self) -> None:
        """A step that was not finite is told of, also where nothing was found."""
        owed, self._owed = self._owed, None
        if owed is not None and not self._told:
            self._tell(owed)
