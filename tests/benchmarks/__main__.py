"""Measure gradcheck: what it costs, what it catches, what it blames in vain, and what PyTorch's own check does.

python tests/benchmarks                      all tables, some 15 minutes
python tests/benchmarks --quick              smaller sizes and fewer seeds, about a minute
python tests/benchmarks --only costs sweep   some of the tables
python tests/benchmarks --markdown FILE      the tables as markdown too
"""

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

# one core, before NumPy and PyTorch start their threads
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
ROOT = Path(__file__).resolve().parents[2]
sys.path[1:1] = [str(ROOT), str(ROOT / "fixtures"), str(ROOT / "tests" / "diagnosis"), str(ROOT / "tests" / "applied")]

import alarms  # noqa: E402 - the path is set above
import bars  # noqa: E402
import births  # noqa: E402
import blind_spots  # noqa: E402
import blindness  # noqa: E402
import calibration  # noqa: E402
import causes  # noqa: E402
import costs  # noqa: E402
import function_causes  # noqa: E402
import memory  # noqa: E402
import modules  # noqa: E402
import numpy as np  # noqa: E402
import power  # noqa: E402
import right_layers  # noqa: E402
import scaling  # noqa: E402
import several  # noqa: E402
import sizes  # noqa: E402
import startup  # noqa: E402
import sweep  # noqa: E402
import torch  # noqa: E402
import watching  # noqa: E402
from rich.console import Console  # noqa: E402
from tables import Table  # noqa: E402

import gradcheck  # noqa: E402


def sections(quick: bool, only_sizes: Sequence[str] = ()) -> dict[str, list[Callable[[], Table]]]:
    """The tables by name; each is made when called."""
    rounds, slow = (1, 1.0) if quick else (7, 60.0)
    chosen = only_sizes or (("100,000",) if quick else tuple(size for size in sizes.SIZES if size != "middle"))
    return {
        "costs": [lambda size=size: costs.table(size, rounds, slow) for size in chosen],
        "sweep": [lambda: sweep.table(1, quick=True)]
        if quick
        else [lambda: sweep.table(3), lambda: sweep.table(1, "100,000")],
        "causes": [lambda: causes.table(1 if quick else 3), lambda: function_causes.table(4 if quick else 1)],
        "alarms": [
            lambda: right_layers.table(2 if quick else 20),
            lambda: alarms.table(3 if quick else 50, ("small",) if quick else ("small", "middle")),
        ],
        "health": [lambda: calibration.healthy(1 if quick else 5), lambda: calibration.broken(1 if quick else 3)],
        "watching": [lambda: watching.table(1 if quick else 7), lambda: births.table(3 if quick else 15)],
        "blindness": [lambda: blindness.table(2, (16, 100), 2.0) if quick else blindness.table(20)],
        "startup": [lambda: startup.table(3 if quick else 21)],
        "power": [lambda: power.table(3, (10, 32)) if quick else power.table(40)],
        "modules": [lambda: modules.table(1 if quick else 5)],
        "distributed": [lambda: several.table(1 if quick else 5)],
        "bars": [lambda: bars.table(100 if quick else 2000)],
        "memory": [lambda: memory.table((1_000_000,) if quick else memory.SIZES)],
        "scaling": [lambda: scaling.table((100, 10_000), 1, 2.0) if quick else scaling.table()],
        "peers": [lambda: blind_spots.table(3 if quick else 20)],
    }


def main() -> int:
    """Make the tables, show them as they come, and write them."""
    parser = argparse.ArgumentParser(prog="python tests/benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="smaller sizes, fewer seeds: about a minute")
    parser.add_argument("--only", nargs="+", choices=list(sections(True)), help="some of the tables")
    parser.add_argument("--sizes", nargs="+", choices=sizes.SIZES, help="of the table of costs: some of the sizes")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables to FILE as well")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # PyTorch's check warns of float32 inputs, which are the point
    console = Console(width=None if sys.stdout.isatty() else 200)
    versions = f"gradcheck {gradcheck.__version__}, torch {torch.__version__}, numpy {np.__version__}, one core"
    written = ["# Measured", "", versions + (", --quick" if options.quick else ""), ""]
    console.print(versions)
    for name, tables in sections(options.quick, options.sizes or ()).items():
        if options.only and name not in options.only:
            continue
        for make in tables:
            started = time.perf_counter()
            table = make()
            table.show(console)
            console.print(f"  ({time.perf_counter() - started:.0f} s)\n", style="dim")
            written.append(table.markdown())
    if options.markdown:
        options.markdown.write_text("\n".join(written), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
