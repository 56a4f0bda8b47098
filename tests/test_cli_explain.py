"""``gradcheck explain``: one code, all codes, no code."""

import pytest

from gradcheck.cli import main
from gradcheck.explanations import codes, explanation


def test_a_code_is_explained_with_examples(capsys):
    assert main(["explain", "GC202"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("GC202  The gradient has the wrong sign\n")
    assert "\nWrong:\n\n    def backward(dout, cache):\n" in out
    assert "\nRight:\n" in out
    assert "\nWhy it happens: " in out
    assert "    import numpy as np\n" in out


@pytest.mark.parametrize("spelled", ["gc202", " GC202", "202"])
def test_a_code_may_be_spelled_carelessly(spelled, capsys):
    assert main(["explain", spelled]) == 0
    assert capsys.readouterr().out.startswith("GC202 ")


def test_without_a_code_all_are_listed_in_a_line_each(capsys):
    assert main(["explain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for code in codes():
        assert f"{code}  {explanation(code).title}" in lines
    assert "causes of a wrong gradient" in lines


@pytest.mark.parametrize(("code", "near"), [("GC200", "GC20"), ("GC999", ""), ("sign", ""), ("C201", "GC201")])
def test_an_unknown_code_is_a_misuse(code, near, capsys):
    assert main(["explain", code]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"gradcheck explain: there is no code {code}")
    assert near in captured.err
    assert ("near it" in captured.err) == bool(near)


@pytest.mark.parametrize("code", codes())
def test_every_explanation_is_shown_whole(code, capsys):
    assert main(["explain", code]) == 0
    out = capsys.readouterr().out
    assert explanation(code).body.rstrip() in out
