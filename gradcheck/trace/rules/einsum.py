"""np.einsum in all its spellings."""

from __future__ import annotations

import string
from typing import Any

import torch

from gradcheck.trace.rules.convert import common, refuse, widened
from gradcheck.trace.rules.table import serves


@serves("numpy.einsum")
def einsum(
    *operands: Any,
    out: Any = None,
    optimize: Any = False,  # noqa: ARG001  # the order of the products changes no value
    dtype: Any = None,
    order: str = "K",  # noqa: ARG001  # nor does the layout in memory
    casting: str = "safe",  # noqa: ARG001  # NumPy's signature
) -> torch.Tensor:
    refuse(out=out)
    if isinstance(operands[0], str):
        subscripts, arrays = operands[0].replace(" ", ""), operands[1:]
    else:
        subscripts, arrays = _from_sublists(operands)
    tensors = [widened(each, dtype) for each in common(*arrays)]
    return torch.einsum(subscripts, *tensors)


def _from_sublists(operands: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """``einsum(a, [0, 1], b, [1, 2], [0, 2])`` as a string of letters; labels in the order of their numbers."""
    arrays = operands[: len(operands) // 2 * 2 : 2]
    terms = [_letters(labels) for labels in operands[1::2]]
    subscripts = ",".join(terms[: len(arrays)])
    if len(operands) % 2:
        subscripts += "->" + _letters(operands[-1])
    return subscripts, arrays


def _letters(labels: Any) -> str:
    # NumPy orders labels as numbers, letters as ASCII does: upper case first.
    alphabet = string.ascii_uppercase + string.ascii_lowercase
    return "".join("..." if label is Ellipsis else alphabet[int(label)] for label in labels)
