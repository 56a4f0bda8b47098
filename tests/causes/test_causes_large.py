"""Causes of wrong gradients of large arrays: ruled out by parts of them, confirmed on a few samples."""

from queue import SimpleQueue

import numpy as np
import pytest
from planted_arrays import affine, causes

from gradcheck import check_layer
from gradcheck.causes.case import Case
from gradcheck.causes.thin import is_large, thinned

RNG = np.random.default_rng(3)
X, W, B = RNG.standard_normal((2000, 21)), RNG.standard_normal((21, 19)), RNG.standard_normal(19)
# a queue, for whatever else the layer's code may write to is put back
SEEN = SimpleQueue()


def drained():
    return [SEEN.get() for _ in range(SEEN.qsize())]


def cause(change):
    def backward(dout, x, w, b):
        SEEN.put(len(x))
        return change(dout @ w.T, len(x)), x.T @ dout, dout.sum(axis=0)

    drained()
    [finding] = causes(check_layer(affine, backward, X, W, B))
    return finding


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("GC201", lambda dx, n: 2 * dx),
        ("GC202", lambda dx, n: -dx),
        ("GC204", lambda dx, n: dx[:, ::-1]),
        ("GC206", lambda dx, n: np.roll(dx, 1, axis=1)),
        ("GC208", lambda dx, n: np.clip(dx, -2, 2)),
        ("GC211", lambda dx, n: dx.astype(np.float16).astype(float)),
    ],
)
def test_a_cause_is_named_and_confirmed_on_a_few_samples(code, change):
    finding = cause(change)
    assert finding.code == code
    assert finding.evidence[1] == "the same at other values and another batch size"
    assert min(drained()) < 300


def test_a_cause_is_confirmed_at_one_further_point_of_a_few_samples_from_ten_thousand_numbers_on():
    def backward(dout, x, w, b):
        SEEN.put(len(x))
        return dout @ w.T, 2 * x.T @ dout, dout.sum(axis=0)

    drained()
    square = RNG.standard_normal((64, 64)), RNG.standard_normal((64, 70)), RNG.standard_normal(70)
    [finding] = causes(check_layer(affine, backward, *square))
    assert finding.evidence[1] == "the same at other values and another batch size"
    assert len([n for n in drained() if n < 64]) == 1


def test_what_shows_only_in_a_large_batch_is_asked_of_a_large_one():
    finding = cause(lambda dx, n: -dx if n > 1000 else dx)
    assert finding.code == "GC202"
    assert not finding.likely


def test_a_part_rules_out_only_what_the_whole_does():
    yours = RNG.standard_normal((300, 200))
    case = Case(None, {"x": yours}, [], {"x": yours}, {"x": 2 * yours})
    assert is_large(yours)
    assert not is_large(thinned(yours))
    for prediction in (yours, yours + 1e-9 * RNG.standard_normal(yours.shape)):
        assert case.explains("x", prediction)
        assert not case.is_ruled_out("x", prediction)
        assert not case.is_no_multiple("x", -3 * prediction)
    for prediction in (-yours, yours[::-1], np.zeros_like(yours)):
        assert case.is_ruled_out("x", prediction)
    assert case.is_no_multiple("x", yours[:, ::-1])


def test_one_wrong_entry_that_no_part_shows_is_seen_in_the_whole():
    yours = RNG.standard_normal((300, 200))
    prediction = yours.copy()
    prediction[1, 1] += 1
    case = Case(None, {"x": yours}, [], {"x": yours}, {"x": yours})
    assert not case.is_ruled_out("x", prediction)
    assert not case.explains("x", prediction)
    assert case.share_left("x", 2 * yours, prediction) > 1
