"""The loss function's view of the network: which classes were predicted, and which were right."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from gradcheck.errors import GradcheckError
from gradcheck.health.sample import OutputSample
from gradcheck.watching.pytorch.calls import Call

__all__ = ["LOSSES", "OutputWatch", "counted"]

_MOST_CLASSES = 10_000
_ONE = 1e-2  # of 16-bit probabilities' sums, too
_ENTROPY = (functional.cross_entropy, functional.nll_loss)
_BINARY = (functional.binary_cross_entropy, functional.binary_cross_entropy_with_logits)
_SQUARED = (functional.mse_loss,)
_DIFFERENCES = (*_SQUARED, functional.l1_loss, functional.smooth_l1_loss, functional.huber_loss)
LOSSES = frozenset((*_ENTROPY, *_BINARY, *_DIFFERENCES))


class OutputWatch:
    """Notes the loss functions that are called in a sampled step; several calls of one count together.

    Attributes:
        left_out: What was predicted in batches of a single class, and how often that class was right.
    """

    left_out: OutputSample | None = None

    def __init__(self) -> None:
        self._sample: OutputSample | None = None
        self._values: list[float] = []

    def forget(self) -> None:
        """Begin a new step."""
        self._sample, self._values, self.left_out = None, [], None

    def sample(self, loss: float | None) -> OutputSample | None:
        """The output; where the step's loss is something else than the loss function's mean, of kind "other"."""
        sample = self._sample
        if sample is not None and loss is not None and self._values:
            own = sum(self._values) / len(self._values)
            if abs(own - loss) > 0.01 * abs(own) + 1e-6:
                sample.loss_kind = "other"
        return sample

    def given(self, outputs: object, labels: object) -> None:
        """The user's own word: scores (batch × classes) and classes (batch), or rows of one 1.

        Raises:
            GradcheckError: they are not numbers, or not of the same batch.
        """
        scores, right = _tensor("outputs", outputs), _tensor("labels", labels)
        if scores.dim() < 2:
            raise GradcheckError(f"outputs: give scores, batch × classes, not an array of shape {tuple(scores.shape)}")
        if tuple(right.shape) not in (tuple(scores.shape), tuple(scores.shape[:-1])):
            raise GradcheckError(
                f"labels: their shape is {tuple(right.shape)}, and that of the outputs {tuple(scores.shape)}; give one "
                "class for each sample, or rows of one 1"
            )
        right = right.argmax(-1) if right.dim() == scores.dim() else right
        classes = scores.shape[-1]
        if right.numel() and not 0 <= int(right.min()) <= int(right.max()) < classes:
            raise GradcheckError(
                f"labels: they go from {int(right.min())} to {int(right.max())}, and the outputs have {classes} classes"
            )
        self._sample = OutputSample(
            "other", classes, counted(scores.argmax(-1), classes), counted(right.long(), classes)
        )

    def heard(self, call: Call) -> None:
        """Any call of the program."""
        if call.function in LOSSES:
            self._classes(call) if call.function in _ENTROPY else self._other(call)

    def _classes(self, call: Call) -> None:
        scores, target = _pair(call.args, call.kwargs)
        if scores is None or target is None:
            return
        dim = 1 if scores.dim() > 1 else 0
        classes = scores.shape[dim]
        if target.is_floating_point():  # probabilities
            target = target.argmax(dim)
        found = OutputSample("cross-entropy" if _is_mean(call) else "other", classes, where=_where(call))
        found.probabilities = call.function is functional.cross_entropy and _sums_to_one(scores.detach(), dim)
        if classes <= _MOST_CLASSES:
            ignored = call.kwargs.get("ignore_index", -100)
            predicted, labels = scores.detach().argmax(dim).cpu().numpy(), target.cpu().numpy()
            kept = labels != ignored
            found.predicted, found.labels = _counted(predicted[kept], classes), _counted(labels[kept], classes)
        self._add(found, call)

    def _other(self, call: Call) -> None:
        scores, target = _pair(call.args, call.kwargs)
        if scores is None or target is None:
            return
        if call.function in _DIFFERENCES:
            found = OutputSample("squared error" if call.function in _SQUARED else "other", where=_where(call))
            if scores.shape != target.shape:
                found.broadcast = f"{tuple(scores.shape)} and {tuple(target.shape)}"
            self._add(found, call)
            return
        found = OutputSample("cross-entropy" if _is_mean(call) else "other", 2, where=_where(call))
        if scores.numel() == scores.shape[0]:  # one decision for each row
            edge = 0.0 if call.function is functional.binary_cross_entropy_with_logits else 0.5
            found.predicted = counted((scores.detach() > edge).long(), 2)
            found.labels = counted((target > 0.5).long(), 2)
        self._add(found, call)

    def _add(self, found: OutputSample, call: Call) -> None:
        if isinstance(call.result, torch.Tensor) and call.result.numel() == 1:
            self._values.append(float(call.result.detach()))
        if _of_one_class(found):
            self.left_out = replace(found)
            found.predicted = found.labels = None
        before = self._sample
        if before is None or before.classes != found.classes:
            self._sample = found if before is None or before.predicted is None else before
            self._sample.broadcast = found.broadcast or (before.broadcast if before is not None else "")
            return
        before.broadcast, before.probabilities = (
            before.broadcast or found.broadcast,
            before.probabilities and found.probabilities,
        )
        if before.predicted is None or before.labels is None:
            before.predicted, before.labels = found.predicted, found.labels
        elif found.predicted is not None and found.labels is not None:
            before.predicted, before.labels = before.predicted + found.predicted, before.labels + found.labels


def _tensor(name: str, value: object) -> torch.Tensor:
    try:
        return torch.as_tensor(value).detach()
    except (TypeError, ValueError, RuntimeError) as error:
        raise GradcheckError(f"{name}: it must be an array or a tensor of numbers ({error})") from None


def _of_one_class(found: OutputSample) -> bool:
    """Whether a batch was put together by its class: real samples, then made ones, each with a loss of its own.

    That a network says the same of all of it is right, or at least no sign that it says the same of everything.
    """
    labels = found.labels
    return labels is not None and int(labels.sum()) > 1 and int(labels.max()) == int(labels.sum())


def counted(classes: torch.Tensor, count: int) -> Any:
    """How often each class occurs."""
    return _counted(classes.detach().cpu().numpy(), count)


def _counted(classes: np.ndarray[Any, Any], count: int) -> Any:
    whole = classes.reshape(-1).astype(np.int64, copy=False)
    inside = np.minimum(np.maximum(whole, 0), count - 1)  # ndarray.clip takes five times as long
    return np.bincount(inside, minlength=count)


def _pair(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    scores = args[0] if args else kwargs.get("input")
    target = args[1] if len(args) > 1 else kwargs.get("target")
    if not isinstance(scores, torch.Tensor) or not isinstance(target, torch.Tensor) or not scores.requires_grad:
        return None, None
    return scores, target.detach()


def _sums_to_one(scores: torch.Tensor, dim: int) -> bool:
    """Whether these are probabilities. No logits are so by chance."""
    if scores.numel() == 0 or scores.shape[dim] < 2 or float(scores.min()) < 0:
        return False
    return float((scores.sum(dim) - 1).abs().max()) < _ONE


def _is_mean(call: Call) -> bool:
    weight = call.args[2] if len(call.args) > 2 else call.kwargs.get("weight")
    return call.kwargs.get("reduction", "mean") == "mean" and weight is None


def _where(call: Call) -> Any:
    return call.place.where if call.place is not None else None
