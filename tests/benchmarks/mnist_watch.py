"""The Haskell network at its author's size, 784-1000-10, under watch on MNIST.

MNIST_DIR=FOLDER python tests/benchmarks/mnist_watch.py

For each of the author's steps: what is found first, and how much longer the training takes than without the watch.
"""

import os
import sys
import time
from pathlib import Path

# one core, before NumPy starts its threads
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
ROOT = Path(__file__).resolve().parents[2]
sys.path[1:1] = [str(ROOT), str(ROOT / "fixtures")]

import mnist  # noqa: E402 - the path is set above
import numpy as np  # noqa: E402
from digits import batches, one_hot  # noqa: E402
from haskell_mlp.network_broken import Network as Broken  # noqa: E402
from haskell_mlp.network_repaired import Network as Repaired  # noqa: E402
from rich.console import Console  # noqa: E402
from tables import Table  # noqa: E402

from gradcheck import watch  # noqa: E402
from gradcheck.report import Report  # noqa: E402

STEPS = 100
SIZES = (784, 1000, 10)


def train(network: type, step: float, steps: int, watched: bool) -> tuple[float, Report | None]:
    """Train on batches of 20; give the seconds it took, and the report."""
    x, labels, _, _ = mnist.load()
    net = network(sizes=SIZES)
    rounds = [(x[rows], one_hot(labels[rows])) for rows, _ in zip(batches(len(x), 20, 1), range(steps), strict=False)]
    began = time.perf_counter()
    if not watched:
        with np.errstate(all="ignore"):
            for inputs, target in rounds:
                net.loss(inputs, target)
                net.move(-step, net.backward(inputs, target))
        return time.perf_counter() - began, None
    with np.errstate(all="ignore"), watch(net) as health:
        for inputs, target in rounds:
            loss = net.loss(inputs, target)
            net.move(-step, net.backward(inputs, target))
            health.step(loss=loss, labels=target)
    return time.perf_counter() - began, health.report(raises=False)


def table(steps: int = STEPS) -> Table:
    """One row for each network and step."""
    made = Table(
        f"784-1000-10 on MNIST, {steps} steps", ["network", "found, in the order of the report", "step", "time"]
    )
    for name, network, step in [
        ("broken", Broken, 0.05),
        ("broken", Broken, 0.2),
        ("broken", Broken, 0.3),
        ("repaired", Repaired, 0.05),
    ]:
        bare, _ = train(network, step, steps, watched=False)
        seconds, report = train(network, step, steps, watched=True)
        assert report is not None
        found = dict.fromkeys(
            f.code + (f" (step {f.step})" if f.code == "GC300" else "") for f in report.findings if f.severity != "info"
        )
        made.rows.append([name, ", ".join(found) or "nothing above info", f"{step}", f"× {seconds / bare:.2f}"])
    return made


if __name__ == "__main__":
    if not mnist.available():
        sys.exit("MNIST_DIR names no folder with the MNIST files")
    table().show(Console())
