"""The layers of a PyTorch module in one step: their outputs, and the gradients with respect to them."""

from __future__ import annotations

import re
import sys
import weakref
from collections.abc import Callable, Collection
from typing import Any

import torch
from torch import nn

from gradcheck.health.sample import LayerSample
from gradcheck.report import Where
from gradcheck.watching.pytorch.calls import Call, Place
from gradcheck.watching.pytorch.gates import gates_of
from gradcheck.watching.pytorch.instead import Instead, in_backward, in_transform
from gradcheck.watching.pytorch.kinds import FUNCTIONS, cancels_bias, is_layer, kind_of, passes
from gradcheck.watching.pytorch.latest import Latest
from gradcheck.watching.pytorch.record import ACTIVATIONS, Record
from gradcheck.watching.pytorch.sequences import inside, over_time
from gradcheck.watching.pytorch.shards import class_name
from gradcheck.watching.pytorch.slopes import slope_of
from gradcheck.watching.pytorch.spread import Taken
from gradcheck.watching.pytorch.unseen import WITHOUT_OTHERS

__all__ = ["LayerWatch", "batch_of"]

_GATED = re.compile(r"attention|attn|gru|lstm|rnn|cell|gate|squeeze|excit", re.IGNORECASE)
# Modules whose children are not called as modules, or are called by code that Python does not run.
_OPAQUE = (nn.MultiheadAttention, nn.DataParallel, torch.jit.ScriptModule)


