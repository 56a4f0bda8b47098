"""A failing check fails its test, at the line that called it."""

import pytest


def test_a_bare_check_fails_at_its_own_line(folder):
    folder.makepyfile(
        """
        from ends_of_checks import bad, good

        def test_layer():
            good()
            bad("affine")
            good()
        """
    )
    result = folder.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">       bad('affine')".replace("'", '"'),
            "E       gradcheck.GradientMismatch: ✗ affine: the gradient is wrong (dw)*",
            "test_a_bare_check_fails_at_its_own_line.py:5: GradientMismatch",
        ]
    )


@pytest.mark.parametrize("style", ["auto", "long", "short", "native", "line"])
def test_no_frame_of_ours_is_shown(folder, style):
    folder.makepyfile("from ends_of_checks import bad\n\ndef test_layer():\n    bad()\n")
    result = folder.runpytest_inprocess(f"--tb={style}")
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*gradcheck?outcome*")


def test_full_trace_shows_everything(folder):
    folder.makepyfile("from ends_of_checks import bad\n\ndef test_layer():\n    bad()\n")
    folder.runpytest_inprocess("--full-trace").stdout.fnmatch_lines(
        ["*gradcheck?outcome?__init__.py:*: GradientMismatch"]
    )


def test_a_misuse_is_shown_at_the_callers_line_too(folder):
    folder.makepyfile(
        """
        import os
        from gradcheck.outcome import default_seed

        def test_layer(monkeypatch):
            monkeypatch.setenv("GRADCHECK_SEED", "many")
            default_seed()
        """
    )
    result = folder.runpytest_inprocess()
    result.stdout.fnmatch_lines(
        [">       default_seed()", "E *GradcheckError: *GRADCHECK_SEED is 'many'*", "*.py:6: GradcheckError"]
    )
    result.stdout.no_fnmatch_line("*outcome*")


def test_the_users_own_frames_below_a_check_stay(folder):
    folder.makepyfile(
        """
        from gradcheck.outcome import home
        from ends_of_checks import bad

        def forward(report):
            raise ZeroDivisionError("mine")

        def test_layer():
            with home(tell=forward):
                bad()
        """
    )
    result = folder.runpytest_inprocess()
    result.stdout.fnmatch_lines(["*.py:5: ZeroDivisionError"])


def test_raises_false_gives_the_report(folder):
    folder.makepyfile(
        """
        from ends_of_checks import bad

        def test_layer():
            assert not bad(raises=False).ok
            bad(raises=False)
        """
    )
    folder.runpytest_inprocess().assert_outcomes(passed=1)


def test_pytest_raises_catches_it_with_its_report(folder):
    folder.makepyfile(
        """
        import pytest
        from gradcheck import GradientMismatch
        from ends_of_checks import bad

        def test_layer():
            with pytest.raises(GradientMismatch, match="affine: the gradient is wrong") as caught:
                bad("affine")
            assert not caught.value.report.ok
        """
    )
    folder.runpytest_inprocess().assert_outcomes(passed=1)


def test_without_the_plugin_a_check_returns_unless_told_to_raise(folder):
    folder.makepyfile(
        """
        import gradcheck, pytest
        from ends_of_checks import bad

        def test_layer():
            assert not bad().ok
            with gradcheck.raising(), pytest.raises(gradcheck.GradientMismatch):
                bad()
            assert not bad().ok
            with pytest.raises(gradcheck.GradientMismatch):
                bad(raises=True)
        """
    )
    folder.runpytest_inprocess("-p", "no:gradcheck").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("source", "outcomes"),
    [
        ("import pytest\n@pytest.fixture\ndef layer():\n    bad()\ndef test_layer(layer): pass", {"errors": 1}),
        (
            "import pytest\n@pytest.fixture\ndef layer():\n    yield\n    bad()\ndef test_layer(layer): pass",
            {"passed": 1, "errors": 1},
        ),
        ("bad()\ndef test_layer(): pass", {"errors": 2}),  # as a module and as a doctest
        ("import unittest\nclass TestLayer(unittest.TestCase):\n    def test_layer(self): bad()", {"failed": 1}),
        ("import pytest\n@pytest.mark.xfail(strict=True)\ndef test_layer():\n    bad()", {"xfailed": 1}),
        ("import asyncio\nasync def layer():\n    bad()\ndef test_layer():\n    asyncio.run(layer())", {"failed": 1}),
        ("def layer():\n    '''\n    >>> bad()\n    '''", {"failed": 1}),
    ],
    ids=["setup", "teardown", "collection", "unittest", "xfail", "asyncio", "doctest"],
)
def test_wherever_a_check_is_made(folder, source, outcomes):
    folder.makepyfile(f"from ends_of_checks import bad\n{source}\n")
    folder.runpytest_inprocess("--doctest-modules", "--ignore=ends_of_checks.py").assert_outcomes(**outcomes)


def test_a_test_that_reruns_a_session_leaves_the_outer_one_raising(folder):
    folder.makepyfile(test_inner="from ends_of_checks import bad\n\ndef test_layer():\n    bad()\n")
    folder.makepyfile(
        test_outer="""
        import pytest
        from ends_of_checks import bad

        def test_layer():
            assert pytest.main(["-q", "test_inner.py"]) == 1
            bad()
        """
    )
    result = folder.runpytest_inprocess("test_outer.py")
    result.stdout.fnmatch_lines(["*test_outer.py:6: GradientMismatch"])


@pytest.mark.parametrize("arguments", [(), ("-n", "1")], ids=["one process", "xdist"])
def test_the_short_summary_says_what_is_wrong(folder, arguments):
    folder.makepyfile(test_it="from ends_of_checks import bad\n\ndef test_layer():\n    bad('affine')\n")
    result = folder.runpytest_subprocess(*arguments)
    result.stdout.fnmatch_lines(["FAILED test_it.py::test_layer - ✗ affine: the gradient is wrong*"])


def test_the_message_fits_the_terminal(folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    folder.makepyfile(
        """
        import numpy as np
        from gradcheck import check_layer

        def test_layer():
            check_layer(lambda x: x**2, lambda dout, x: x * dout, np.array([1.0, 2.0]), name="square")
        """
    )
    result = folder.runpytest_inprocess()
    lines = [line for line in result.outlines if line.startswith("E  ")]
    assert "square: the gradient is wrong" in lines[0]
    assert lines[0] == lines[0].rstrip()
    assert max(len(line) for line in lines[1:]) <= 80
