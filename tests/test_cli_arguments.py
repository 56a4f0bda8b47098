"""The command line's arguments, help and version."""

import subprocess
import sys
from importlib.metadata import version

import pytest

from gradcheck.cli import main


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"gradcheck {version('gradcheck')}\n"


def test_the_installed_command_and_the_module_are_the_same():
    script = subprocess.run(["gradcheck", "--version"], capture_output=True, text=True, check=True)
    module = subprocess.run(
        [sys.executable, "-m", "gradcheck", "--version"], capture_output=True, text=True, check=True
    )
    assert script.stdout == module.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"]])
def test_help_teaches_with_examples(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert "examples:\n  gradcheck run check_net.py" in out
    assert max(len(line) for line in out.splitlines()) <= 88


def test_the_script_in_the_help_runs(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    out = capsys.readouterr().out
    source = out[out.index("  import numpy") : out.index("examples:")]
    script = tmp_path / "check_net.py"
    script.write_text("\n".join(line[2:] for line in source.splitlines()))
    assert main(["run", str(script)]) == 0
    assert "1 check: 1 passed" in capsys.readouterr().out


def test_no_command_shows_the_help_and_is_a_misuse(capsys):
    assert main([]) == 2
    assert "usage: gradcheck" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["run"], "the following arguments are required: FILE"),
        (["run", "--seed=-1", "a.py"], "a seed is a whole number, 0 or more, not '-1'"),
        (["run", "--seed", "x", "a.py"], "a seed is a whole number, 0 or more, not 'x'"),
        (["run", "--width", "10", "a.py"], "a width is a whole number of columns, 40 or more, not '10'"),
        (["run", "--width", "wide", "a.py"], "a width is a whole number of columns, 40 or more, not 'wide'"),
        (["train", "a.py"], "invalid choice: 'train'"),
    ],
)
def test_misuse_is_named(arguments, complaint, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert complaint in capsys.readouterr().err
