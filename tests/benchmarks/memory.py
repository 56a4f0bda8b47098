"""The memory that a check takes, as a multiple of what the layer's own forward and backward take.

Peaks of resident memory, for PyTorch's tensors are seen by no tracer of Python's: each is measured in a process of its
own (``ru_maxrss`` never falls), after a small check that loads whatever is loaded at a first one. The inputs count on
both sides.
"""

import gc
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tables import Table

LIMIT = 6.0
# Allowed on top, however small the layer: the records of a trace, the caches of NumPy and PyTorch.
ALLOWANCE = 16.0
SIZES = (100, 10_000, 1_000_000, 10_000_000)
# Loops of assignments to single entries.
_LOOPS = ("stores", "windows", "sums", "appended")
_ASSIGNMENTS = 60_000


def table(sizes: tuple[int, ...] = SIZES) -> Table:
    """Peak memory of every layer at every size."""
    from grown import NAMES

    made = Table("Peak memory of a check", ["layer", "of", "entries", "own, MB", "check, MB", "check / own", "within"])
    for kind in ("numpy", "torch"):
        for name in NAMES:
            for size in sizes:
                made.rows.append(_row(kind, name, size, made.remarks))
    for name in _LOOPS:
        made.rows.append(_row("numpy", name, _ASSIGNMENTS, made.remarks))
    made.remarks.append(
        f"own: inputs, one forward and one backward. The limit is {LIMIT:.0f} × own, or own + {ALLOWANCE:.0f} MB where "
        "that is more."
    )
    made.remarks.append(
        f"{', '.join(_LOOPS)}: {_ASSIGNMENTS:,} numbers computed one by one in Python: products of two entries, "
        "windows of three, sums of three terms, a list that becomes an array."
    )
    return made


def _row(kind: str, name: str, size: int, remarks: list[str]) -> list[str]:
    own, check = (peak(kind, name, size, what) for what in ("own", "check"))
    within = check <= max(LIMIT * own, own + ALLOWANCE)
    if not within:
        remarks.append(f"OVER: {name} of {kind}, {size:,} entries: {check:.0f} MB where its own peak is {own:.0f} MB")
    ratio = f"{check / own:.1f}" if own > 1 else "-"
    return [name, kind, f"{size:,}", f"{own:.1f}", f"{check:.1f}", ratio, "yes" if within else "NO"]


def peak(kind: str, name: str, size: int, what: str) -> float:
    """The growth of resident memory in MB, at its peak, in a fresh process."""
    arguments = [kind, name, str(size), what]
    environment = os.environ | {"MALLOC_TRIM_THRESHOLD_": "65536"}
    done = subprocess.run(
        [sys.executable, __file__, *arguments], capture_output=True, text=True, check=True, env=environment
    )
    return float(done.stdout.split()[-1])


def _resident() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024.0 if sys.platform != "darwin" else 1024.0**2)


def _call(kind: str, name: str, size: int, what: str) -> Callable[[], object]:
    """What is measured, inputs included."""
    from grown import numpy_layer, torch_layer

    from gradcheck.check import check_layer

    if kind == "torch":
        layer = torch_layer(name, size)
        if what == "own":
            return layer.one_pass
        return lambda: check_layer(layer.module, *(x.detach() for x in layer.inputs), raises=False)
    if name in _LOOPS:
        return _loop(name, size, what)
    made = numpy_layer(name, size)
    if what == "check":
        return lambda: check_layer(made.forward, made.backward, *made.inputs, kwargs=made.options, raises=False)

    def one_pass() -> object:
        *outs, cache = made.forward(*made.inputs, **made.options)
        return made.backward(*outs, cache)  # any array of their shapes will do as upstream gradients

    return one_pass


def _loop(name: str, size: int, what: str) -> Callable[[], object]:
    """A forward of ``size`` assignments to single entries of its output."""
    import loops
    import numpy as np

    from gradcheck.check import check_layer

    forward, backward = loops.LOOPS[name]
    rng = np.random.default_rng(3)
    inputs = rng.standard_normal(size), rng.standard_normal(3)
    if what == "check":
        return lambda: check_layer(forward, backward, *inputs, raises=False)
    return lambda: backward(*forward(*inputs))


def main() -> None:
    """Measure one call: kind, name, size, and ``own`` or ``check``."""
    kind, name, size, what = sys.argv[1:]
    root = Path(__file__).resolve().parents[2]
    sys.path[1:1] = [str(root), str(root / "fixtures"), str(root / "tests" / "diagnosis")]
    import torch

    torch.set_num_threads(1)
    for same in ("own", "check"):
        _call(kind, name, 200, same)()
    gc.collect()
    before = _resident()
    _call(kind, name, int(size), what)()
    print(_resident() - before)


if __name__ == "__main__":
    main()
