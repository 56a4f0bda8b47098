"""``gradcheck run``: plain scripts, their reports, and the exit status."""

import os
import pty
import subprocess
import sys

import pytest

from gradcheck.cli import main


@pytest.fixture
def run(folder, monkeypatch, capsys):
    """Write scripts by name and run them; give the exit status, standard output and standard error."""
    monkeypatch.chdir(folder.path)
    monkeypatch.setattr(sys, "path", ["the folder of the command", *sys.path])

    def run(*arguments, **scripts):
        for name, source in scripts.items():
            (folder.path / f"{name}.py").write_text(source)
        status = main(["run", *arguments, *(f"{name}.py" for name in scripts)])
        out, err = capsys.readouterr()
        return status, out, err

    return run


GOOD = "from ends_of_checks import good\ngood('affine')\n"
BAD = "from ends_of_checks import bad\nbad('softmax')\n"


@pytest.mark.parametrize(
    ("scripts", "arguments", "expected"),
    [
        ({"a": GOOD}, (), 0),
        ({"a": BAD}, (), 1),
        ({"a": BAD}, ("--exit-zero",), 0),
        ({"a": GOOD, "b": BAD, "c": GOOD}, (), 1),
        ({"a": "print('nothing')\n"}, (), 2),
        ({"a": "print('nothing')\n"}, ("--exit-zero",), 2),
        ({"a": GOOD, "b": "pass\n"}, (), 2),
        ({"a": GOOD + "1 / 0\n"}, (), 2),
        ({"a": BAD + "1 / 0\n"}, ("--exit-zero",), 2),
        ({"a": "def f(:\n"}, (), 2),
        ({"a": GOOD + "import sys; sys.exit()\n"}, (), 0),
        ({"a": GOOD + "import sys; sys.exit(3)\n"}, (), 2),
        ({"a": BAD + "import sys; sys.exit(3)\n"}, (), 1),
        ({"a": BAD + "import sys; sys.exit(3)\n"}, ("--exit-zero",), 0),
        ({"a": "from ends_of_checks import bad\nbad(raises=True)\n"}, (), 1),
        ({"a": "from ends_of_checks import bad\nbad().raise_if_failed()\n"}, ("--exit-zero",), 0),
    ],
)
def test_exit_status(run, scripts, arguments, expected):
    assert run(*arguments, **scripts)[0] == expected


def test_reports_stand_under_the_heading_of_their_file(run):
    status, out, err = run(first=GOOD, second=BAD + GOOD)
    lines = [line for line in out.splitlines() if line.startswith(("first", "second", "summary", "✓", "✗"))]
    starts = [
        "first.py ─",
        "✓ affine: ",
        "second.py ─",
        "✗ softmax: ",
        "✓ affine: ",
        "summary ─",
        "✗ 3 checks: 1 failed, 2 passed",
    ]
    assert len(lines) == len(starts)
    for line, start in zip(lines, starts, strict=True):
        assert line.startswith(start)
    assert (status, err) == (1, "")


def test_what_a_script_prints_stays_in_order_and_its_own_reports_are_not_repeated(run):
    source = """
from ends_of_checks import bad
print("before")
report = bad()
print(report)
print("between")
print(report, "twice")
print(report.ok)
"""
    _, out, _ = run(a=source)
    lines = out.splitlines()
    assert lines.index("before") < next(i for i, line in enumerate(lines) if line.startswith("✗ bad layer"))
    assert out.count("✗ bad layer: ") == 1
    assert lines.index("between") < lines.index("False") < next(i for i, line in enumerate(lines) if "summary" in line)


