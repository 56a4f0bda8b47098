"""Shapes that cross where they were meant to match: (N,) with (N, 1) makes N×N numbers of N."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from gradcheck.causes.gate import Gate
from gradcheck.causes.recording import Recording
from gradcheck.causes.source import text_of
from gradcheck.report import Finding

__all__ = ["crossed_shapes"]


def crossed_shapes(recording: Recording, layer: str) -> Iterator[Finding]:
    """A finding for each operation that made a square of a row and a column of the same length, by broadcasting."""
    for site, gates in recording.sites.items():
        crossed = _crossed(gates[0])
        if crossed is None:
            continue
        row, column, made = crossed
        n = made[0]
        text = text_of(site)
        yield Finding(
            "GC255",
            "warning",
            f"{text} makes {made[0]}×{made[1]} numbers of {n}: a row and a column of the same length were broadcast",
            layer,
            where=site.where,
            cause=(f"the forward combines an array of shape {row} with one of shape {column}",),
            evidence=(f"the result has shape {made}",),
            help=("give both the same shape: labels[:, 0] or labels.ravel() of labels in a column",),
        )


def _crossed(gate: Gate) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]] | None:
    operation = gate.operation
    made = tuple(operation.result.shape)
    if len(made) != 2 or made[0] != made[1] or made[0] < 3:
        return None
    given = operation.inputs
    if operation.name == "getitem" and len(given) == 2 and isinstance(given[1], tuple):
        given = given[1]
    elif operation.name in ("matmul", "dot", "outer", "einsum", "tensordot"):
        return None  # these make squares on purpose
    shapes = [_shape(x) for x in given]
    n = made[0]
    column = next((s for s in shapes if s == (n, 1)), None)
    row = next((s for s in shapes if s in ((n,), (1, n))), None)
    # (1, n) with (n, 1) is written on purpose, all pairs of two arrays; (n,) is what labels and losses have
    return (row, column, made) if column is not None and row == (n,) else None


def _shape(x: object) -> tuple[int, ...]:
    if isinstance(x, torch.Tensor):
        return tuple(x.shape)
    if isinstance(x, list) and not all(isinstance(i, int | float) for i in x):
        return ()  # of arrays, as np.stack is given them: no operand that is broadcast
    return np.shape(x) if isinstance(x, np.ndarray | list | range) else ()
