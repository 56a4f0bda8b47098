"""What a process frees after ``keep_freed_memory`` it gets again without fresh pages."""

import platform
import subprocess
import sys

import pytest

# Rounds of four arrays of a megabyte, filled and freed; printed are the pages that the last rounds took afresh.
_ROUNDS = """
import resource
import sys

import numpy as np

from gradcheck.allocation import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()


def a_round():
    arrays = [np.ones(2**17) for _ in range(4)]
    arrays.clear()


for _ in range(5):
    a_round()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    a_round()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _fresh_pages(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", _ROUNDS, how], capture_output=True, text=True, check=True, env={})
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the threshold is glibc's")
def test_arrays_freed_and_made_again_take_no_fresh_pages() -> None:
    # 20 rounds of 4 MiB are 20,480 pages; a system that hands out large pages has fewer to begin with
    kept = _fresh_pages("kept")
    assert kept < 1_000
    assert kept <= _fresh_pages("as ever")
