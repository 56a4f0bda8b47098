"""``@pytest.mark.gradcheck``: one test for every dtype and seed."""

import re

import pytest

HEAD = """
import threading

import numpy as np
import pytest
from gradcheck import check_layer, check_network

x = np.array([[1.0, -2.0], [0.5, 3.0], [-1.5, 0.25]])
w = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])

def forward(x, w):
    return x @ w, (x, w)

def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout

def halved(dout, cache):
    x, w = cache
    return dout @ w.T, 0.5 * x.T @ dout

def made_with():
    report = check_layer(forward, backward, x, w)
    return report.dtype, report.seed
"""

CASES = """
both = pytest.mark.gradcheck(dtypes=["float32", "float64"], seeds=2)

@both
def test_plain(gradcheck_dtype, gradcheck_seed):
    assert made_with() == (gradcheck_dtype, gradcheck_seed)
    report = check_layer(forward, backward, x, w, dtype="float16", seed=9)
    assert (report.dtype, report.seed) == ("float16", 9)

@both
@pytest.mark.parametrize("n", [1, 2])
def test_other(n, request):
    assert "-".join((str(n), "{}-seed{}".format(*made_with()))) == request.node.callspec.id

@pytest.fixture(params=["a"])
def checked(request):
    return made_with()

@both
def test_fixture(checked):
    assert checked == made_with()

@pytest.mark.gradcheck(dtypes=["float64"], seeds=[4])
class TestClass:
    def test_method(self):
        assert made_with() == ("float64", 4)

    @pytest.mark.gradcheck(dtypes=[np.float32])
    def test_nearest_wins(self):
        assert made_with() == ("float32", 4)

@pytest.mark.gradcheck(dtypes=["float32"])
def test_thread():
    told = []
    thread = threading.Thread(target=lambda: told.append(made_with()))
    thread.start()
    thread.join()
    assert told == [("float32", 0)]

@pytest.mark.gradcheck(seeds=[5])
def test_network():
    class Affine:
        def forward(self, x):
            self.x = x
            return x @ w
        def backward(self, dout):
            return dout @ w.T
    assert check_network([Affine()], x).seed == 5

@pytest.mark.gradcheck
def test_bare():
    assert made_with() == ("float64", 0)

def test_without():
    assert made_with() == ("float64", 0)
"""

IDS = {
    *(f"test_plain[{d}-seed{s}]" for d in ("float32", "float64") for s in (0, 1)),
    *(f"test_other[{n}-{d}-seed{s}]" for d in ("float32", "float64") for s in (0, 1) for n in (1, 2)),
    *(f"test_fixture[a-{d}-seed{s}]" for d in ("float32", "float64") for s in (0, 1)),
    "test_method[float64-seed4]",
    "test_nearest_wins[float32-seed4]",
    "test_thread[float32]",
    "test_network[seed5]",
    "test_bare",
    "test_without",
}


@pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_every_check_inside_uses_the_dtype_and_seed(folder, arguments):
    folder.makepyfile(HEAD + CASES)
    result = folder.runpytest_subprocess("-v", "--strict-markers", "-W", "error", *arguments)
    result.assert_outcomes(passed=len(IDS))
    passed = [line for line in result.outlines if "PASSED" in line]
    assert {re.search(r"::(test_\w+(\[\S+\])?)", line)[1] for line in passed} == IDS


def test_seeds_are_counted_from_the_seed_of_the_command_line(folder):
    folder.makepyfile(
        HEAD
        + """
@pytest.mark.gradcheck(seeds=2)
def test_seed(gradcheck_seed):
    assert made_with() == ("float64", gradcheck_seed)
"""
    )
    result = folder.runpytest_subprocess("-v", "--gradcheck-seed=7")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*::test_seed[[]seed7[]]*", "*::test_seed[[]seed8[]]*"])


def test_the_line_to_reproduce_is_the_same_without_the_marker(folder):
    folder.makepyfile(
        HEAD
        + """
@pytest.mark.gradcheck(dtypes=["float32"], seeds=[3])
def test_wrong():
    check_layer(forward, halved, x, w)
"""
    )
    result = folder.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*reproduce check_layer(forward, halved, x, w, dtype='float32', seed=3)"])


REFUSED = {
    "3": "3: it takes dtypes= and seeds= alone",
    "dtype='float32'": "dtype=: it takes dtypes= and seeds= alone",
    "dtypes='float32'": "dtypes: give a list of them*not 'float32'",
    "dtypes=()": "dtypes: give a list of them*not ()",
    "dtypes=['int8']": "dtype: it must be one of float16, float32, float64, not 'int8'",
    "dtypes=[None]": "dtypes: None is no dtype*",
    "dtypes=['float32', np.float32]": "dtypes: float32 comes twice",
    "seeds=0": "seeds: give how many*not 0",
    "seeds=True": "seeds: give how many*not True",
    "seeds=1.5": "seeds: give how many*not 1.5",
    "seeds=[0, -1]": "seed: it must be a whole number from 0 up, not -1",
    "seeds=[2, 2]": "seeds: 2 comes twice",
}


def test_wrong_arguments_are_refused_at_collection(folder):
    for number, arguments in enumerate(REFUSED):
        mark = f"@pytest.mark.gradcheck({arguments})\n"
        folder.makepyfile(**{f"test_{number}": f"import numpy as np\nimport pytest\n\n{mark}def test(): pass\n"})
    result = folder.runpytest_subprocess()
    result.assert_outcomes(errors=len(REFUSED))
    for number, complaint in enumerate(REFUSED.values()):
        result.stdout.fnmatch_lines([f"@pytest.mark.gradcheck on test_{number}.py::test: {complaint}*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_unittest_class_is_refused(folder):
    folder.makepyfile(
        """
import unittest
import pytest

class Tests(unittest.TestCase):
    @pytest.mark.gradcheck(seeds=2)
    def test(self): pass
"""
    )
    result = folder.runpytest_subprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*@pytest.mark.gradcheck on *::Tests::test: *unittest.TestCase cannot*"])


def test_pytest_markers_tells_of_it(folder):
    folder.runpytest_inprocess("--markers").stdout.fnmatch_lines(["@pytest.mark.gradcheck(dtypes=*"])
