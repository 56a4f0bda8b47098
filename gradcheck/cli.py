"""The command line: what can be called, and how it is explained."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

__all__ = ["main"]

MISUSE = 2

_DESCRIPTION = """\
Checks hand-written backward passes: tells whether a gradient is wrong, which one,
by how much, and, where its kind is known, how to mend it.
"""

_EXAMPLES = """\
examples:
  gradcheck run check_net.py            run a script and show every check in it
  gradcheck run checks/*.py             several scripts, one summary
  gradcheck run --seed 7 check_net.py   with other random probes
  gradcheck explain GC201               what a code in a report means
  gradcheck explain                     all codes

Such a script is plain Python; "gradcheck run --help" shows one.
"""

_RUN_DESCRIPTION = """\
Runs each script as "python SCRIPT" would, shows the report of every check that it
makes, also in threads and worker processes, and ends with a summary.
"""

_RUN_EXAMPLES = """\
a script to run, check_net.py:
  import numpy as np
  from gradcheck import check_layer

  def forward(x, w):
      return x @ w

  def backward(dout, x, w):
      return dout @ w.T, x.T @ dout

  rng = np.random.default_rng(0)
  check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 2)))

examples:
  gradcheck run check_net.py
  gradcheck run --exit-zero broken.py repaired.py     to look at, not to stop at
  gradcheck run --width 100 check_net.py > report.txt

exit status:
  0    everything checked is right
  1    a gradient is wrong or could not be decided, or a backward has a fault
  2    a script is missing, ended in an error, or checked nothing
  130  interrupted
"""

_EXPLAIN_DESCRIPTION = """\
Tells what a code in a report means: what is wrong, a wrong and a right example that
can be run, and why it happens. Without a code: a line for each.
"""

_EXPLAIN_EXAMPLES = """\
examples:
  gradcheck explain GC232
  gradcheck explain | grep batch

exit status:
  0    explained
  2    there is no such code
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gradcheck",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="show the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    run = commands.add_parser(
        "run",
        help="run scripts and show the checks in them",
        description=_RUN_DESCRIPTION,
        epilog=_RUN_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument("files", nargs="+", metavar="FILE", help="a Python script that calls gradcheck's checks")
    run.add_argument("--exit-zero", action="store_true", help="exit 0 even when something is wrong (not for status 2)")
    run.add_argument("--seed", type=_seed, metavar="N", help="the seed of checks that are given none (default: 0)")
    run.add_argument("--width", type=_width, metavar="N", help="columns of the output (default: the terminal's)")
    explain = commands.add_parser(
        "explain",
        help="tell what a code in a report means",
        description=_EXPLAIN_DESCRIPTION,
        epilog=_EXPLAIN_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    explain.add_argument("codes", nargs="*", metavar="CODE", help="as it stands in a report: GC201 (default: list all)")
    return parser


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a seed is a whole number, 0 or more, not {text!r}")
    return int(text)


def _width(text: str) -> int:
    if not text.isdecimal() or int(text) < 40:
        raise argparse.ArgumentTypeError(f"a width is a whole number of columns, 40 or more, not {text!r}")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line with ``arguments`` (``sys.argv`` without its first by default); return the exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.version:
        from gradcheck import __version__

        print(f"gradcheck {__version__}")
        return 0
    if given.command is None:
        parser.print_help(sys.stderr)
        return MISUSE

    if given.command == "explain":
        from gradcheck.commands.explain import explain

        return explain(given.codes)

    from gradcheck.commands.run import run

    return run(given.files, exit_zero=given.exit_zero, seed=given.seed, width=given.width)
