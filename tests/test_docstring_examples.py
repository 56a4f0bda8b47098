"""Every example in a docstring is run, and gives what it says."""

import doctest
import importlib
import math
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[1] / "gradcheck"
MODULES = [
    ".".join(path.relative_to(HOUSE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(HOUSE.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


class UpToRounding(doctest.OutputChecker):
    """Which of two neighbouring floats comes out is the processor's affair."""

    def check_output(self, want, got, flags):
        try:
            return math.isclose(float(want), float(got), rel_tol=1e-12)
        except ValueError:
            return super().check_output(want, got, flags)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    module = importlib.import_module(name)
    # as a user's code, which is not of our package: what is ours is not looked into for arrays
    names = vars(module) | {"__name__": "__main__"}
    runner = doctest.DocTestRunner(UpToRounding())
    for examples in doctest.DocTestFinder().find(module, globs=names):
        runner.run(examples)
    assert runner.summarize().attempted
    assert not runner.summarize().failed