@pytest.mark.parametrize(
    "elsewhere",
    [
        "threading.Thread(target=bad, args=['elsewhere']).start()",
        "with ThreadPoolExecutor() as pool: pool.submit(bad, 'elsewhere')",
        "with ProcessPoolExecutor(1) as pool: pool.submit(bad, 'elsewhere').result()",
        "asyncio.run(asyncio.to_thread(bad, 'elsewhere'))",
    ],
)
def test_checks_in_threads_and_processes_count(run, elsewhere):
    imports = "import asyncio, threading\nfrom concurrent.futures import *\nfrom ends_of_checks import bad, good\n"
    status, out, _ = run(a=f"{imports}good('here')\n{elsewhere}\n")
    assert status == 1
    assert "✓ here: " in out
    assert "✗ elsewhere: " in out


def test_a_script_is_run_as_python_would(folder, run):
    (folder.path / "sub").mkdir()
    (folder.path / "sub" / "beside.py").write_text("name = 'beside'\n")
    (folder.path / "sub" / "check.py").write_text(
        """
import sys, os
import beside
from ends_of_checks import good
print(__name__, __file__, sys.argv, sys.path[0], os.getcwd(), sys.modules["__main__"].__file__, sep="\\n")
if __name__ == "__main__":
    good()
"""
    )
    script = str(folder.path / "sub" / "check.py")
    before = sys.argv[:], sys.path[:], sys.modules["__main__"], os.getcwd()
    status, out, _ = run("sub/check.py")
    assert status == 0
    start = out.splitlines().index("__main__")
    expected = ["__main__", script, str([script]), str(folder.path / "sub"), str(folder.path), script]
    assert out.splitlines()[start : start + 6] == expected
    assert before == (sys.argv[:], sys.path[:], sys.modules["__main__"], os.getcwd())


def test_scripts_do_not_share_modules_of_the_same_name(folder, run):
    for name in ("one", "two"):
        (folder.path / name / "part").mkdir(parents=True)
        (folder.path / name / "network.py").write_text(f"name = '{name}'\n")
        (folder.path / name / "part" / "inner.py").write_text(f"name = 'inner {name}'\n")
        (folder.path / name / "check.py").write_text(
            "import network, part.inner\nfrom ends_of_checks import good\ngood(network.name)\ngood(part.inner.name)\n"
        )
    status, out, _ = run("one/check.py", "two/check.py")
    assert status == 0
    assert [name for name in ("✓ one:", "✓ inner one:", "✓ two:", "✓ inner two:") if name not in out] == []


def test_a_script_that_raises_shows_its_own_traceback_only(run):
    source = "from ends_of_checks import good\n\ndef work():\n    raise KeyError('lost')\n\ngood()\nwork()\n"
    _, out, err = run(a=source)
    lines = err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1].endswith('a.py", line 7, in <module>')
    assert lines[-1] == "KeyError: 'lost'"
    assert "gradcheck" not in err.replace(str(lines[1]), "")
    assert "runpy" not in err
    assert "! a.py ended in KeyError" in out


def test_a_misused_check_shows_the_line_that_called_it(run, monkeypatch):
    monkeypatch.setenv("GRADCHECK_SEED", "many")
    _, _, err = run(a="from gradcheck.outcome import default_seed\n\ndefault_seed()\n")
    assert [line.strip() for line in err.splitlines()[2:3]] == ["default_seed()"]
    assert "outcome" not in "".join(err.splitlines()[3:-1])
    assert err.splitlines()[-1].startswith("gradcheck.GradcheckError: ")


def test_a_syntax_error_is_shown_with_its_line(run):
    _, out, err = run(a="def f(:\n")
    assert "def f(:" in err
    assert err.splitlines()[-1].startswith("SyntaxError")
    assert "runpy" not in err
    assert "! a.py ended in SyntaxError" in out


def test_an_exit_with_a_message_shows_it(run):
    status, out, err = run(a=GOOD + "import sys; sys.exit('no data')\n")
    assert (status, err) == (2, "no data\n")
    assert "! a.py exited with status 1" in out


