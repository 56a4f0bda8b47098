"""What takes long is said on a terminal, and nowhere else."""

import io
import time

import pytest

from gradcheck.outcome.waiting import told_while_waiting


class Stream(io.StringIO):
    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


def written(monkeypatch: pytest.MonkeyPatch, *, terminal: bool, takes: float) -> str:
    stream = Stream(terminal)
    monkeypatch.setattr("sys.stderr", stream)
    with told_while_waiting(lambda: "looking", patience=0.02 if takes else 60.0):
        time.sleep(takes)
    return stream.getvalue()


def test_a_line_is_shown_after_a_while_and_erased(monkeypatch):
    shown = written(monkeypatch, terminal=True, takes=0.3)
    assert shown.startswith("\rlooking")
    assert shown.endswith("\r       \r")


def test_what_is_quick_says_nothing(monkeypatch):
    assert written(monkeypatch, terminal=True, takes=0.0) == ""


def test_where_there_is_no_terminal_nothing_is_written(monkeypatch):
    assert written(monkeypatch, terminal=False, takes=0.1) == ""


def test_an_exception_passes_and_the_line_is_erased(monkeypatch):
    stream = Stream(terminal=True)
    monkeypatch.setattr("sys.stderr", stream)

    def interrupted() -> None:
        with told_while_waiting(lambda: "looking", patience=0.02):
            time.sleep(0.3)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert stream.getvalue().endswith("\r       \r")
