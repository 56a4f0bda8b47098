"""Gradients that NumPy code scales down to a norm: g * (limit / norm)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gradcheck.health.sample import GradientClip
from gradcheck.watching.arrays.graph import Node
from gradcheck.watching.arrays.operands import made_by, number
from gradcheck.watching.arrays.parameters import Parameter
from gradcheck.watching.arrays.stats import stats_of

__all__ = ["norm_clips", "scaled_by"]

_SAME = 1e-9


def scaled_by(node: Node) -> float | None:
    """The factor below 1 that an array is multiplied by after its norm was taken; None for any other operation.

    The factor is a number that NumPy computed: a learning rate is a constant of Python's.
    """
    if node.operation not in ("multiply", "divide") or len(node.inputs) != 2:
        return None
    arrays = [value for value in node.inputs if isinstance(value, np.ndarray) and value.ndim]
    numbers = [value for value in node.inputs if isinstance(value, np.floating | np.ndarray) and not np.ndim(value)]
    if len(arrays) != 1 or len(numbers) != 1:
        return None
    factor = number(numbers[0]) or 0.0
    if node.operation == "divide":
        factor = 1 / factor if factor and numbers[0] is node.inputs[1] else 0.0
    made = made_by(node, arrays[0])
    if not 0 < factor < 1 or made is None:
        return None
    return factor if any(_takes_norm(child) for child in made.children) else None


def _takes_norm(node: Node) -> bool:
    if node.operation in ("norm", "vdot", "dot", "einsum"):
        return node.shape == ()
    squared = node.operation in ("power", "square", "float_power", "multiply")
    return squared and any(after.operation in ("sum", "reduce") and after.shape == () for after in node.children)


def norm_clips(parameters: Sequence[Parameter]) -> list[GradientClip]:
    """The clips by norm in the updates: parameters that are scaled by one factor on one line have one norm."""
    groups: list[tuple[float, list[tuple[Parameter, Node, float]]]] = []
    for parameter in parameters:
        for node in parameter.chain.values():
            factor = None if parameter.final is None or node.statement == parameter.final.statement else scaled_by(node)
            if factor is None:
                continue
            entry = (parameter, node, stats_of(np.asarray(node.output)).norm / factor)
            same = (
                g for f, g in groups if math.isclose(f, factor, rel_tol=_SAME) and g[0][1].statement == node.statement
            )
            group = next(same, None)
            if group is None:
                groups.append((factor, [entry]))
            else:
                group.append(entry)
    found = []
    for factor, group in groups:
        norm = math.hypot(*(size for _, _, size in group))
        worst, node, worst_norm = max(group, key=lambda entry: entry[2])
        where = node.event.site.where
        entries = sum(parameter.before.size for parameter, _, _ in group)
        found.append(
            GradientClip(where.source, where, factor * norm, norm, factor, worst.path, worst_norm, entries=entries)
        )
    return found
