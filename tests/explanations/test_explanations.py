"""Every code of a report is explained, and its examples are what they say."""

import ast
import contextlib
import io
import runpy
from pathlib import Path

import numpy as np
import pytest

from gradcheck.explanations import codes, explanation
from gradcheck.outcome import collecting
from gradcheck.report import Report

HOUSE = Path(__file__).resolve().parents[2] / "gradcheck"
WIDTH = 120


def used() -> set[str]:
    """The codes that stand in the source as strings of their own."""
    found = set()
    for path in HOUSE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
                if len(text) == 5 and text.startswith("GC") and text[2:].isdigit():
                    found.add(text)
    return found


def checked(program: str, folder: Path) -> Report:
    """The report of a program that makes one check."""
    script = folder / "example.py"
    script.write_text(program, encoding="utf-8")
    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"), collecting() as reports:
        runpy.run_path(str(script), run_name="__main__")
    [report] = reports
    return report


def test_every_code_is_explained_and_no_other():
    assert set(codes()) == used()


@pytest.mark.parametrize("code", codes())
def test_the_wrong_example_gets_the_code(code, tmp_path):
    report = checked(explanation(code).program("Wrong"), tmp_path)
    assert code in {f.code for f in report.findings}


@pytest.mark.parametrize("code", codes())
def test_the_right_example_is_right(code, tmp_path):
    report = checked(explanation(code).program("Right"), tmp_path)
    assert report.ok
    assert [f.code for f in report.findings if f.severity != "info"] == []
    assert code not in {f.code for f in report.findings}


@pytest.mark.parametrize("code", codes())
def test_the_text_is_laid_out_as_all_are(code):
    told = explanation(code)
    assert told.title
    assert set(told.blocks) in ({"Wrong", "Right", "Check"}, {"Given", "Wrong", "Right", "Check"})
    assert "\nWhy it happens: " in told.body
    assert max(map(len, told.body.splitlines())) <= WIDTH


def test_an_unknown_code_is_a_key_error():
    with pytest.raises(KeyError):
        explanation("GC999")