def test_missing_files_are_all_named_and_nothing_is_run(folder, run):
    (folder.path / "a.py").write_text("print('ran')")
    status, out, err = run("a.py", "b.py", str(folder.path), "c.py")
    assert (status, out) == (2, "")
    assert err.splitlines() == [
        "gradcheck run: b.py: there is no such file",
        f"gradcheck run: {folder.path}: is a folder; name the scripts in it",
        "gradcheck run: c.py: there is no such file",
    ]


def test_an_interrupted_run_ends_as_such(run):
    status, _, err = run(a=GOOD + "raise KeyboardInterrupt\n", b=GOOD)
    assert (status, err) == (130, "gradcheck: interrupted\n")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_asked(run, width):
    _, out, _ = run("--width", str(width), a=BAD + GOOD)
    assert max(len(line) for line in out.splitlines()) <= width


def test_the_seed_reaches_the_script_and_leaves(run):
    script = GOOD + "from gradcheck.outcome import default_seed\nprint('seed', default_seed())\n"
    assert "seed 0" in run(a=script)[1].splitlines()
    assert "seed 7" in run("--seed", "7", a=script)[1].splitlines()
    assert "seed 0" in run(a=script)[1].splitlines()


def test_piped_output_has_no_control_characters(folder):
    folder.makepyfile(a=BAD)
    command = [sys.executable, "-m", "gradcheck", "run", "a.py"]
    done = subprocess.run(command, cwd=folder.path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "\x1b" not in done.stdout
    assert "\r" not in done.stdout
    assert "running" not in done.stdout
    assert done.stderr == ""


def test_a_terminal_shows_the_progress(folder):
    folder.makepyfile(a=BAD + "print('own line')\n" + GOOD + "import time; time.sleep(0.3)\n")
    controller, terminal = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    command = [sys.executable, "-m", "gradcheck", "run", "a.py"]
    process = subprocess.Popen(command, cwd=folder.path, stdout=terminal, stderr=terminal, env=environment)
    os.close(terminal)
    shown = b""
    try:
        while piece := os.read(controller, 4096):
            shown += piece
    except OSError:  # Linux says so when the other end is closed
        pass
    os.close(controller)
    assert process.wait() == 1
    text = shown.decode()
    assert "running a.py (script 1 of 1; 2 checks, 1 failed)" in text
    assert "own line" in text
    assert text.rstrip().endswith("\x1b[?25h") or text.rfind("\x1b[?25h") > text.rfind(
        "\x1b[?25l"
    )  # the cursor is back


def test_a_forward_that_raises_is_shown_without_our_frames(run):
    source = """
import numpy as np
from gradcheck import check_layer

def forward(x):
    return np.linalg.inv(x)

check_layer(forward, lambda dout, x: dout, np.zeros((2, 2)))
"""
    status, _, err = run(a=source)
    assert status == 2
    files = [line.split('"')[1] for line in err.splitlines() if line.startswith('  File "')]
    assert {file.rpartition("/")[2] for file in files} == {"a.py", "_linalg.py"}
    assert [line for line in err.splitlines() if line.startswith("gradcheck.GradcheckError: ")]


def test_the_summary_is_not_green_where_a_script_failed(run):
    _, out, _ = run(a=GOOD + "1 / 0\n")
    assert "✗ 1 check: 1 passed; 1 script went wrong" in out.splitlines()


def test_the_summary_of_several_scripts_names_them(run):
    lines = [line.strip() for line in run(first=GOOD, second=GOOD)[1].splitlines()]
    summary = lines[next(i for i, line in enumerate(lines) if line.startswith("summary")) :]
    assert summary.index("first.py") < summary.index("second.py")
    assert "first.py" not in [line.strip() for line in run(first=GOOD)[1].splitlines()]


def test_what_a_script_prints_is_set_apart_from_the_report_above(run):
    lines = run(a=GOOD + "print('one')\nprint('two')\n")[1].splitlines()
    at = lines.index("one")
    assert lines[at - 1] == "" != lines[at - 2]
    assert lines[at + 1] == "two"
