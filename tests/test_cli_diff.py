"""``gradcheck diff``: every way in which two runs can differ."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from gradcheck.cli import main
from gradcheck.commands.changes import changes
from gradcheck.configurations import Configuration
from gradcheck.report import Finding, GradientResult, Report
from gradcheck.updates import UpdateResult
from gradcheck.views.document import Source, dumps_all


def gradient(name, verdict="right", layer=""):
    return GradientResult(layer, name, name[1:], (2, 3), "float64", verdict, relative_error=0.5)


def check(subject, *gradients, findings=()):
    return Report(subject, "layer", "forward, backward", "float64", 0, gradients, findings)


def run(*reports, name="a.py", trouble=""):
    return [Source(name, reports, trouble)]


CAUSE = Finding("GC202", "error", "dw is the negative of the true gradient", gradient="dw")
WRITES = Finding("GC107", "error", "backward writes into x")
RIGHT = check("affine", gradient("dx"), gradient("dw"))
WRONG = check("affine", gradient("dx"), gradient("dw", "wrong"), findings=(CAUSE,))
UNDECIDED = check("affine", gradient("dx"), gradient("dw", "undecided"))
WRITING = replace(RIGHT, findings=(WRITES,))
SWEPT = replace(check("conv"), kind="sweep", configurations=(Configuration((("stride", "2"),), "right"),))
SWEPT_WRONG = replace(SWEPT, configurations=(Configuration((("stride", "2"),), "wrong", ("dw",)),))
STEP = replace(check("step"), kind="step", updates=(UpdateResult("W", (2,), "float64", "right"),))
STEP_WRONG = replace(STEP, updates=(UpdateResult("W", (2,), "float64", "wrong"),))
ONE_LAYER = check("net", gradient("dw", layer="fc1"), gradient("dw", layer="fc2"))
ONE_LAYER_WRONG = check("net", gradient("dw", layer="fc1"), gradient("dw", "wrong", "fc2"))


def told(old, new):
    return [(c.kind, c.subject, c.name) for c in changes(old, new) if c.kind != "same"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (run(RIGHT), run(RIGHT), []),
        (run(RIGHT), run(WRONG), [("broke", "affine", "dw")]),
        (run(RIGHT), run(UNDECIDED), [("broke", "affine", "dw")]),
        (run(WRONG), run(RIGHT), [("mended", "affine", "dw")]),
        (run(WRONG), run(UNDECIDED), []),
        (run(RIGHT), run(WRITING), [("broke", "affine", "GC107")]),
        (run(WRITING), run(RIGHT), [("mended", "affine", "GC107")]),
        (run(RIGHT), run(RIGHT, STEP), [("new", "step", "")]),
        (run(RIGHT, STEP), run(RIGHT), [("gone", "step", "")]),
        (run(RIGHT), run(check("affine", gradient("dx"))), [("gone", "affine", "dw")]),
        (run(check("affine", gradient("dx"))), run(RIGHT), [("new", "affine", "dw")]),
        (run(RIGHT, RIGHT), run(RIGHT, WRONG), [("broke", "affine", "dw")]),
        (run(RIGHT), run(RIGHT, name="moved.py"), []),
        (run(SWEPT), run(SWEPT_WRONG), [("broke", "conv", "stride=2")]),
        (run(STEP), run(STEP_WRONG), [("broke", "step", "W")]),
        (run(ONE_LAYER), run(ONE_LAYER_WRONG), [("broke", "net", "fc2.dw")]),
        (run(RIGHT), run(RIGHT, trouble="ended in ValueError"), [("broke", "the script", "")]),
        (run(RIGHT, trouble="ended in ValueError"), run(RIGHT), [("mended", "the script", "")]),
    ],
)
def test_every_change_is_told_by_subject_and_gradient(old, new, expected):
    assert told(old, new) == expected


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (run(RIGHT), run(RIGHT), 0),
        (run(RIGHT), run(WRONG), 1),
        (run(WRONG), run(RIGHT), 0),
        (run(WRONG), run(WRONG), 0),
        (run(RIGHT), run(RIGHT, STEP), 0),
        (run(RIGHT), run(RIGHT, STEP_WRONG), 1),
        (run(RIGHT, STEP), run(RIGHT), 0),
        (run(RIGHT), run(RIGHT, trouble="ended in ValueError"), 1),
    ],
)
def test_exit_status(old, new, status, tmp_path):
    files = [tmp_path / "old.json", tmp_path / "new.json"]
    for file, sources in zip(files, (old, new), strict=True):
        file.write_text(dumps_all(sources), encoding="utf-8")
    assert main(["diff", *map(str, files)]) == status


def test_a_page_in_ascii_can_be_printed(tmp_path):
    (tmp_path / "old.json").write_text(dumps_all(run(RIGHT)), encoding="utf-8")
    (tmp_path / "new.json").write_text(dumps_all(run(WRONG, STEP)), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "gradcheck", "diff", str(tmp_path / "old.json"), str(tmp_path / "new.json")],
        env=os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        capture_output=True,
    )
    assert done.stdout.startswith(b"x 1 broke, 1 new, 1 unchanged")
    assert done.returncode == 1


def test_what_is_printed(tmp_path, capsys):
    (tmp_path / "old.json").write_text(dumps_all(run(RIGHT, STEP_WRONG)), encoding="utf-8")
    (tmp_path / "new.json").write_text(dumps_all(run(WRONG, STEP)), encoding="utf-8")
    main(["diff", "--width", "100", str(tmp_path / "old.json"), str(tmp_path / "new.json")])
    assert (
        capsys.readouterr().out
        == """\
✗ 1 broke, 1 mended, 1 unchanged

broke
  check   gradient  before  after
  a.py
  affine  dw        right   wrong  GC202 dw is the negative of the true gradient

mended
  check  gradient  before  after
  a.py
  step   W         wrong   right
"""
    )
