"""The pytest plugin: a failing check fails its test.

In the test's own thread a check raises :class:`~gradcheck.GradientMismatch` at the line that called it.
In other threads and in worker processes an exception may be lost; there a check returns its report, and
if it failed and nobody looked, the test fails at its end. With ``-v`` all checks are listed at the end.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from gradcheck import marker, outcome
from gradcheck.errors import GradcheckError, GradientMismatch
from gradcheck.outcome.spool import Arrival, Spool, opened
from gradcheck.tracebacks import hide_our_frames

if TYPE_CHECKING:
    from pathlib import Path

    from _pytest.terminal import TerminalReporter

    from gradcheck.report import Report

__all__ = ["Checks", "gradcheck_dtype", "gradcheck_seed", "pytest_addoption", "pytest_configure"]

# The attribute of a test report under which its checks travel to the controller of pytest-xdist.
_CARGO = "gradcheck_reports"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--gradcheck-seed`` and ``--gradcheck-json``."""
    group = parser.getgroup("gradcheck")
    group.addoption(
        "--gradcheck-json",
        metavar="PATH",
        help='write the reports of all gradient checks to this file, for "gradcheck show" and "gradcheck diff"',
    )
    group.addoption(
        "--gradcheck-seed",
        type=int,
        metavar="N",
        help="the seed of gradient checks that are given none (default: 0)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """From here to the end of the session, failing checks raise and threads' reports are collected."""
    seed = config.getoption("--gradcheck-seed")
    if seed is not None and seed < 0:
        raise pytest.UsageError(f"--gradcheck-seed {seed}: a seed is 0 or more")
    file = config.getoption("--gradcheck-json")
    if file is not None and not (config.invocation_params.dir / file).parent.is_dir():
        raise pytest.UsageError(f"--gradcheck-json: there is no folder {(config.invocation_params.dir / file).parent}")
    stack = ExitStack()
    checks = Checks(config, stack.enter_context(opened()))
    stack.enter_context(outcome.home(raises=True, tell=checks.tell, own_thread=True, owns_spool=True))
    stack.enter_context(outcome.defaults(seed=seed))
    config.add_cleanup(stack.close)
    config.pluginmanager.register(checks, "gradcheck-checks")
    config.addinivalue_line("markers", marker.LINE)


@pytest.fixture
def gradcheck_seed() -> int:
    """The seed of gradient checks that are given none: the marker's, else that of --gradcheck-seed, else 0."""
    return outcome.default_seed()


@pytest.fixture
def gradcheck_dtype() -> str:
    """The dtype that ``@pytest.mark.gradcheck`` gives this test's gradient checks; "float64" without it."""
    return outcome.default_dtype() or "float64"


@pytest.hookimpl(trylast=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test with ``@pytest.mark.gradcheck(...)`` one test for every dtype and seed."""
    marker.parametrize(metafunc)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse the marker where it cannot do what it says."""
    marker.refuse_unserved(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Give the test's checks, and those of its fixtures, the marker's dtype and seed."""
    with marker.using_case_of(item):
        return (yield)


class Checks:
    """The checks of one session."""

    def __init__(self, config: pytest.Config, spool: Spool) -> None:
        self._config = config
        self._spool = spool
        self._verbose = config.get_verbosity() > 0
        file = config.getoption("--gradcheck-json")
        self._file = None if file is None else config.invocation_params.dir / file
        self._keeps = self._verbose or file is not None
        self._finished: list[str] = []  # in the phase that runs now, as JSON
        self._listed: list[tuple[str, str]] = []  # test and report of the whole session
        self._strays: list[str] = []  # failures that came when no test was left to fail

    def tell(self, report: Report) -> None:
        """Take note of a check that finished in the test's own thread."""
        if self._keeps:
            self._finished.append(report.to_json())

    def _missed(self) -> str:
        """What came through the spool, failed and was looked at by nobody; empty when there is nothing."""
        arrivals = self._spool.take()
        if self._keeps:
            self._finished += [arrival.text for arrival in arrivals]
        missed = [arrival for arrival in arrivals if arrival.missed]
        return _complaint(missed) if missed else ""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self) -> Generator[None, object, object]:
        """Show the fixture's line, not ours, when a check fails in a fixture."""
        return (yield from self._shown_at_caller())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Fail the test if a check failed elsewhere and nobody looked."""
        try:
            result = yield from self._shown_at_caller()
        except BaseException:
            # The test has failed (or was skipped) by itself: add to it, do not hide why.
            if missed := self._missed():
                item.add_report_section("call", "gradcheck", missed)
            raise
        self._fail_if_missed()
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self) -> Generator[None, object, object]:
        """As for the call: pools and threads often end with their fixture."""
        result = yield from self._shown_at_caller()
        self._fail_if_missed()
        return result

    def _shown_at_caller(self) -> Generator[None, object, object]:
        try:
            return (yield)
        except (GradientMismatch, GradcheckError) as error:
            if not self._config.getoption("fulltrace"):
                hide_our_frames(error)
            if isinstance(error, GradientMismatch):
                error.args = (_message(error.report, self._config.get_terminal_writer().fullwidth),)
            raise

    def _fail_if_missed(self) -> None:
        __tracebackhide__ = True
        if missed := self._missed():
            pytest.fail(missed, pytrace=False)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Hang the phase's checks on its report, which pytest-xdist sends to the controller."""
        report = yield
        if call.excinfo is not None and isinstance(call.excinfo.value, GradientMismatch):
            _say_what_failed(report, call.excinfo.value.report)
        finished, self._finished = self._finished, []
        if finished:
            setattr(report, _CARGO, finished)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Gather the checks of all tests, of all workers."""
        self._listed += [(report.nodeid, text) for text in getattr(report, _CARGO, [])]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the session for threads that outlived every test."""
        if missed := self._missed():
            self._strays.append(missed)
        if hasattr(self._config, "workeroutput"):
            self._config.workeroutput["gradcheck_strays"] = self._strays
        elif self._file is not None:
            _write(self._file, self._listed)
        if self._strays and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take a finished pytest-xdist worker's strays."""
        self._strays += getattr(node, "workeroutput", {}).get("gradcheck_strays", [])

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """List the checks with ``-v``, and in any case the failures that no test could be blamed for."""
        if self._listed and self._verbose:
            terminalreporter.section("gradient checks")
            terminalreporter.write_line(_table(self._listed, terminalreporter._tw.fullwidth))
        for stray in self._strays:
            terminalreporter.section("gradient checks after the last test", red=True)
            terminalreporter.write_line(stray)


def _complaint(missed: Sequence[Arrival]) -> str:
    from gradcheck.views import json

    what = "A gradient check" if len(missed) == 1 else f"{len(missed)} gradient checks"
    return (
        f"{what} failed where no exception can reach the test, and nobody looked at the report.\n"
        "Read report.ok or call report.raise_if_failed() in the test, or pass raises=False if the failure is meant."
        + "".join(f"\n\nin {arrival.origin}:\n{json.loads(arrival.text)}" for arrival in missed)
    )


def _message(report: Report, width: int) -> str:
    """The report as pytest shows an exception: behind an indented E, which takes some of the terminal's width."""
    from gradcheck.views.console import to_text

    return to_text(report, min(100, max(60, width - len("E       "))), signed=False)


def _say_what_failed(test: pytest.TestReport, report: Report) -> None:
    """Let pytest's short summary, which has one line for a test, begin with the report's first line."""
    from gradcheck.views.headline import headline

    crash = getattr(test.longrepr, "reprcrash", None)
    if crash is not None:
        crash.message = headline(report)


def _write(file: Path, listed: Sequence[tuple[str, str]]) -> None:
    """Write the reports, those of a test together, to the file."""
    from gradcheck.views.document import Source, dumps_all
    from gradcheck.views.json import loads
    from gradcheck.views.save import write

    of_tests: dict[str, list[Report]] = {}
    for test, text in listed:
        of_tests.setdefault(test, []).append(loads(text))
    try:
        write(file, dumps_all([Source(test, tuple(reports)) for test, reports in of_tests.items()]) + "\n")
    except GradcheckError as error:
        raise pytest.UsageError(f"--gradcheck-json: {error}") from error


def _table(listed: Sequence[tuple[str, str]], width: int) -> str:
    from gradcheck.views import json
    from gradcheck.views.summary import summary_table

    return summary_table([json.loads(text) for _, text in listed], [test for test, _ in listed]).to_text(width)
