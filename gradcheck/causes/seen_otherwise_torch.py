"""The gradients of a Function's forward as they would be if the backward saw one input otherwise than the forward."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from gradcheck.causes.candidate import Array
from gradcheck.causes.recording import tensors_of
from gradcheck.causes.recording_torch import Operations
from gradcheck.causes.seen_otherwise import Pin
from gradcheck.trace.operation import Operation
from gradcheck.witnesses.subject import Values
from gradcheck.witnesses.torch_arrays import gradients_of
from gradcheck.witnesses.torch_function import FunctionSubject

__all__ = ["function_gradients_seeing"]


def function_gradients_seeing(
    subject: FunctionSubject, values: Values, upstreams: Sequence[Array], seen: Mapping[str, Array]
) -> dict[str, Array] | None:
    """Autograd's gradients where every derivative takes the arrays in ``seen`` for what stands there.

    As :func:`gradcheck.causes.seen_otherwise.gradients_seeing` of a NumPy forward: each result that depends on more
    than the array itself is set back to what it was with the real values. None where the forward cannot be followed,
    or takes another way with the other values.
    """
    wide = {n: v.astype(np.float64) for n, v in values.items()}
    if any(wide[n].shape != np.shape(array) for n, array in seen.items()):
        return None
    real: list[tuple[str, torch.Tensor]] = []

    def remembered(operation: Operation) -> torch.Tensor:
        real.append((operation.name, operation.result.detach()))
        return operation.result

    instead = {n: torch.as_tensor(np.ascontiguousarray(array, dtype=np.float64)) for n, array in seen.items()}
    try:
        with Operations(remembered):
            subject.traced(wide, torch.float64)
        with Operations(_pinning(real, list(instead.values()))):
            leaves, outputs = subject.traced(wide | {n: t.numpy() for n, t in instead.items()}, torch.float64)
        return None if real else gradients_of(leaves, outputs, upstreams)
    except Exception:
        return None


def _pinning(real: list[tuple[str, torch.Tensor]], seen: Sequence[torch.Tensor]) -> Callable[[Operation], torch.Tensor]:
    """A hook that sets each result back to the next in ``real``, but for what is made of ``seen`` alone."""
    made: set[int] = set()
    alone: set[int] = set()
    held: list[torch.Tensor] = []

    def is_alone(tensor: torch.Tensor) -> bool:
        if id(tensor) in made:
            return id(tensor) in alone
        return any(tensor.shape == s.shape and torch.equal(tensor.detach(), s) for s in seen)

    def pinned(operation: Operation) -> torch.Tensor:
        name, value = real.pop(0)
        result = operation.result
        if name != operation.name or value.shape != result.shape:
            raise ValueError("the forward takes another way")
        inputs = [tensor for _, tensor in tensors_of(operation)]
        depends = not inputs or not all(map(is_alone, inputs))
        if depends:
            result = Pin.apply(result, value)  # type: ignore[no-untyped-call]  # torch: Function.apply
        else:
            alone.add(id(result))
        made.add(id(result))
        held.append(result)  # no other tensor gets its id
        return result

    return pinned
