"""The one number that is differentiated, Σ output · upstream, and the gradients that come of it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import torch

from gradcheck.trace.node import Array

__all__ = ["Weighed", "own_array", "summed"]


class Weighed(torch.autograd.Function):
    """Σ output · upstream to be differentiated once: only its derivative is computed, which is the upstream."""

    @staticmethod
    def forward(ctx: Any, output: torch.Tensor, upstream: torch.Tensor) -> torch.Tensor:  # noqa: ARG004  # the form
        ctx.upstream = upstream.conj() if upstream.is_complex() else upstream
        return upstream.real.new_zeros(())

    @staticmethod
    def backward(ctx: Any, *_: torch.Tensor) -> tuple[torch.Tensor, None]:
        return ctx.upstream, None


def summed(terms: Sequence[torch.Tensor]) -> torch.Tensor:
    """One number to differentiate: torch imports its symbolic machinery (a second) to check given gradients."""
    return functools.reduce(torch.add, [term.to(terms[0].dtype) for term in terms])


def own_array(gradient: torch.Tensor, taken: set[int]) -> Array:
    """The gradient as an array in the order of its axes that shares memory with nothing in ``taken``."""
    array = gradient.numpy()
    place = gradient.data_ptr()
    if place in taken or not array.flags.c_contiguous or gradient.untyped_storage().nbytes() != array.nbytes:
        return array.copy()
    taken.add(place)
    return array
