"""What a layer's backward returned, beside what it stored: read as the gradients of inputs and parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradcheck.layers import faults
from gradcheck.layers.matching import as_mapping, flattened, match_returned
from gradcheck.layers.network_gradients import match_tree
from gradcheck.layers.problem import Gradients, Variable
from gradcheck.layers.reach import Path

__all__ = ["layer_sets", "returned_gradients"]


def returned_gradients(
    raw: Any,
    variables: Sequence[Variable],
    stored: Mapping[str, Any],
    places: Mapping[str, Path],
    *,
    slots: Sequence[Variable | None],
    written: Sequence[str | None] | None,
    order: Sequence[str] | None,
    by_name: bool,
    asked: Sequence[str] | None,
) -> Gradients:
    """Give each variable what was returned for it; one whose gradient is stored need not be among the returned ones.

    Args:
        raw: what the backward returned.
        variables: inputs in their order, then parameters.
        stored: the gradients found in attributes, by the name of the variable.
        places: where the parameters are kept.
        slots, written, order, by_name, asked: as in :func:`match_returned`.
    """
    loose = [v for v in variables if v.name not in stored]
    if raw is None:
        result = Gradients({v.name: None for v in variables})
        how = "backward returns None" + (" and no attribute holds it" if by_name else "")
        result.faults = [faults.missing(v.name, v.gradient, how) for v in loose if v.differentiated]
        return result
    nested = _nested(raw, variables, places, slots, order)
    if nested is not None:
        return nested
    readings = []
    for wanted in (variables, loose):
        reading = match_returned(raw, wanted, slots=slots, written=written, order=order, by_name=by_name, asked=asked)
        reading.faults = [fault for fault in reading.faults if not _covered(fault, stored)]
        reading.values = {v.name: reading.values.get(v.name) for v in variables}
        readings.append(reading)
        if not reading.faults or len(loose) == len(variables):
            break  # the second reading would be no better
    return min(readings, key=lambda reading: len(reading.faults))


def layer_sets(raw: Any) -> Any:
    """The named sets of gradients, one for each layer, in what was returned; None where there is one set at most."""
    keyed = [item for item in flattened(raw) if as_mapping(item) is not None]
    if len(keyed) > 1:
        return keyed
    several = any(as_mapping(value) for item in keyed for value in (as_mapping(item) or {}).values())
    return keyed[0] if several else None


def _nested(
    raw: Any,
    variables: Sequence[Variable],
    places: Mapping[str, Path],
    slots: Sequence[Variable | None],
    order: Sequence[str] | None,
) -> Gradients | None:
    """``return dx, [{"W": dW, "b": db}, ...]``: by the whole way to each, as in a network; None for plain sets."""
    sets = layer_sets(raw)
    if sets is None:
        return None
    shapes = {name: np.shape(path.get()) for name, path in places.items()}
    tree = match_tree(sets, places, shapes)
    if not tree.found:
        return None
    others = [v for v in variables if v.name not in tree.found]
    plain = tuple(item for item in flattened(raw) if as_mapping(item) is None)
    result = match_returned(plain, others, slots=slots, order=order)
    result.values.update(tree.found)
    result.faults += tree.faults
    return result


def _covered(fault: Any, stored: Mapping[str, Any]) -> bool:
    """A gradient missing from what was returned is not missing when it is stored."""
    return fault.code == "GC103" and any(fault.title.startswith(f"no gradient for {name}:") for name in stored)
