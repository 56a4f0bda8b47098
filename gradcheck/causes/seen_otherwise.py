"""The gradients as they would be if the backward saw one parameter otherwise than the forward used it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from gradcheck.causes.candidate import Array
from gradcheck.causes.recording import tensors_of
from gradcheck.trace import Trace
from gradcheck.trace.operation import Operation
from gradcheck.witnesses.numpy_subject import NumpySubject
from gradcheck.witnesses.subject import Values

__all__ = ["Pin", "gradients_seeing"]


class Pin(torch.autograd.Function):
    """Forward: the value that the forward really had. Backward: the gradient, to what was computed in its place."""

    @staticmethod
    def forward(ctx: Any, computed: torch.Tensor, real: torch.Tensor) -> torch.Tensor:  # noqa: ARG004  # torch's form
        return real

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:  # noqa: ARG004  # torch's form
        return gradients[0], None


def gradients_seeing(
    subject: NumpySubject, values: Values, upstreams: Sequence[Array], seen: Mapping[str, Array]
) -> dict[str, Array] | None:
    """Autograd's gradients where every derivative takes the arrays in ``seen`` for what stands there.

    The forward itself runs on the real values: each result that depends on more than the array itself is set back to
    the value that NumPy computed. So only the derivatives of products with the array change, as in a backward that
    multiplies by a flipped kernel or by weights that were updated already. None where the forward cannot be followed.
    """
    alone: set[int] = set()
    held: list[torch.Tensor] = []

    def hook(operation: Operation) -> torch.Tensor:
        inputs = [tensor for _, tensor in tensors_of(operation)]
        result = operation.result
        if inputs and all(id(t) in alone or any(t is trace.named.get(n) for n in seen) for t in inputs):
            alone.add(id(result))
        elif result.requires_grad and not result.is_complex():
            real = torch.from_numpy(np.array(operation.value, dtype=np.float64))
            result = Pin.apply(result, real)  # type: ignore[no-untyped-call]  # torch: Function.apply
        held.append(result)  # no other tensor gets its id
        return result

    trace = Trace(hook=hook, seen_as=lambda name, array: seen.get(name, array))
    wide = {n: v.astype(np.float64) if v.dtype.kind == "f" else v for n, v in values.items()}
    try:
        with subject.followed(trace, wide) as (outputs, variables):
            found = trace.gradients(outputs, upstreams, variables)
    except Exception:
        return None
    return None if trace.leaks or trace.mismatch else found
