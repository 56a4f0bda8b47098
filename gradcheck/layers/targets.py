"""Inputs of a loss that nobody asks a gradient for: labels, targets, the data beside the weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradcheck.layers.matching import as_mapping, flattened, names_for
from gradcheck.layers.problem import Variable
from gradcheck.layers.spelling import is_data_name, is_target_name, match_names
from gradcheck.layers.values import same_shape

__all__ = ["data_and_targets"]


def data_and_targets(
    raw: Any, written: Sequence[str | None] | None, variables: Sequence[Variable], asked: Sequence[str]
) -> list[Variable]:
    """The inputs named like data or labels that a set of gradients leaves out, while it has those of others."""
    floats = [v for v in variables if v.differentiated]
    named = as_mapping(raw)
    items = flattened(raw)
    if named is not None:
        given = set(match_names([v.name for v in floats], list(named)))
    elif len(items) >= len(floats) or any(as_mapping(item) is not None for item in items):
        return []
    else:
        names = names_for(len(items), written, floats)
        # without readable names: the leading ones, as long as their shapes are right
        fitting = [v.name for v, item in zip(floats, items, strict=False) if same_shape(item, v.array)]
        given = set(names if names is not None else fitting)
        if names is None and len(fitting) != len(items):
            likely = [v for v in floats if not is_target_name(v.name)]
            given = {v.name for v in likely} if len(likely) == len(items) else set()
    if not given:
        return []
    parameters = any(v.name in given for v in floats if not is_data_name(v.name))
    return [
        v
        for v in floats
        if v.name not in given
        and v.name not in asked
        and v.role == "input"
        and (is_target_name(v.name) or (parameters and is_data_name(v.name)))
    ]
