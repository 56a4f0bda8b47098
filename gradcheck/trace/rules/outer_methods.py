"""``ufunc.outer``: every entry of one operand with every entry of the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from gradcheck.trace.rules import elementwise, extremes  # noqa: F401  # their rules must stand in the table first
from gradcheck.trace.rules.convert import Operand, as_tensor
from gradcheck.trace.rules.table import RULES, Rule


def _outer(rule: Rule) -> Rule:
    def all_pairs(a: Operand, b: Operand, /) -> Any:
        like = next((x for x in (a, b) if isinstance(x, torch.Tensor)), None)
        a, b = as_tensor(a, like), as_tensor(b, like)
        return rule(a.reshape((*a.shape, *(1,) * b.ndim)), b)

    return all_pairs


for _function, _rule in list(RULES.items()):
    if isinstance(_function, np.ufunc) and _function.nin == 2 and _function.signature is None:
        RULES[_function.outer] = _outer(_rule)
