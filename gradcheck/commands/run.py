"""``gradcheck run``: run scripts, show every report as it finishes, end with a summary."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from gradcheck import outcome
from gradcheck.commands.github import workflow_commands
from gradcheck.commands.printed import MISUSE, exit_status, print_heading, print_summary
from gradcheck.commands.script import run_script
from gradcheck.commands.stdout import LeavingOut, leaving_out
from gradcheck.errors import GradcheckError, GradientMismatch
from gradcheck.outcome.spool import Spool, opened
from gradcheck.report import Report
from gradcheck.tracebacks import from_file, hide_our_frames
from gradcheck.views import json
from gradcheck.views.document import Source, dumps_all
from gradcheck.views.html_page import to_page_of_all
from gradcheck.views.page import printable
from gradcheck.views.save import write

__all__ = ["run"]

INTERRUPTED = 130


@dataclass
class Script:
    """One file of the call and what came of it; ``trouble`` says in a few words why it counts as misuse."""

    path: Path
    name: str
    reports: list[Report] = field(default_factory=list)
    trouble: str = ""

    @property
    def failed(self) -> int:
        """How many of its checks failed."""
        return sum(not report.ok for report in self.reports)

    def as_source(self) -> Source:
        """What is kept of it."""
        return Source(self.name, tuple(self.reports), self.trouble)


def run(
    files: Sequence[str],
    *,
    exit_zero: bool = False,
    seed: int | None = None,
    width: int | None = None,
    html: str | None = None,
    json_file: str | None = None,
    github: bool = False,
) -> int:
    """Run the scripts one after another and return the exit status, as ``gradcheck run --help`` lists them."""
    scripts = [Script(Path(name), name) for name in files]
    if not (_all_readable(scripts) and all(_can_be_written(name) for name in (html, json_file) if name is not None)):
        return MISUSE
    session = _Session(scripts, Console(width=width, highlight=False, soft_wrap=False))
    with opened() as spool, outcome.defaults(seed=seed), outcome.home(tell=session.tell, owns_spool=True):
        try:
            for script in scripts:
                session.run(script, spool)
        except KeyboardInterrupt:
            print("gradcheck: interrupted", file=sys.stderr)
            session.current.trouble = "was interrupted"
            done = [script.as_source() for script in scripts if script.reports or script.trouble]
            _keep(done, html, json_file)
            return INTERRUPTED
    sources = [script.as_source() for script in scripts]
    print_summary(session.console, sources)
    if github:
        for line in workflow_commands(sources):
            print(printable(line))
    return exit_status(sources, exit_zero) if _keep(sources, html, json_file) else MISUSE


def _keep(sources: Sequence[Source], html: str | None, json_file: str | None) -> bool:
    """Write the files that were asked for; False, and a line on standard error, where one cannot be written."""
    try:
        if html is not None:
            write(Path(html), to_page_of_all(sources))
        if json_file is not None:
            write(Path(json_file), dumps_all(sources) + "\n")
    except GradcheckError as error:
        print(f"gradcheck run: {error}", file=sys.stderr)
        return False
    return True


def _all_readable(scripts: Sequence[Script]) -> bool:
    fine = True
    for script in scripts:
        if not script.path.is_file():
            what = "is a folder; name the scripts in it" if script.path.is_dir() else "there is no such file"
            print(f"gradcheck run: {script.name}: {what}", file=sys.stderr)
            fine = False
    return fine


def _can_be_written(name: str) -> bool:
    """Whether a file can be there, which is asked before scripts run for an hour."""
    file = Path(name)
    if file.is_dir() or not file.absolute().parent.is_dir():
        what = "is a folder; name a file" if file.is_dir() else f"there is no folder {file.parent}"
        print(f"gradcheck run: {name}: {what}", file=sys.stderr)
        return False
    return True


class _Session:
    """What is shown while the scripts run."""

    def __init__(self, scripts: Sequence[Script], console: Console) -> None:
        self._scripts = scripts
        self.console = console
        self.current = scripts[0]
        self._status: Status | None = None
        self._shown: set[str] = set()
        self._out: LeavingOut | None = None

    def run(self, script: Script, spool: Spool) -> None:
        """Run one script under its heading."""
        self.current = script
        if script is not self._scripts[0]:
            self.console.print()
        print_heading(self.console, script.name)
        with self._progress(), leaving_out(self._shown) as self._out:
            try:
                run_script(script.path)
            except GradientMismatch:
                # Its report has been shown; that the script ends here is what it asked for.
                pass
            except SystemExit as stop:
                script.trouble = self._trouble_of_exit(stop)
            except Exception as error:
                self._show(error, script)
                script.trouble = f"ended in {type(error).__name__}"
            finally:
                for arrival in spool.take():
                    self.tell(json.loads(arrival.text))
        if not script.reports and not script.trouble:
            script.trouble = "checked nothing"

    def _progress(self) -> AbstractContextManager[object]:
        # Rich passes the script's own prints by the moving line, which only a terminal can show.
        if not self.console.is_terminal:
            return nullcontext()
        self._status = self.console.status(self._doing())
        return self._status

    def _doing(self) -> str:
        n, of = self._scripts.index(self.current) + 1, len(self._scripts)
        done, failed = len(self.current.reports), self.current.failed
        so_far = f"{_count(done, 'check')}, {failed} failed" if done else "no check yet"
        return f"running {escape(self.current.name)} (script {n} of {of}; {so_far})"

    def tell(self, report: Report) -> None:
        """Show a report that has just finished."""
        sys.stdout.flush()
        self.current.reports.append(report)
        if self._out is not None:
            self._out.below_report = False
        self.console.print()
        self.console.print(report)
        self._shown.add(str(report))
        if self._out is not None:
            self._out.below_report = True
        if self._status is not None:
            self._status.update(self._doing())

    def _trouble_of_exit(self, stop: SystemExit) -> str:
        if isinstance(stop.code, str):
            self._set_apart()
            print(stop.code, file=sys.stderr)
        # A script may well turn failed checks into its own exit status; the reports say it better.
        if stop.code in (None, 0) or self.current.failed:
            return ""
        return f"exited with status {1 if isinstance(stop.code, str) else stop.code}"

    def _show(self, error: BaseException, script: Script) -> None:
        """Print a traceback as python would have, without the frames of gradcheck around and below the script."""
        error.__traceback__ = from_file(error.__traceback__, str(script.path.absolute()))
        hide_our_frames(error)
        self._set_apart()
        traceback.print_exception(error)

    def _set_apart(self) -> None:
        """Before something is written past standard output: what is on it comes first, and ends in an empty line."""
        if self._out is not None:
            self._out.set_apart()
        sys.stdout.flush()


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
