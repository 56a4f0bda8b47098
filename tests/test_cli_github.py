"""``gradcheck run --github``: workflow commands, escaped as GitHub reads them."""

from pathlib import Path

from gradcheck.cli import main
from gradcheck.commands.github import workflow_commands
from gradcheck.report import Finding, Report, Where
from gradcheck.views.document import Source

CAUSE = Finding(
    "GC202",
    "error",
    "dw is 50% of it",
    gradient="dw",
    where=Where(str(Path("src/net, v1:2.py").absolute()), 6),
    help=("multiply by 2",),
)
REMARK = Finding("GC115", "info", "shares memory")
WARNING = Finding("GC302", "warning", "near the largest float64")
HERE = Where("check.py", 3)


def lines(*findings, trouble=""):
    report = Report("Net: a, b", "layer", "", "", 0, (), findings, where=HERE)
    return list(workflow_commands([Source("check.py", (report,), trouble)]))


def test_a_fault_is_shown_at_its_line_and_escaped():
    [line] = lines(CAUSE, REMARK)
    assert line == (
        "::error file=src/net%2C v1%3A2.py,line=6,title=GC202 Net%3A a%2C b::dw is 50%25 of it%0Amultiply by 2"
    )


def test_without_a_line_of_its_own_it_is_shown_at_the_check():
    assert lines(CAUSE, WARNING)[1].startswith("::warning file=check.py,line=3,title=GC302 ")


def test_a_failed_report_without_an_error_is_told_as_well():
    assert lines() == ["::error file=check.py,line=3,title=gradcheck Net%3A a%2C b::nothing was compared"]


def test_a_script_that_went_wrong_is_told():
    assert lines(CAUSE, trouble="ended in ValueError")[-1] == (
        "::error file=check.py,title=gradcheck::check.py ended in ValueError"
    )


def test_run_prints_them_on_request_only(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder.path)
    (folder.path / "a.py").write_text("from ends_of_checks import bad, good\ngood()\nbad('softmax')\n")
    assert main(["run", "--github", "a.py"]) == 1
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("::")] == [
        "::error title=gradcheck softmax::the gradient is wrong (dw)"
    ]
    main(["run", "a.py"])
    assert "::" not in capsys.readouterr().out
