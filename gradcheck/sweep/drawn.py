"""Inputs drawn for declared shapes, where the caller gives none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from gradcheck.errors import GradcheckError
from gradcheck.layers.values import describe
from gradcheck.state import own_generator
from gradcheck.sweep.call import Call, is_shape, parameter_names

__all__ = ["with_inputs_drawn"]


def with_inputs_drawn(layer: Sequence[Any], shapes: object, seed: int) -> tuple[Any, ...]:
    """The positional arguments of a check with arrays of the declared shapes as the forward's arguments.

    The entries are standard normal: of both signs, none 0, none 1, none equal to another. Torch subjects get tensors.

    Raises:
        GradcheckError: inputs are given as well, a name is not the forward's, or a shape is none.
    """
    call = Call(tuple(layer), {})
    if not isinstance(shapes, Mapping) or not shapes:
        raise GradcheckError(
            f'shapes: it is {describe(shapes)}; give them by name, shapes={{"x": (8, 3), "w": (3, 5)}}'
        )
    if call.arguments:
        raise GradcheckError(
            "shapes: inputs are given as well; give either the arrays or their shapes (integer labels and options go "
            "into kwargs)"
        )
    names = parameter_names(layer[0]) if layer else []
    for name, shape in shapes.items():
        if name not in names:
            takes = f"it takes {', '.join(names)}" if names else "its arguments have no names"
            raise GradcheckError(f"shapes: the forward has no argument {name!r}; {takes}")
        if not is_shape(shape) or any(n < 1 for n in shape):
            raise GradcheckError(f"shapes[{name!r}]: {shape!r} is no shape; give whole numbers from 1 up, as in (8, 3)")
    ordered = [name for name in names if name in shapes]
    if ordered != names[: len(ordered)]:
        missing = next(name for name in names if name not in shapes)
        raise GradcheckError(f"shapes: there is none for {missing!r}, which comes before {ordered[-1]!r}; give it too")
    rng = own_generator(seed).spawn(1)[0]
    arrays = [rng.standard_normal(tuple(shapes[name])) for name in ordered]
    first = layer[0]
    of_torch = isinstance(first, torch.nn.Module) or (
        isinstance(first, type) and issubclass(first, torch.autograd.Function)
    )
    if not of_torch:
        return (*layer, *arrays)
    dtypes = {p.dtype for p in first.parameters()} if isinstance(first, torch.nn.Module) else set()
    dtype = dtypes.pop() if len(dtypes) == 1 else torch.float64
    return (*layer, *(torch.from_numpy(np.asarray(a)).to(dtype) for a in arrays))
