"""Freed memory is kept for the next evaluation rather than given back to the system after each."""

from __future__ import annotations

import functools

import numpy as np

__all__ = ["keep_freed_memory"]

# The C library of Linux (glibc) maps every allocation above a threshold, 128 KiB at first, from the system, and
# gives it back when it is freed; so each evaluation would ask for fresh pages again, which the system has to clear:
# up to a fifth of a check of 100,000 numbers. The threshold is raised to the largest mapped block that was ever
# freed, up to 32 MiB, and memory at the end of the heap is kept up to twice that ("dynamic mmap threshold",
# mallopt(3)). A training loop raises it by itself; one block that nobody writes to, so that it takes up no memory,
# does the same, once for the whole process. Elsewhere it is an allocation like any other.
_LARGEST_THAT_COUNTS = 2**25 - 2**16  # bytes; a little below 32 MiB, for the block's own header and rounding


@functools.cache
def keep_freed_memory() -> None:
    """Let the C library keep what is freed from now on, as it does after one large array was freed.

    Source: the man page mallopt(3), M_MMAP_THRESHOLD.
    """
    np.empty(_LARGEST_THAT_COUNTS, dtype=np.uint8)
