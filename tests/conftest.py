"""Fixtures for tests that run pytest or scripts in a folder of their own."""

import concurrent.futures.process  # noqa: F401 (as below)
import os
import sys

import pytest

# Sessions started in this process forget what was first imported in them, and would meet two copies of a module.
import gradcheck.commands.run  # noqa: F401

# Small arrays gain nothing from threads, and the workers of pytest-xdist would take the cores from one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

LAYERS = '''
from gradcheck.outcome import finish
from gradcheck.report import GradientResult, Report


def layer(name, ok, raises=None):
    """End a check as the public checks do."""
    __tracebackhide__ = True
    verdict = "right" if ok else "wrong"
    gradient = GradientResult("", "dw", "w", (2, 3), "float64", verdict, compared_with="autograd", relative_error=0.5)
    return finish(Report(name, "layer", "forward, backward", "float64", 0, (gradient,)), raises)


def good(name="good layer", raises=None):
    __tracebackhide__ = True
    return layer(name, True, raises)


def bad(name="bad layer", raises=None):
    __tracebackhide__ = True
    return layer(name, False, raises)
'''


@pytest.fixture(autouse=True)
def _no_hypothesis_failed():
    """A hypothesis that raises is passed over in the search for a cause; here it is a mistake of ours."""
    yield
    attempt = sys.modules.get("gradcheck.causes.attempt")
    if attempt is not None and attempt.failures:
        told = attempt.failures.popleft()
        attempt.failures.clear()
        pytest.fail(told, pytrace=False)


@pytest.fixture
def folder(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """An empty folder with a module ``ends_of_checks``: ``good()`` and ``bad()`` end a check that passes or fails."""
    # Hypothesis would be loaded anew by every session in this process.
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest")
    pytester.makepyfile(ends_of_checks=LAYERS)
    pytester.syspathinsert()
    return pytester
