"""Values that leave: never unseen, named by the user's own file and line, and only where a derivative is lost."""

import inspect
import pickle
import struct

import numpy as np
import pytest
from trace_help import call_traced, normal

from gradcheck.trace import Trace
from gradcheck.trace.entrances import entrances


def to_float(x):
    return float(x[0])


def to_plain(x):
    return np.asarray(x)


def stored_number(x):
    plain = PLAIN
    plain[0] = x[1]
    return plain


def stored_rows(x):
    plain = PLAIN
    plain[:2] = x[:2]
    return plain


def to_bytes(x):
    return x.tobytes()


def packed(x):
    return struct.pack("d", x[0])


def to_complex(x):
    return complex(x[0])


def pickled(x):
    return pickle.dumps(x)


def to_text(x):
    return f"{x[0]:.17g}"


def viewed(x):
    return x.view(np.int64)


def without_counterpart(x):
    return np.linalg.eig(np.outer(x, x))


def to_masked_array(x):
    return np.ma.masked_less(x, 0)


def saved(x):
    return np.savetxt(STREAM, x)


class Drop:
    def write(self, text):
        return len(text)


STREAM = Drop()
PLAIN = np.zeros(3)

LEAKING = {
    to_float: "float() of an array",
    stored_number: "stored into a plain array",
    stored_rows: "stored into a plain array",
    to_bytes: ".tobytes of an array",
    packed: "float() of an array",
    to_complex: "complex() of an array",
    pickled: "pickled",
    to_text: "written as text with all its digits",
    viewed: "gives a plain array",
    without_counterpart: "has no PyTorch counterpart",
    to_masked_array: "np.asarray(...) gives a plain array",
    saved: "cannot follow",
}


def line_of(forward):
    source, first = inspect.getsourcelines(forward)
    return first + len(source) - (2 if forward in (stored_number, stored_rows) else 1)


def plainly(forward, x):
    """As a forward whose globals were not replaced: only the protocols see the call."""
    return forward(x)


@pytest.mark.parametrize("forward", [*LEAKING, to_plain])
def test_leak_names_the_line_and_what_happened(forward):
    trace = Trace()
    x = trace.variable(normal(3), "x")
    if forward in (stored_number, stored_rows, to_plain):
        plainly(forward, x)
    else:
        call_traced(trace, forward, x)
    assert trace.leaks
    leak = trace.leaks[0]
    assert LEAKING.get(forward, "np.asarray(...) gives a plain array") in leak.how
    assert leak.where.file == __file__
    assert leak.where.line == line_of(forward)
    assert leak.where.function == forward.__name__
    assert leak.where.source in inspect.getsource(forward)


@pytest.mark.parametrize("forward", [*LEAKING, to_plain])
def test_constants_may_leave(forward):
    trace = Trace()
    trace.variable(normal(3), "x")
    plainly(forward, trace.leaf(normal(3, seed=1)))
    assert trace.leaks == []


def test_the_value_that_left_is_a_constant_and_the_rest_is_followed():
    def forward(x):
        return x[0] * float(x[1]) + np.asarray(x).sum()

    trace = Trace()
    x = trace.variable(np.array([2.0, 3.0]), "x")
    out = forward(x)
    assert out == 11.0
    np.testing.assert_array_equal(trace.gradients([out], [np.array(1.0)], {"x": x})["x"], [3.0, 0.0])
    assert len(trace.leaks) == 2


def test_a_leak_in_a_loop_is_told_once():
    trace = Trace()
    x = trace.variable(normal(5), "x")
    for i in range(5):
        float(x[i])
    assert len(trace.leaks) == 1


def test_plain_array_that_answers_a_method_itself_is_a_leak():
    trace = Trace()
    w = trace.variable(normal(3, 2), "w")
    result = normal(2, 3).dot(w)
    assert type(result) is np.ndarray
    assert len(trace.leaks) == 1


def test_a_rule_that_fails_is_a_leak_and_never_an_error(monkeypatch):
    from gradcheck.trace.rules import RULES

    def broken(*_args, **_kwargs):
        raise RuntimeError("no")

    monkeypatch.setitem(RULES, np.exp, broken)
    trace = Trace()
    x = trace.variable(normal(3), "x")
    out = np.exp(x) + x
    assert trace.leaks[0].how == "exp has no PyTorch counterpart for these arguments"
    np.testing.assert_array_equal(trace.gradients([out], [np.ones(3)], {"x": x})["x"], np.ones(3))


def test_a_rule_of_another_shape_is_a_leak(monkeypatch):
    from gradcheck.trace.rules import RULES

    monkeypatch.setitem(RULES, np.exp, lambda x: x.sum())
    trace = Trace()
    np.exp(trace.variable(normal(3), "x"))
    assert "another shape" in trace.leaks[0].how


def test_handed_to_torch_is_a_leak():
    import torch

    trace = Trace()
    x = trace.variable(normal(3), "x")
    np.testing.assert_array_equal(torch.tensor(x).numpy(), x.value)
    assert "another library" in trace.leaks[0].how


def test_a_user_function_in_a_library_call_is_named():
    trace = Trace()
    x = trace.variable(normal(3), "x")
    list(map(float, x))
    assert trace.leaks[0].where.file == __file__


WRITERS = [
    str,
    lambda v: repr(v.item()),
    "{}".format,
    lambda v: "%.8f" % v,  # noqa: UP031  # the operator is what is tested
]


@pytest.mark.parametrize("write", WRITERS)
def test_a_number_read_back_from_text_is_a_leak_and_one_that_is_only_printed_is_none(write):
    def forward(x, text):
        shown = write(x[0])
        return float(text or shown)

    for text, leaks in (("", 1), ("0.25", 0), ("inf", 0)):
        trace = Trace()
        x = trace.variable(np.array([0.731058]), "x")
        with entrances(trace, [globals()]):
            read = forward(x, text)
        assert read == float(text or "0.731058")
        assert [leak.how for leak in trace.leaks] == leaks * ["a number read back from text"]
        assert all(leak.where.source == "return float(text or shown)" for leak in trace.leaks)
