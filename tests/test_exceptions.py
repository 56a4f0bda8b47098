"""What a user reads when a check raises outside of pytest: their own line, a name that can be imported, the report."""

import pickle
import subprocess
import sys
import traceback

import numpy as np
import pytest

import gradcheck
from gradcheck import GradcheckError, GradientMismatch, check_layer, check_network, compare, gradient


def times_two(x):
    return 2 * x


def times_three(dout, x):
    return 3 * dout


def fails(x):
    return x @ np.ones(7)


def mismatch():
    return compare(np.ones(3), np.full(3, 2.0), raises=True)


CALLS = {
    "check_layer": (GradcheckError, lambda: check_layer(times_two, times_three, np.ones(3), seed=-1)),
    "check_layer, wrong": (GradientMismatch, lambda: check_layer(times_two, times_three, np.ones(3), raises=True)),
    "check_network": (GradcheckError, lambda: check_network([], np.ones(3))),
    "gradient": (GradcheckError, lambda: gradient(times_two, np.array(["a"]))),
    "compare": (GradcheckError, lambda: compare(np.ones(3), np.array([]))),
    "compare, wrong": (GradientMismatch, mismatch),
    "raise_if_failed": (
        GradientMismatch,
        lambda: compare(np.ones(3), np.full(3, 2.0), raises=False).raise_if_failed(),
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_traceback_ends_at_the_line_that_called_the_check(call):
    kind, run = CALLS[call]
    with pytest.raises(kind) as caught:
        run()
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert {frame.filename for frame in frames} == {__file__}


def test_the_frames_of_the_user_that_caused_it_stay():
    with pytest.raises(GradcheckError) as caught:
        check_layer(fails, times_three, np.ones(3))
    cause = traceback.extract_tb(caught.value.__cause__.__traceback__)
    assert [frame.name for frame in cause] == ["fails"]


@pytest.mark.parametrize("kind", [GradcheckError, GradientMismatch])
def test_an_exception_has_the_name_that_users_import(kind):
    assert f"{kind.__module__}.{kind.__qualname__}" == f"gradcheck.{kind.__name__}"


@pytest.mark.parametrize("call", CALLS)
def test_an_exception_survives_pickling(call):
    kind, run = CALLS[call]
    with pytest.raises(kind) as caught:
        run()
    back = pickle.loads(pickle.dumps(caught.value))
    assert type(back) is kind
    assert str(back) == str(caught.value)


def test_the_message_of_a_mismatch_is_the_report_without_our_name_again():
    with pytest.raises(GradientMismatch) as caught:
        mismatch()
    first = str(caught.value).splitlines()[0]
    assert first == str(caught.value.report).splitlines()[0].removesuffix("gradcheck 0.1").rstrip()
    assert "gradcheck" not in first


def test_a_report_at_a_prompt_is_its_first_line():
    report = compare(np.ones(3), np.full(3, 2.0), raises=False)
    assert repr(report) == "<Report: ✗ the gradient is wrong>"
    assert f"{[report]}" == "[<Report: ✗ the gradient is wrong>]"


def test_a_script_ends_with_the_users_line_and_the_message(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy as np\nfrom gradcheck import check_layer\n"
        "check_layer(lambda x: x, lambda d, x: d, np.ones(3), dtype='int8')\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    assert [line for line in lines if line.startswith("  File")] == [f'  File "{script}", line 3, in <module>']
    assert lines[-1].startswith("gradcheck.GradcheckError: dtype: ")


def test_a_wrapped_check_keeps_its_signature():
    assert gradcheck.check_layer.__name__ == "check_layer"
    assert gradcheck.check_layer.__wrapped__.__doc__ == gradcheck.check_layer.__doc__
