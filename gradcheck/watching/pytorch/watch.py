"""A PyTorch training under watch: what is hooked into it, and what happens when."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import nn

from gradcheck.health.sample import Sample
from gradcheck.watching.health import Health
from gradcheck.watching.marks import loss_number
from gradcheck.watching.pytorch.birth_by_hand import is_own
from gradcheck.watching.pytorch.births import BirthWatch
from gradcheck.watching.pytorch.calls import Call
from gradcheck.watching.pytorch.closures import Arguments, with_end
from gradcheck.watching.pytorch.gradient_clips import CLIPPING, GradientClips
from gradcheck.watching.pytorch.hearing import HEARD_INSIDE, Hearing
from gradcheck.watching.pytorch.instead import Instead, in_backward, in_transform
from gradcheck.watching.pytorch.layers import LayerWatch, batch_of
from gradcheck.watching.pytorch.listening import Listening
from gradcheck.watching.pytorch.optimizers import Optimizers
from gradcheck.watching.pytorch.output import OutputWatch
from gradcheck.watching.pytorch.parameters import ParameterWatch, gradient_norm, gradient_norms
from gradcheck.watching.pytorch.replay import bare
from gradcheck.watching.pytorch.scaling import SCALING, UNSCALE, Scaling
from gradcheck.watching.pytorch.shards import class_name, undistributed
from gradcheck.watching.pytorch.unseen import NOT_CALLED, UNDER_TRANSFORM
from gradcheck.watching.pytorch.updates import hear_updates
from gradcheck.watching.pytorch.value_clips import ValueClips

__all__ = ["TorchHealth"]


class TorchHealth(Health):
    """Watches a ``torch.nn.Module`` while it is trained.

    A step ends when its optimizer has made one (each of them, where there are several); where there is none, with
    :meth:`step`, or with the next forward after a backward.
    """

    style = "torch.nn.Module"

    def __init__(
        self,
        model: nn.Module,
        optimizers: Sequence[torch.optim.Optimizer] = (),
        *,
        every: int | None = None,
        on: Literal["report", "raise"] = "report",
        callback: Callable[[Sample], object] | None = None,
        name: str | None = None,
    ) -> None:
        plain = bare(model)
        super().__init__(name or class_name(plain), every=every, on=on, callback=callback)
        self._model = model
        self._parameters = ParameterWatch(plain)
        self._optimizers = Optimizers(optimizers, self._parameters.named)
        self._layers = LayerWatch(undistributed(model), self.monitor.unseen, self.monitor.failed)
        self._calls = Hearing()
        self._listening = Listening(self._calls)
        self._births = BirthWatch(model, self._calls, self.born, self.monitor.unseen)
        self._value_clips, self._output, self._scaling = ValueClips(), OutputWatch(), Scaling()
        self._gradient_clips = GradientClips(self._parameters.named, self._gradients_change)
        self._births.by_hand = not self._optimizers.all
        self._undo: list[Callable[[], None]] = []
        self._step = 0
        self._updating: list[int] = []  # optimizers in whose step we are, the outermost first
        self._sampling = self._inside = False  # the model's forward
        self._called = self._transformed = self._marked = False  # the model; under torch.func; by health.step()
        self._begin_step()

    def _begin_step(self) -> None:
        self._loss: float | None = None
        self._norms: Mapping[str, float] | None = None  # of the gradients: {} where their total alone is known
        self._total: float | None = None
        self._backwards = self._forwards = self._count = 0
        self._evaluations, self._adversaries, self._others_stepped = 1, False, False
        self._stepped: set[int] = set()

    def start(self) -> None:
        """Begin to watch."""
        self._undo.append(Instead(self._model, self._forward_of_the_model).remove)
        self._undo.append(hear_updates(self._update_begins, self._update_ends))
        self._calls.before_backward.append(self._backward_begins)
        self._calls.after_backward.append(self._backward_ends)
        self._calls.listen(self._heard_always)
        self._listening.enter()
        self._next_step()

    def stop(self) -> None:
        """Put everything back."""
        try:
            self._births.close()
            if self._backwards and not self._optimizers.all:
                self._end_step()
        finally:
            self._listening.leave()
            self._layers.detach()
            while self._undo:
                self._undo.pop()()

    def dtypes(self) -> str:
        """The floating-point types of the parameters, as the report shows them."""
        return ", ".join(dict.fromkeys(str(p.dtype).removeprefix("torch.") for p in self._parameters.named.values()))

    def step(self, loss: object = None, *, outputs: object = None, labels: object = None) -> None:
        """Mark the end of a training step that no optimizer of PyTorch makes, or give the loss of one.

        The ``loss`` is only needed without ``loss.backward()``, the others where no loss function of PyTorch is used.
        """
        __tracebackhide__ = True
        value = loss_number(loss.detach().cpu() if isinstance(loss, torch.Tensor) else loss)
        if outputs is not None and labels is not None and self._sampling:
            self._output.given(outputs, labels)
        if self._optimizers.all:
            if value is not None and not self._had_loss:
                self.monitor.step(self._step - 1, value)
            return
        self._marked = True
        self._loss = value if self._loss is None else self._loss
        if self._norms is None:
            self._check_gradients(self._parameters.named)
        if self._sampling:
            self.measured(self._parameters.note_gradients, self._norms or {})
        self._end_step()

    def _forward_of_the_model(self, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._births.replaying or self._inside or in_backward():
            return call(*args, **kwargs)
        transformed = in_transform()
        if transformed:
            self._transformed = True
            self.monitor.unseen(UNDER_TRANSFORM.format(self.subject))
        if transformed or not torch.is_grad_enabled():
            heard = self._listening.end()
            try:
                return call(*args, **kwargs)
            finally:
                if heard:
                    self._listening.begin()
        self._forward_begins(args, kwargs)
        result = None
        try:
            result = call(*args, **kwargs)
        finally:
            self._inside = self._layers.live = False
            self._calls.only = None
            self._births.forward_ends(result)
            self._listening.begin()
        if self._sampling:
            self.measured(self._layers.output, result)
        return result

    def _forward_begins(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._listening.end()
        self._calls.between = False
        if not self._updating:
            if self._stepped or (self._backwards and not self._optimizers.all and not self._marked):
                self._end_step()
            elif self._backwards and self._scaling.skipped():
                self._births.step_ended(self._step)
                self._next_step(again=True)
        self._called = self._inside = True
        self._forwards += 1
        self._layers.anywhere = False
        self._births.forward_begins(args, kwargs, self._step)
        if self._updating and self._parameters.moved():
            self._evaluations += 1
        if self._sampling and self._evaluations == 1:
            self._count += self.measured(batch_of, (*args, *kwargs.values())) or 0
            self._layers.live = True
            if not self._optimizers.all:
                self.measured(self._parameters.note_weights, self._step == 0)
            self._calls.only = HEARD_INSIDE
            self._listening.begin()

    def _heard_always(self, call: Call) -> None:
        if self._births.replaying:
            return
        if call.caller.co_filename in (CLIPPING, SCALING):
            self._gradient_clips.heard(call)
            self._scaling.heard(call)
        if call.function is UNSCALE and self._scaling.in_vain(call):
            self._check_gradients(self._parameters.named, by_name=True)
        if self._sampling and self._evaluations == 1:
            self.measured(self._heard_sampled, call)

    def _heard_sampled(self, call: Call) -> None:
        self._layers.heard(call)
        self._value_clips.heard(call, self._layers.last)
        self._output.heard(call)

    def _backward_begins(self, loss: torch.Tensor, given: dict[str, Any]) -> None:
        __tracebackhide__ = True
        self._calls.between = False
        if self._births.replaying:
            return
        self._adversaries |= bool(self._stepped) or self._others_stepped  # another loss, for who has not stepped yet
        plain, value = self._scaling.plain(loss), None
        if self._sampling and self._updating and self._evaluations == 1:
            self._parameters.forget_gradients()  # those that were there when the optimizer began
        elif self._sampling and self._step > 0 and not self._updating:
            self.measured(self._parameters.note_carried)
        if self._concerned() and self._evaluations == 1 and plain.numel() == 1 and plain.requires_grad:
            value = float(plain.detach())
            self._loss = value if self._loss is None else self._loss + value
        self._births.backward_begins(loss, given, plain, value)

    def _concerned(self) -> bool:
        """Whether what the program does now can be a step of this model: it was called."""
        parts = self._optimizers.given or not self._sampling or self._layers.any_called
        return self._forwards > 0 or (not self._called and parts)

    def _backward_ends(self, _: torch.Tensor) -> None:
        if self._forwards or self._concerned():
            self._backwards += 1
            self._norms = self._total = None
        self._calls.zeroing = True

    # The optimizer's step

    def _update_begins(self, optimizer: torch.optim.Optimizer, *given: Any) -> Arguments | None:
        __tracebackhide__ = True
        if torch.compiler.is_compiling() or self._births.replaying:
            return None
        if id(optimizer) in self._updating:  # its last step ended in an error
            self._updating.clear()
        if self._updating or not self._optimizers.know(optimizer):
            self._others_stepped |= self._backwards > 0 and not self._updating  # else ours uses it
            return None
        self._updating.append(id(optimizer))
        self._listening.end()  # before anything is asked of a parameter: each answer would be heard
        then = with_end(given, lambda: self._gradients_complete(optimizer), when=lambda: self._evaluations == 1)
        self._parameters.versions = None
        if then is not None or is_own(optimizer):  # it may move the weights before it calls the model
            self._parameters.moved()
        if self._sampling and not self._stepped:
            self.measured(self._parameters.note_weights, self._step == 0)
        self._gradients_complete(optimizer, now=then is None or self._backwards > 0)
        return then

    def _gradients_complete(self, optimizer: torch.optim.Optimizer, now: bool = True) -> None:
        """The weights are about to move; not ``now``: by gradients that a closure will make."""
        __tracebackhide__ = True
        self._listening.end()
        if self._norms is None and now:
            self._check_gradients(self._optimizers.looked_at_with(optimizer))
        heard = self._births.update_begins(optimizer, self._total)
        if self._sampling and not self._stepped and now:
            self.measured(self._parameters.note_gradients, self._norms or {})
        if heard:
            self._listening.begin()

    def _update_ends(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        __tracebackhide__ = True
        if self._updating != [id(optimizer)]:
            return
        self._stepped |= self._optimizers.counted(self._updating.pop(), not (self._forwards or self._backwards))
        self._listening.end()  # a closure may have called the model
        if self._norms is None and self._backwards:
            self._check_gradients(self._optimizers.looked_at_with(optimizer))
            if self._sampling:
                self.measured(self._parameters.note_gradients, self._norms or {})
        by_call = self._forwards > 0
        try:
            if self._optimizers.have_stepped(self._stepped):
                self._end_step()
            else:
                self._norms = None  # those of the next optimizer were not looked at
                self._births.update_ended()
        finally:
            self._calls.between = by_call and not self._stepped
            if not self._calls.between or self._calls.worthwhile():
                self._listening.begin()

    def _gradients_change(self) -> Mapping[str, float]:
        """Gradients are about to be clipped: see them before."""
        if self._norms is None and self._scaling.at_backward <= 1.0:  # else a step with infinities is left out
            self._check_gradients(self._parameters.named, by_name=True)
        norms = self._norms = self._norms or gradient_norms(self._parameters.named)
        self._total = math.hypot(*norms.values())
        if self._sampling:
            self.measured(self._parameters.note_gradients, norms)
        return norms

    def _check_gradients(self, parameters: Mapping[str, nn.Parameter], by_name: bool = False) -> None:
        __tracebackhide__ = True
        total = None if by_name or self._sampling else gradient_norm(parameters.values())
        self._norms = {} if total is not None else gradient_norms(parameters)
        fresh, self._total = self._total is None, math.hypot(*self._norms.values()) if total is None else total
        if not math.isfinite(self._total):
            self._births.gradients_bad([n for n, norm in self._norms.items() if not math.isfinite(norm)], self._step)
        if fresh:
            self.schedule.saw("gradient", self._total)

    # The end of a step

    def _end_step(self) -> None:
        __tracebackhide__ = True
        step, loss = self._step, self._loss
        sample = self.measured(self._sample) if self._sampling else None
        self._had_loss = loss is not None
        if not self._called and not self._transformed:
            self.monitor.unseen(NOT_CALLED.format(self.subject))
        self.monitor.step(step, loss)
        if loss is not None:
            self.schedule.saw("loss", loss)
        if sample is not None:
            bad = [p.name for p in sample.parameters if p.update is not None and p.update.bad]
            if bad and all(p.gradient is None or not p.gradient.bad for p in sample.parameters):
                self._births.weights_bad(bad)
        self._births.by_hand = not self._optimizers.all
        self._births.step_ended(step + 1)
        self._calls.zeroing = False
        self._step += 1
        self._next_step()
        if sample is not None:
            self.observe(sample)

    def _next_step(self, again: bool = False) -> None:
        """Begin a step; ``again``: the last one was skipped, and this has its number."""
        sampled = self._sampling
        if sampled:
            self._layers.detach()
        if not again:
            self._sampling = self.schedule.samples(self._step) and not self.monitor.blind
        self._begin_step()
        self._gradient_clips.forget(counts=self._sampling)
        if self._sampling:
            for part in (self._parameters, self._value_clips, self._output):
                part.forget()
            self._parameters.shown = self.monitor.wanted
            self.measured(self._layers.attach, closely=self._step == 0, shown=self.monitor.wanted)
        elif sampled:
            self._parameters.release()
            self._layers.forget()

    def _sample(self) -> Sample:
        made = Sample(self._step, self._loss, self._count, first=self._step == 0, evaluations=self._evaluations)
        made.adversaries, made.maximized = self._adversaries, self._optimizers.maximize
        made.layers = self._layers.samples(self._scaling.at_backward)
        reached = {layer.name for layer in made.layers if layer.gradient is not None and layer.gradient.norm > 0}
        marked = bool(self._stepped) or not self._optimizers.all
        made.parameters = self._parameters.samples(self._optimizers.all, self._layers.before_norm, reached, marked)
        made.output = self._output.sample(self._loss)
        made.value_clips, made.gradient_clips = self._value_clips.samples(), self._gradient_clips.samples()
        return made
