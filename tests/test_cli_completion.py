"""``gradcheck completion``: scripts that their shells can read, with all that the command line accepts."""

import shutil
import subprocess

import pytest

from gradcheck.cli import main


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_command_option_and_code_is_completed(shell, capsys):
    assert main(["completion", shell]) == 0
    out = capsys.readouterr().out
    for word in ("run", "explain", "show", "diff", "completion", "exit-zero", "json", "github", "GC202", "zsh"):
        assert word in out
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=out, text=True, check=True)


def test_bash_completes(capsys):
    main(["completion", "bash"])
    script = capsys.readouterr().out

    def completed(*words):
        asked = f'COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}; _gradcheck; echo "${{COMPREPLY[@]}}"'
        done = subprocess.run(["bash"], input=f"{script}{asked}", capture_output=True, text=True, check=True)
        return done.stdout.split()

    assert completed("gradcheck", "e") == ["explain"]
    assert completed("gradcheck", "run", "--ex") == ["--exit-zero"]
    assert completed("gradcheck", "explain", "GC20")[:2] == ["GC201", "GC202"]
    assert completed("gradcheck", "run", "check_") == []  # bash's own: the names of files


def test_another_shell_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["completion", "tcsh"])
    assert "invalid choice: 'tcsh'" in capsys.readouterr().err
