"""The seed for all checks, the list of checks at the end, and what the plugin costs."""

import json
import subprocess
import sys

import pytest

SEEDS = """
import threading
from concurrent.futures import ProcessPoolExecutor
import multiprocessing
from gradcheck.outcome import default_seed

def test_seed():
    seeds = [default_seed()]
    thread = threading.Thread(target=lambda: seeds.append(default_seed()))
    thread.start()
    thread.join()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        seeds.append(pool.submit(default_seed).result())
    assert seeds == [{expected}] * 3
"""


@pytest.mark.parametrize(
    ("arguments", "expected"), [((), 0), (("--gradcheck-seed", "7"), 7), (("--gradcheck-seed=7", "-n", "1"), 7)]
)
def test_the_default_seed_is_the_same_in_threads_and_processes(folder, arguments, expected):
    folder.makepyfile(SEEDS.format(expected=expected))
    folder.runpytest_subprocess(*arguments).assert_outcomes(passed=1)


def test_a_seed_that_cannot_be(folder):
    result = folder.runpytest_inprocess("--gradcheck-seed=-1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--gradcheck-seed -1: a seed is 0 or more*"])


TWO_TESTS = """
import threading
from ends_of_checks import bad, good

def test_here():
    good("affine")
    bad("softmax")

def test_there():
    thread = threading.Thread(target=good, args=["conv"])
    thread.start()
    thread.join()
"""


@pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_verbose_lists_all_checks_at_the_end(folder, arguments):
    folder.makepyfile(TWO_TESTS)
    result = folder.runpytest_subprocess("-v", *arguments)
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*= gradient checks =*", "*3 checks: 1 failed, 2 passed*"])
    result.stdout.fnmatch_lines_random(["  ✓ *affine *", "  ✗ *softmax *", "  ✓ *conv *"])


def test_the_list_is_left_out_without_v_and_without_checks(folder):
    folder.makepyfile(TWO_TESTS)
    folder.runpytest_inprocess().stdout.no_fnmatch_line("*gradient checks*")
    folder.makepyfile(test_empty="def test_nothing():\n    pass\n")
    folder.runpytest_inprocess("-v", "test_empty.py").stdout.no_fnmatch_line("*gradient checks*")


def test_checks_leave_no_trace_in_the_junit_file(folder):
    folder.makepyfile(TWO_TESTS)
    folder.runpytest_inprocess("-v", "--junitxml=junit.xml")
    assert "gradcheck_report" not in (folder.path / "junit.xml").read_text()


def test_a_session_without_checks_loads_neither_numpy_nor_torch_nor_rich(folder, monkeypatch):
    folder.makeconftest(
        """
        import json, sys

        def pytest_unconfigure(config):
            assert config.pluginmanager.hasplugin("gradcheck")
            with open("loaded.json", "w") as file:
                json.dump(sorted({name.partition(".")[0] for name in sys.modules}), file)
        """
    )
    folder.makepyfile(test_empty="def test_nothing():\n    pass\n")
    # Other installed plugins may load what they like.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    folder.runpytest_subprocess("-v", "-p", "gradcheck", "test_empty.py").assert_outcomes(passed=1)
    loaded = json.loads((folder.path / "loaded.json").read_text())
    assert "gradcheck" in loaded
    assert not {"numpy", "torch", "rich"} & set(loaded)


def test_the_environment_is_as_before_when_the_session_ends(folder):
    script = "import os, pytest; before = dict(os.environ); pytest.main(['-q', '--gradcheck-seed=3']); "
    script += "os.environ.pop('PYTEST_VERSION', 0); before.pop('PYTEST_VERSION', 0); assert before == dict(os.environ)"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=folder.path)


def test_the_list_names_the_tests(folder):
    folder.makepyfile(test_two=TWO_TESTS)
    folder.runpytest_inprocess("-v").stdout.fnmatch_lines(
        [
            "*gradient checks*",
            "  test_two.py::test_here",
            "  ✓ *affine *",
            "  ✗ *softmax *",
            "  test_two.py::test_there",
        ]
    )
