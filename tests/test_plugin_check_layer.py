"""The public checks under the plugin, as a user's test calls them."""

SOURCE = """
import threading
from concurrent.futures import ThreadPoolExecutor

import gradcheck
import numpy as np
import pytest
from gradcheck import GradcheckError, GradientMismatch, check_layer, check_network

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
"""


def test_check_layer_in_a_test(folder):
    folder.makepyfile(
        SOURCE
        + """
def test_right():
    assert check_layer(forward, backward, x, w).ok

def test_wrong():
    check_layer(forward, halved, x, w)

def test_looked_at():
    assert not check_layer(forward, halved, x, w, raises=False).ok

def test_thread():
    thread = threading.Thread(target=check_layer, args=(forward, halved, x, w))
    thread.start()
    thread.join()

def test_pool():
    with ThreadPoolExecutor() as pool:
        assert not pool.submit(check_layer, forward, halved, x, w).result().ok

def test_misused():
    check_layer(forward, backward)
"""
    )
    result = folder.runpytest_subprocess("-v")
    result.assert_outcomes(passed=3, failed=3)
    result.stdout.fnmatch_lines(
        [
            ">       check_layer(forward, halved, x, w)",
            "E       gradcheck.GradientMismatch: ✗ forward: 1 of 2 gradients is wrong (dw)*",
            "test_check_layer_in_a_test.py:*: GradientMismatch",
            "*nobody looked at the report*",
            ">       check_layer(forward, backward)",
            "E       gradcheck.GradcheckError: *",
            "test_check_layer_in_a_test.py:*: GradcheckError",
            "*5 checks: 4 failed, 1 passed*",
        ]
    )
    result.stdout.no_fnmatch_line("*gradcheck/check.py*")


def test_the_seed_option_reaches_the_report(folder):
    folder.makepyfile(
        SOURCE
        + """
def test_seed():
    assert check_layer(forward, backward, x, w).seed == 7
    assert check_layer(forward, backward, x, w, seed=2).seed == 2
"""
    )
    folder.runpytest_subprocess("--gradcheck-seed", "7").assert_outcomes(passed=1)
