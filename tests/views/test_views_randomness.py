"""Looking at a report draws no random numbers, not even where rich is loaded for it."""

import subprocess
import sys

CODE = """
import random
import numpy as np
from gradcheck import check_layer
report = check_layer(lambda x: x * x, lambda dout, x: 2 * x * dout, np.array([1.0, -2.0]))
assert "rich.style" not in __import__("sys").modules
random.seed(0)
before = random.getstate()
str(report), repr(report), report._repr_html_(), report.to_json()
print(report)
assert random.getstate() == before
"""


def test_the_first_print_leaves_the_generator_alone():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
