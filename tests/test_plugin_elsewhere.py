"""Threads and worker processes: a failure that nobody looked at fails the test at its end."""

import pytest

POOLS = {
    "threads": "ThreadPoolExecutor(2)",
    "fork": "ProcessPoolExecutor(1, mp_context=multiprocessing.get_context('fork'))",
    "spawn": "ProcessPoolExecutor(1, mp_context=multiprocessing.get_context('spawn'))",
}
HEADER = """
import asyncio
import multiprocessing
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import gradcheck
import pytest
from gradcheck import GradientMismatch
from ends_of_checks import bad, good

def raising_bad():
    with gradcheck.raising():
        bad()

def printing_bad():
    print(bad())
"""
NOBODY = "*failed where no exception can reach the test, and nobody looked at the report.*"


def run(folder, body, *arguments):
    lines = "\n".join("    " + line for line in body.strip().splitlines())
    folder.makepyfile(f"{HEADER}\n\ndef test_layers(capsys):\n{lines}\n")
    return folder.runpytest_inprocess(*arguments)


@pytest.fixture(params=POOLS)
def pool(request):
    return f"with {POOLS[request.param]} as pool:\n    "


@pytest.mark.parametrize(
    "call",
    [
        "list(pool.map(bad, ['affine']))",
        "pool.submit(bad, 'affine')",
        "pool.submit(printing_bad)",
        "str(pool.submit(bad).result()), repr(pool.submit(bad).result()), pool.submit(bad).result().to_json()",
        "pool.submit(good).result().ok; pool.submit(bad)",
    ],
)
def test_a_failure_in_a_pool_that_nobody_looked_at(folder, pool, call):
    result = run(folder, pool + call)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([NOBODY, "in *:", "✗ *: the gradient is wrong (dw)*"])
    result.stdout.no_fnmatch_line("*outcome*")


@pytest.mark.parametrize(
    "call",
    [
        "assert [r.ok for r in pool.map(bad, ['a', 'b'])] == [False, False]",
        "pytest.raises(GradientMismatch, pool.submit(bad).result().raise_if_failed)",
        "pytest.raises(GradientMismatch, pool.submit(bad, raises=True).result)",
        "pytest.raises(GradientMismatch, pool.submit(raising_bad).result)",
        "list(pool.map(good, ['a', 'b']))",
        "pool.submit(bad, raises=False)",
    ],
)
def test_a_failure_in_a_pool_that_was_looked_at(folder, pool, call):
    run(folder, pool + call).assert_outcomes(passed=1)


def test_one_of_several_that_nobody_looked_at(folder, pool):
    result = run(folder, pool + "list(pool.map(bad, ['first', 'second', 'third']))[1].ok")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["2 gradient checks" + NOBODY])
    result.stdout.fnmatch_lines_random(["✗ first: *", "✗ third: *"])
    result.stdout.no_fnmatch_line("✗ second: *")


@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_a_bare_process(folder, how):
    process = f"p = multiprocessing.get_context({how!r}).Process(target=bad); p.start(); p.join()"
    result = run(folder, process)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([NOBODY, "in process *:"])


def test_a_bare_thread(folder):
    result = run(folder, "t = threading.Thread(target=bad, name='worker 7'); t.start(); t.join()")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([NOBODY, "in thread worker 7:"])


def test_an_exception_lost_in_a_thread(folder):
    thread = "t = threading.Thread(target=raising_bad); t.start(); t.join()"
    run(folder, thread, "-Wignore::pytest.PytestUnhandledThreadExceptionWarning").assert_outcomes(failed=1)


def test_an_exception_left_in_a_future(folder):
    run(folder, "with ThreadPoolExecutor() as pool: pool.submit(bad, raises=True)").assert_outcomes(failed=1)


def test_an_exception_that_the_threads_own_code_caught(folder):
    body = """
def work():
    try:
        bad(raises=True)
    except GradientMismatch:
        pass
t = threading.Thread(target=work); t.start(); t.join()
"""
    run(folder, body).assert_outcomes(passed=1)


def test_a_copied_context_in_another_thread(folder):
    result = run(folder, "asyncio.run(asyncio.to_thread(bad))")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([NOBODY])


def test_a_failing_test_keeps_its_own_reason(folder):
    result = run(folder, "t = threading.Thread(target=bad, args=['affine']); t.start(); t.join(); assert 1 == 2")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *assert 1 == 2", "*Captured gradcheck call*", NOBODY, "✗ affine: *"])


def test_a_thread_that_ends_with_its_fixture(folder):
    folder.makepyfile(
        HEADER
        + """
@pytest.fixture
def worker():
    gate = threading.Event()
    thread = threading.Thread(target=lambda: gate.wait() and bad())
    thread.start()
    yield
    gate.set()
    thread.join()

def test_first(worker):
    pass

def test_second():
    pass
"""
    )
    result = folder.runpytest_inprocess()
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_first*", NOBODY])


@pytest.mark.parametrize("arguments", [(), ("-n", "1")], ids=["one process", "xdist"])
def test_a_thread_that_outlives_every_test_fails_the_session(folder, arguments):
    folder.makeconftest(
        """
        import threading
        from ends_of_checks import bad

        def pytest_sessionfinish(session):
            thread = threading.Thread(target=bad, args=["late"])
            thread.start()
            thread.join()
        """
    )
    folder.makepyfile("def test_nothing():\n    pass\n")
    result = folder.runpytest_subprocess("-p", "xdist", *arguments)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*gradient checks after the last test*", NOBODY, "✗ late: *"])


def test_an_independent_program_is_its_own_business(folder):
    folder.makepyfile(program="from ends_of_checks import bad\nprint(bad().ok)\nbad()\n")
    body = "assert subprocess.run([sys.executable, 'program.py'], capture_output=True).stdout == b'False\\n'"
    run(folder, body).assert_outcomes(passed=1)


def test_reports_from_elsewhere_compare_copy_and_travel_as_usual(folder):
    body = """
import copy, pickle
here = bad(raises=False)
with ThreadPoolExecutor() as pool: there = pool.submit(bad).result()
assert there == here and here == there and hash(there) == hash(here)
assert copy.deepcopy(there) == here and pickle.loads(pickle.dumps(there)) == here
assert gradcheck.load_report(there.to_json()) == here
from rich.console import Console
Console().print(there)
assert "the gradient is wrong" in capsys.readouterr().out
"""
    result = run(folder, body)
    result.assert_outcomes(failed=1)  # nothing of all this is looking whether it is ok
    result.stdout.fnmatch_lines([NOBODY])
    run(folder, body + "there.ok").assert_outcomes(passed=1)


def test_xdist_workers_do_the_same(folder):
    folder.makepyfile(
        HEADER
        + """
@pytest.mark.parametrize("n", range(3))
def test_thread(n):
    t = threading.Thread(target=bad); t.start(); t.join()

def test_here():
    bad()

@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_pool(how):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(how)) as pool:
        assert not pool.submit(bad).result().ok
"""
    )
    folder.runpytest_subprocess("-n", "2").assert_outcomes(failed=4, passed=2)