class LayerWatch:
    """Looks at every layer of ``model`` in the steps for which it is attached.

    Layers are in the order in which they were first called. A layer that is called several times a step is one layer,
    and what a checkpoint computes again in the backward is not counted again.

    Attributes:
        live: Whether what is called now is part of the forward of a training step (a validation's is not).
        anywhere: Whether calls outside of the model's own forward count: it is not known to be called at all.
        last: The name of the module that was called last.
        before_norm: Names of layers whose output a normalisation takes the mean of, so that their bias has no effect.
    """

    def __init__(self, model: nn.Module, unseen: Callable[[str], None], failed: Callable[[Exception], None]) -> None:
        self._model = model
        self._unseen = unseen
        self._failed = failed
        self._instead: list[Instead] = []
        self._known: list[_Layer] = []
        self._records: dict[str, Record] = {}
        self._made: dict[int, tuple[weakref.ref[torch.Tensor], str, str]] = {}
        self._names: dict[tuple[object, ...], str] = {}
        self._places: dict[str, Where | None] = {}
        self._inside = 0  # a layer that is a layer by itself: the functions it calls are its own affair
        self._last_is_conv = self._closely = False
        self.last = ""
        self.live = False
        self.anywhere = True
        self.before_norm: set[str] = set()
        self._shown: Collection[str] = ()
        self._inputs: dict[str, Taken] = {}
        self._latest = Latest()

    def attach(self, closely: bool, shown: Collection[str] = ()) -> None:
        """Look at the layers from now on; ``closely``: at means and extremes too; at histograms of those ``shown``."""
        self._closely, self._shown = closely, shown
        self._records, self._made, self._inputs = {}, {}, {}
        self._latest = Latest()
        self.last, self._last_is_conv, self._inside = "", False, 0
        if not self._known:
            self._find(self._model, "", False, set())
        self._instead = [Instead(layer.module, layer) for layer in self._known if layer.module is not None]

    def detach(self) -> None:
        """Look no more."""
        while self._instead:
            self._instead.pop().remove()
        for record in self._records.values():
            record.closed = True

    @property
    def any_called(self) -> bool:
        """Whether any layer was called since :meth:`attach`."""
        return bool(self.last)

    def forget(self) -> None:
        """The model may have other layers when it is attached to again."""
        self._known = []

    def samples(self, scale: float = 1.0) -> list[LayerSample]:
        """What was seen since :meth:`attach`; gradients are divided by the loss's ``scale``."""
        return [record.sample(scale) for record in self._records.values()]

    def _find(self, module: nn.Module, name: str, gate: bool, seen: set[int]) -> None:
        if id(module) in seen:
            return
        seen.add(id(module))
        gate = gate or bool(_GATED.search(type(module).__name__))
        if is_layer(module):
            self._known.append(_Layer(self, module, name or type(module).__name__, gate))
            if unseen := inside(module, name or "the model"):
                self._unseen(unseen)
        if _compiled(module):
            self._unseen(f"{name or type(module).__name__} is compiled: the layers inside it were not looked at")
        elif not isinstance(module, _OPAQUE):
            for key, child in module.named_children():
                if key != "parametrizations":
                    self._find(child, f"{name}.{key}" if name else key, gate, seen)

    def called(self, layer: _Layer, args: tuple[Any, ...], kwargs: dict[str, Any], call: Callable[[], Any]) -> Any:
        """Call a layer and note what it gave."""
        again = in_backward()
        if again and not torch.is_grad_enabled():
            return call()  # PyTorch's reentrant checkpoint computes with gradients; anything else is not the step's
        if not again and (not self._counts() or in_transform()):
            return call()
        try:
            if layer.name in self._shown:
                self._look_at_input(layer.name, layer.kind, first_tensor(args))  # it may write over its input
        except Exception as error:  # in measuring: the training goes on
            self._failed(error)
        self._inside += layer.alone
        if layer.module is not None and cancels_bias(layer.module):
            given = first_tensor(args)
            made = self._made.get(id(given))
            if made is not None and made[0]() is given and made[2] in ("linear", "conv"):
                self.before_norm.add(made[1])
        try:
            result = call()
        finally:
            self._inside -= layer.alone
        try:
            self._gave(layer, result, again)
            if layer.kind == "rnn" and not again:
                self._computed_again(layer, args, kwargs, result)
        except Exception as error:  # in measuring: the training goes on
            self._failed(error)
        return result

    def _look_at_input(self, name: str, kind: str, given: object) -> None:
        """Take the entries that the histogram of an activation's input is made of."""
        if name in self._shown and kind in ACTIVATIONS and name not in self._inputs:
            with torch._C.DisableTorchFunction():
                if isinstance(given, torch.Tensor) and given.is_floating_point():
                    self._inputs[name] = Taken(given, "input")

    def _gave(self, layer: _Layer, result: Any, again: bool) -> None:
        output = first_tensor(result)
        with torch._C.DisableTorchFunction():  # the mode need not hear it
            if output is not None and (output.is_floating_point() or output.is_complex()):
                if layer.alone and layer.name not in self._places:
                    self._places[layer.name] = _place_inside()
                self._note(layer.name, layer.kind, output, layer, again)

    def _computed_again(self, layer: _Layer, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """The gates of a recurrent layer, of the first of its calls in the step."""
        record = self._records.get(layer.name)
        if record is not None and not record.gates:
            with torch._C.DisableTorchFunction():
                record.gates = gates_of(layer.module, args, kwargs, result)

    def heard(self, call: Call) -> None:
        """An activation that the forward calls as a function."""
        found = FUNCTIONS.get(call.function)
        if found is None or self._inside or not self._counts() or not isinstance(call.result, torch.Tensor):
            return
        if not self.live and not self.last:
            return  # another model's
        kind, function = found
        place = call.place
        key = (self.last, function, place and place.code, place and place.line)
        name = self._names.get(key)
        if name is None:
            name = base = f"{function} after {self.last}" if self.last else function
            number = 1
            while name in self._names.values():
                number += 1
                name = f"{base} ({number})"
            self._names[key] = name
            self._places[name] = place.where if place else None
        layer = _Layer(
            self, None, name, gate=kind == "softmax" or bool(place and _GATED.search(place.code.co_qualname))
        )
        layer.kind = kind
        if kind == "clip":
            layer.bounds = _bounds(function, call.args, call.kwargs)
        if kind == "softmax":
            dim = call.kwargs.get("dim", call.args[1] if len(call.args) > 1 else -1)
            layer.dim = dim if isinstance(dim, int) else -1
        given = call.args[0] if call.args else None
        if isinstance(given, torch.Tensor) and given.data_ptr() != call.result.data_ptr():
            self._look_at_input(name, kind, given)
        self._note(name, kind, call.result, layer, False)

    def _note(self, name: str, kind: str, output: torch.Tensor, layer: _Layer, again: bool) -> None:
        record = self._records.get(name)
        if record is None:
            record = self._records[name] = Record(
                name, layer.kind, layer.gate, layer.passes, self._places.get(name), name in self._shown
            )
            if self._inputs:
                record.given(self._inputs.pop(name, None))
        if not again:
            units = 1 if output.dim() > 2 and (self._last_is_conv or output.dim() == 4 or kind == "conv") else -1
            record.add(output, slope_of(layer.kind, output, units, layer.bounds, layer.dim), self._closely)
            record.sequence = over_time(layer.module, output) if kind == "rnn" else None
            if kind in ("linear", "conv", "norm", "rnn", "attention"):
                self._last_is_conv = kind == "conv" or (kind == "norm" and self._last_is_conv)
            if kind in ("linear", "conv"):
                self._made[id(output)] = (weakref.ref(output), name, kind)
            self.last = name if layer.module is not None else self.last
        record.follow(output, self._latest, self._failed)

    def _counts(self) -> bool:
        return self.live or (self.anywhere and torch.is_grad_enabled())

    def output(self, result: object) -> None:
        """The module's own output: a softmax or logistic that makes it saturates by design."""
        around = getattr(nn.parallel.DistributedDataParallel, "_active_ddp_module", None)
        if around is not None and around.module is self._model:
            self._unseen(WITHOUT_OTHERS.format(class_name(self._model)))
        made = first_tensor(result)
        if made is not None:
            for record in self._records.values():
                record.makes(made)


class _Layer:
    """Stands in for the call of one module during a sampled step."""

    def __init__(self, watch: LayerWatch, module: nn.Module | None, name: str, gate: bool) -> None:
        self.watch, self.module, self.name, self.gate = watch, module, name, gate
        self.kind = kind_of(module) if module is not None else "other"
        self.alone = module is not None and self.kind not in ("block", "other")
        self.passes = passes(module) if module is not None else ""
        self.bounds: tuple[float, float] | None = None
        self.dim = -1
        if isinstance(module, nn.Hardtanh):
            self.bounds = module.min_val, module.max_val
        elif isinstance(module, nn.Hardsigmoid):
            self.bounds = 0.0, 1.0
        elif isinstance(module, nn.Softmax) and module.dim is not None:
            self.dim = module.dim

    def __call__(self, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.watch.called(self, args, kwargs, lambda: call(*args, **kwargs))


def first_tensor(value: object) -> torch.Tensor | None:
    """The first tensor in what a module takes or gives: a tuple, a list, a mapping, a packed sequence."""
    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, nn.utils.rnn.PackedSequence):
        return value.data
    if hasattr(value, "values") and callable(value.values):
        value = list(value.values())
    if isinstance(value, tuple | list):
        for item in value:
            found = first_tensor(item)
            if found is not None:
                return found
    return None


def batch_of(inputs: tuple[Any, ...]) -> int:
    """How many samples a module is given: the first dimension of its first tensor."""
    given = first_tensor(inputs)
    return given.shape[0] if given is not None and given.dim() else 0


def _compiled(module: nn.Module) -> bool:
    made = getattr(module, "_compiled_call_impl", None)
    compiled = made.compiled if isinstance(made, Instead) else made is not None
    return compiled or hasattr(module, "_orig_mod")


def _bounds(function: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[float, float]:
    if function == "hardsigmoid":
        return 0.0, 1.0
    low = kwargs.get("min_val", args[1] if len(args) > 1 else -1.0)
    high = kwargs.get("max_val", args[2] if len(args) > 2 else 1.0)
    return float(low), float(high)


def _place_inside() -> Where | None:
    """The line of the user's that called the layer, if it is one of the module's own and not of the training loop."""
    from gradcheck.trace.sites import is_users

    frame = sys._getframe(3)
    while frame is not None and frame.f_code.co_name != "forward_of_the_model":
        if is_users(frame.f_code):
            return Place(frame.f_code, frame.f_lineno, frame.f_lasti).where
        frame = frame.f_back  # type: ignore[assignment]  # None ends the loop
    return None
