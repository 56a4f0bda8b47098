"""``pytest --gradcheck-json``: the reports of a session in a file."""

import pytest

from gradcheck.views.document import load_sources

TESTS = """
import threading
from ends_of_checks import bad, good

def test_here():
    good("affine")
    bad("softmax")

def test_there():
    thread = threading.Thread(target=good, args=["conv"])
    thread.start()
    thread.join()

def test_nothing():
    pass
"""


@pytest.mark.parametrize("arguments", [(), ("-n", "2"), ("-v",)], ids=["one process", "xdist", "verbose"])
def test_the_reports_of_all_tests_are_written(folder, arguments):
    folder.makepyfile(test_a=TESTS)
    result = folder.runpytest_subprocess("--gradcheck-json", "out.json", *arguments)
    result.assert_outcomes(failed=1, passed=2)
    sources = {source.name: source for source in load_sources(folder.path / "out.json")}
    assert {name: [report.subject for report in source.reports] for name, source in sources.items()} == {
        "test_a.py::test_here": ["affine", "softmax"],
        "test_a.py::test_there": ["conv"],
    }
    assert ("gradient checks" in result.stdout.str()) == ("-v" in arguments)


def test_a_file_that_cannot_be_written_is_told(folder):
    folder.makepyfile(test_a=TESTS)
    result = folder.runpytest_inprocess("--gradcheck-json", "nowhere/out.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--gradcheck-json: *there is no folder*nowhere*"])
