"""The families of causes, in the order in which they are tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gradcheck.causes.arrays import (
    by_norm,
    by_result,
    clipped,
    copied,
    factor,
    flipped,
    multiplied,
    on_part,
    one_sample,
    reduced,
    rolled,
    rounded,
    sign,
    transposed,
    weight_decay,
    zero,
)
from gradcheck.causes.candidate import Candidate
from gradcheck.causes.lines import (
    another_axis,
    another_loss,
    exchanged,
    left_out,
    masks,
    missing_below,
    not_transposed,
    one_execution,
    one_path,
    other_array,
    other_operand,
    overwritten,
    scaled,
    shared_factor,
    skipped_inside,
    softmax,
    statistics,
    windows,
    wrong_way,
)
from gradcheck.causes.spot import Spot, Trial
from gradcheck.causes.stage import Stage

__all__ = ["ALSO_ARRAYS", "ARRAYS", "LINES", "MORE_ARRAYS", "OPERANDS", "PARTS", "ArrayFamily"]

ArrayFamily = Callable[[Stage, str], Iterator[Candidate]]

ARRAYS: tuple[ArrayFamily, ...] = (
    zero.candidates,
    sign.candidates,
    transposed.candidates,
    flipped.candidates,
    factor.candidates,
)
# what takes more arithmetic
MORE_ARRAYS: tuple[ArrayFamily, ...] = (
    by_norm.candidates,
    clipped.candidates,
    rounded.candidates,
    weight_decay.added,
    copied.candidates,
    on_part.candidates,
    reduced.candidates,
    rolled.candidates,
)
# what a line of the forward may tell more of: tried with the lines
ALSO_ARRAYS: tuple[ArrayFamily, ...] = (
    weight_decay.left_out,
    one_sample.candidates,
    multiplied.candidates,
    by_result.candidates,
)
# at an operation, or at one of its inputs
LINES: tuple[Callable[[Spot], Iterator[Trial]], ...] = (
    scaled.trials,
    left_out.trials,
    one_path.trials,
    one_execution.trials,
    another_loss.trials,
    overwritten.trials,
    windows.trials,
    wrong_way.trials,
    softmax.trials,
    another_axis.trials,
    exchanged.trials,
    masks.trials,
    statistics.trials,
    shared_factor.trials,
)
# at a place of which some gradients are right
PARTS: tuple[Callable[[Spot], Iterator[Trial]], ...] = (missing_below.trials, exchanged.trials, masks.trials)
# what is tried last, for it is much
OPERANDS: tuple[Callable[[Spot], Iterator[Trial]], ...] = (
    other_operand.trials,
    not_transposed.trials,
    other_array.trials,
    skipped_inside.trials,
)
