"""``gradcheck explain``: one code, all codes, no code."""

import pytest

from gradcheck.cli import main
from gradcheck.explanations import codes, explanation
from gradcheck.report import Finding, Report


def test_a_code_is_explained_with_examples(capsys):
    assert main(["explain", "GC202"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("GC202  The gradient has the wrong sign\n")
    assert "\nWrong:\n\n    def backward(dout, cache):\n" in out
    assert "\nRight:\n" in out
    assert "\nWhy it happens: " in out
    assert "    import numpy as np\n" in out


def test_several_codes_are_explained_one_below_the_other(capsys):
    assert main(["explain", "GC202", "GC203,", "GC202"]) == 0
    out = capsys.readouterr().out
    assert out.count("GC202  ") == out.count("GC203  ") == 1


def test_one_unknown_code_among_others_is_a_misuse(capsys):
    assert main(["explain", "GC202", "GC000"]) == 2
    assert capsys.readouterr().out == ""


def test_a_report_says_how_to_read_more(capsys):
    finding = Finding("GC202", "error", "dx is the negative of the true gradient")
    remark = Finding("GC115", "info", "shares memory: x and dx")
    report = Report("layer", "layer", "forward", "float64", 0, (), (finding, remark))
    [line] = [line for line in str(report).splitlines() if line.strip().startswith("explain")]
    assert line.split() == ["explain", "gradcheck", "explain", "GC202"]
    assert main(line.split()[2:]) == 0
    assert "gradcheck explain" not in str(Report("layer", "layer", "forward", "float64", 0, (), (remark,)))


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


@pytest.mark.parametrize(
    ("code", "near"),
    [("GC200", "GC20"), ("GC20", "GC201, GC202, GC203"), ("GC888", ""), ("sign", ""), ("C201", "GC201")],
)
def test_an_unknown_code_is_a_misuse(code, near, capsys):
    assert main(["explain", code]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"gradcheck explain: there is no code {code}")
    assert near in captured.err
    assert ("near it" in captured.err) == bool(near)


@pytest.mark.parametrize("code", codes())
def test_every_explanation_is_shown_whole(code, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["explain", code]) == 0
    out = capsys.readouterr().out
    assert explanation(code).body.split() == out.split("\n", 1)[1].partition("Examples run below")[0].split()
    blocks = explanation(code).blocks.values()
    assert all(line in out for block in blocks for line in block.splitlines())
    prose = [line for line in out.splitlines()[1:] if not line.startswith("    ")]
    assert max(map(len, prose)) <= 80
