"""Times taken in turn in one run: of the process, not of the clock on the wall, for other programs may be busy too."""

import contextlib
import ctypes
import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

# A call is repeated until so many seconds are spent on it, and the best of a few such batches is taken: the first call
# after what else was timed finds its memory given back and its caches cold. One that takes long is made once.
_BATCH, _LONG = 0.02, 0.3


def seconds(call: Callable[[], object], batches: int = 3) -> float:
    """Seconds a call on one core."""
    gc.collect()
    first = _timed(call, 1)
    if first > _LONG:
        return first
    count = max(1, int(_BATCH / max(first, 1e-7)))
    return min(_timed(call, min(count, 1000)) for _ in range(batches))


def _timed(call: Callable[[], object], count: int) -> float:
    started = time.process_time()
    for _ in range(count):
        call()
    return (time.process_time() - started) / count


def medians(calls: Mapping[str, Callable[[], object]], unit: Callable[[], object], rounds: int) -> dict[str, float]:
    """The median of each call's time as a multiple of ``unit``'s in the same round; ``unit`` itself in seconds."""
    for call in calls.values():
        call()  # what is imported or looked up at a first call is not what a call costs
    ratios: dict[str, list[float]] = {name: [] for name in calls}
    units = []
    for _ in range(rounds):
        units.append(seconds(unit))
        for name, call in calls.items():
            ratios[name].append(seconds(call) / units[-1])
    return {name: statistics.median(found) for name, found in ratios.items()} | {"unit": statistics.median(units)}


def middle(times: Sequence[float], together: int) -> float:
    """The median of single steps; of the means over so many in a row, where one of these does what is for all."""
    return statistics.median(statistics.fmean(times[i : i + together]) for i in range(0, len(times), together))


_TRIM, _MAP = -1, -3  # of mallopt: M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
_KEPT, _LARGEST = 1 << 30, 1 << 25  # bytes; the latter is the most that glibc takes


def keep_memory() -> None:
    """Have glibc keep the memory that is freed, for the rest of this process.

    By chance, namely by what lies at the end of the heap, it gives a few megabytes back in each step of a training or
    in none. To get them anew takes longer than anything that is compared here (a thousand page faults, 2 ms).
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MAP, _LARGEST)
        mallopt(_TRIM, _KEPT)
