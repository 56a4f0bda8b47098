"""Every example in a docstring is run, and gives what it says."""

import doctest
import importlib
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[1] / "gradcheck"
MODULES = [
    ".".join(path.relative_to(HOUSE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(HOUSE.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    failed, tried = doctest.testmod(importlib.import_module(name))
    assert tried
    assert not failed
