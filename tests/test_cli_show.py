"""``gradcheck run --json`` and ``--html``, and ``gradcheck show``: reports that outlive their run."""

import pytest

import gradcheck
from gradcheck.cli import main
from gradcheck.views.document import load_sources

GOOD = "from ends_of_checks import good\ngood('affine')\n"
BAD = "from ends_of_checks import bad\nbad('softmax')\n"


@pytest.fixture
def run(folder, monkeypatch, capsys):
    """Run scripts by name with ``--json out.json --html out.html``; give the exit status and what was printed."""
    monkeypatch.chdir(folder.path)

    def run(**scripts):
        for name, source in scripts.items():
            (folder.path / f"{name}.py").write_text(source)
        files = [f"{name}.py" for name in scripts]
        status = main(["run", "--json", "out.json", "--html", "out.html", "--width", "90", *files])
        return status, capsys.readouterr().out

    return run


@pytest.mark.parametrize(
    "scripts",
    [{"a": GOOD}, {"a": BAD + GOOD}, {"a": GOOD, "b": BAD}, {"a": "pass\n"}, {"a": BAD + "1 / 0\n", "b": GOOD}],
)
def test_what_is_shown_is_what_was_printed_and_so_is_the_exit_status(run, scripts, capsys):
    status, out = run(**scripts)
    assert main(["show", "--width", "90", "out.json"]) == status
    # the empty line that parts a traceback from the report above it is not in the file
    assert [line for line in capsys.readouterr().out.splitlines() if line] == [x for x in out.splitlines() if x]


def test_exit_zero_is_for_wrong_gradients_only(run):
    run(a=BAD)
    assert main(["show", "--exit-zero", "out.json"]) == 0
    run(a="pass\n")
    assert main(["show", "--exit-zero", "out.json"]) == 2


def test_reports_are_loaded_from_the_file_of_a_run(run):
    run(a=BAD + GOOD, b=GOOD)
    assert [report.subject for report in gradcheck.load_reports("out.json")] == ["softmax", "affine", "affine"]


def test_the_page_of_a_run_has_all_its_reports(run, folder):
    run(a=BAD + GOOD)
    page = (folder.path / "out.html").read_text(encoding="utf-8")
    assert "✗ 2 checks: 1 failed" in page
    assert page.count("<article") == 2


def test_a_single_report_is_shown_as_it_is_printed(tmp_path, capsys, folder):
    import ends_of_checks

    report = ends_of_checks.bad()
    file = report.save(tmp_path / "one.json")
    assert main(["show", "--width", "100", str(file)]) == 1
    assert capsys.readouterr().out == f"{report}\n"


@pytest.mark.parametrize("command", [["show", "nowhere.json"], ["diff", "nowhere.json", "nowhere.json"]])
def test_a_file_that_is_not_there_is_a_misuse(command, capsys):
    assert main(command) == 2
    assert f"gradcheck {command[0]}: 'nowhere.json' is neither" in capsys.readouterr().err


def test_what_was_checked_before_an_interruption_is_kept(run):
    status, _ = run(a=BAD + "raise KeyboardInterrupt\n", b=GOOD)
    assert status == 130
    [source] = load_sources("out.json")
    assert (source.name, len(source.reports), source.trouble) == ("a.py", 1, "was interrupted")


@pytest.mark.parametrize("option", ["--html", "--json"])
def test_a_file_that_cannot_be_is_told_before_a_script_runs(folder, monkeypatch, capsys, option):
    monkeypatch.chdir(folder.path)
    (folder.path / "a.py").write_text("print('it ran')\n")
    assert main(["run", option, "nowhere/out", "a.py"]) == 2
    assert main(["run", option, ".", "a.py"]) == 2
    captured = capsys.readouterr()
    assert "there is no folder nowhere" in captured.err
    assert "is a folder; name a file" in captured.err
    assert captured.out == ""
