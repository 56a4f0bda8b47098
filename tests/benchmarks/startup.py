"""What starting costs: ``import gradcheck``, and the plugin, as it was installed, in a session that checks nothing."""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tables import Table, times

HEAVY = ("numpy", "torch", "rich")
LIMIT = 50.0  # ms that either may add
_ROOT = str(Path(__file__).resolve().parents[2])


def table(rounds: int) -> Table:
    """Medians over rounds in which each program is started with gradcheck and without, in turn."""
    made = Table(
        "what gradcheck adds to the start of a program",
        ["program", "imports", "without", "with", "ratio", "added", "limit"],
    )
    with tempfile.TemporaryDirectory() as folder:
        test = Path(folder, "test_nothing.py")
        test.write_text("def test_nothing(): pass\n", encoding="utf-8")
        pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", folder, str(test)]
        pairs = {
            "import gradcheck": (_python("pass"), _python("import gradcheck")),
            "pytest, one empty test": ([*pytest, "-p", "no:gradcheck"], pytest),
        }
        for name, (without, with_it) in pairs.items():
            taken = [(_milliseconds(without), _milliseconds(with_it)) for _ in range(rounds + 1)][1:]
            bare, full = (statistics.median(times_of) for times_of in zip(*taken, strict=True))
            added = statistics.median(b - a for a, b in taken)
            verdict = "kept" if added < LIMIT else "not kept"
            row = [name, _heavy(name, test), f"{bare:.0f} ms", f"{full:.0f} ms", times(full / bare), f"{added:.1f} ms"]
            made.rows.append([*row, f"{LIMIT:.0f} ms: {verdict}"])
    made.remarks.append(f"CPU time of each process, medians over {rounds} starts of each, in turn")
    return made


def _python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def _milliseconds(command: Sequence[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _run(command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1e3 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def _run(command: Sequence[str]) -> str:
    path = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": path})
    return done.stdout


def _heavy(name: str, test: Path) -> str:
    """Which of the large packages the program has imported when it ends."""
    ask = f"import sys; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    if name == "import gradcheck":
        program = f"import gradcheck; {ask}"
    else:
        options = ["-q", "-p", "no:cacheprovider", "-p", "no:terminal", str(test)]
        program = f"import pytest; pytest.main({options!r}); {ask}"
    return ", ".join(_run(_python(program)).split()) or "none of " + ", ".join(HEAVY)
