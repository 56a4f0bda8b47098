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
  gradcheck run --html out.html a.py    with pictures of what is wrong, to pass on
  gradcheck explain GC201               what a code in a report means
  gradcheck explain                     all codes
  gradcheck diff old.json new.json      what broke, and what was mended

Such a script is plain Python; "gradcheck run --help" shows one.
In a notebook end a cell with check_layer(...). Under pytest a failing check fails its
test: "pytest --help" lists the options beginning with --gradcheck.
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
  gradcheck run --html out.html --json out.json check_net.py
  gradcheck run --github checks/*.py                  in a workflow: marks the lines

exit status:
  0    everything checked is right
  1    a gradient is wrong or could not be decided, or a backward has a fault
  2    a script is missing, ended in an error, or checked nothing
  130  interrupted
"""

_SHOW_DESCRIPTION = """\
Prints reports that were saved, as they were printed: by "gradcheck run --json",
"pytest --gradcheck-json" or report.save("report.json").
"""

_SHOW_EXAMPLES = """\
examples:
  gradcheck run --json out.json check_net.py
  gradcheck show out.json
  gradcheck show --width 80 monday.json tuesday.json

exit status: that of "gradcheck run"
"""

_DIFF_DESCRIPTION = """\
Compares two files of saved reports, check by check and gradient by gradient: what
broke, what was mended, what is new, and what is gone.
"""

_DIFF_EXAMPLES = """\
examples:
  gradcheck run --exit-zero --json old.json checks/*.py     before a change
  gradcheck run --exit-zero --json new.json checks/*.py     after it
  gradcheck diff old.json new.json

exit status:
  0    nothing broke
  1    something is not right that was right or was not there
  2    a file holds no reports
"""

_COMPLETION_DESCRIPTION = """\
Prints a script with which the shell completes commands, options and codes.
"""

_COMPLETION_EXAMPLES = """\
examples:
  eval "$(gradcheck completion bash)"                        in ~/.bashrc
  eval "$(gradcheck completion zsh)"                         in ~/.zshrc, below compinit
  gradcheck completion fish > ~/.config/fish/completions/gradcheck.fish
"""

_EXPLAIN_DESCRIPTION = """\
Tells what a code in a report means: what is wrong, a wrong and a right example that
can be run, and why it happens. Without a code: a line for each.
"""

_EXPLAIN_EXAMPLES = """\
examples:
  gradcheck explain GC232
  gradcheck explain | grep batch
  gradcheck explain --html codes.html     all of them on one page

exit status:
  0    explained
  2    there is no such code, or the page cannot be written
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

    def command(name: str, told: str, description: str, examples: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=told,
            description=description,
            epilog=examples,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    run = command("run", "run scripts and show the checks in them", _RUN_DESCRIPTION, _RUN_EXAMPLES)
    run.add_argument("files", nargs="+", metavar="FILE", help="a Python script that calls gradcheck's checks")
    run.add_argument("--seed", type=_seed, metavar="N", help="the seed of checks that are given none (default: 0)")
    run.add_argument("--html", metavar="PATH", help="save all reports as one page, with pictures")
    run.add_argument("--json", metavar="PATH", help='save all reports as JSON, for "gradcheck show" and "diff"')
    run.add_argument("--github", action="store_true", help="print what failed as GitHub's annotations as well")
    explain = command("explain", "tell what a code in a report means", _EXPLAIN_DESCRIPTION, _EXPLAIN_EXAMPLES)
    explain.add_argument("codes", nargs="*", metavar="CODE", help="as it stands in a report: GC201 (default: list all)")
    explain.add_argument("--html", metavar="PATH", help="save all codes as one page")
    show = command("show", "print reports that were saved", _SHOW_DESCRIPTION, _SHOW_EXAMPLES)
    show.add_argument("files", nargs="+", metavar="FILE", help="a JSON file of reports")
    for shows in (run, show):
        zero = "exit 0 even when something is wrong (not for status 2)"
        shows.add_argument("--exit-zero", action="store_true", help=zero)
    diff = command("diff", "tell what changed between two saved runs", _DIFF_DESCRIPTION, _DIFF_EXAMPLES)
    diff.add_argument("old", metavar="OLD", help="a JSON file of reports")
    diff.add_argument("new", metavar="NEW", help="another, of a later run")
    for prints in (run, show, diff):
        columns = "columns of the output (default: the terminal's)"
        prints.add_argument("--width", type=_width, metavar="N", help=columns)
    shell = command("completion", "print a shell's completion script", _COMPLETION_DESCRIPTION, _COMPLETION_EXAMPLES)
    shell.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell")
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

    return _called(given, parser)


def _called(given: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Each command is imported when it is called: a version or a help text loads no library."""
    match given.command:
        case "explain":
            from gradcheck.commands.explain import explain

            return explain(given.codes, html=given.html)
        case "show":
            from gradcheck.commands.show import show

            return show(given.files, exit_zero=given.exit_zero, width=given.width)
        case "diff":
            from gradcheck.commands.diff import diff

            return diff(given.old, given.new, width=given.width)
        case "completion":
            from gradcheck.commands.completion import completion

            return completion(given.shell, parser)
    from gradcheck.commands.run import run

    return run(
        given.files,
        exit_zero=given.exit_zero,
        seed=given.seed,
        width=given.width,
        html=given.html,
        json_file=given.json,
        github=given.github,
    )
