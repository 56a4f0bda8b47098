"""The families of causes, in the order in which they are tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gradcheck.causes.arrays import factor, flipped, sign, transposed, zero
from gradcheck.causes.candidate import Candidate
from gradcheck.causes.lines import (
    left_out,
    missing_below,
    one_execution,
    one_path,
    other_operand,
    scaled,
)
from gradcheck.causes.spot import Spot, Trial
from gradcheck.causes.stage import Stage

__all__ = ["ARRAYS", "LINES", "OPERANDS", "PARTS"]

ARRAYS: tuple[Callable[[Stage, str], Iterator[Candidate]], ...] = (
    zero.candidates,
    sign.candidates,
    transposed.candidates,
    flipped.candidates,
    factor.candidates,
)
# at an operation, or at one of its inputs
LINES: tuple[Callable[[Spot], Iterator[Trial]], ...] = (
    scaled.trials,
    left_out.trials,
    one_path.trials,
    one_execution.trials,
)
# at a place of which some gradients are right
PARTS: tuple[Callable[[Spot], Iterator[Trial]], ...] = (missing_below.trials,)
# what is tried last, for it is much
OPERANDS: tuple[Callable[[Spot], Iterator[Trial]], ...] = (other_operand.trials,)
