"""A gradient moved along its axes."""

import numpy as np
import pytest
from planted_arrays import cause

from gradcheck.causes import difference_of

IMAGE = np.random.default_rng(1).standard_normal((2, 3, 6, 7))


def padded(shift):
    moved = np.zeros_like(IMAGE)
    moved[:, :, max(shift, 0) : 6 + min(shift, 0)] = IMAGE[:, :, max(-shift, 0) : 6 + min(-shift, 0)]
    return moved


MOVED = {
    "rolled by 1 along axis 2": np.roll(IMAGE, 1, 2),
    "rolled by -2 along axis 3": np.roll(IMAGE, -2, 3),
    "rolled by 1 along axis 2 and by -1 along axis 3": np.roll(IMAGE, (1, -1), (2, 3)),
    "shifted by 1 along axis 2, zeros coming in": padded(1),
    "shifted by -2 along axis 2, zeros coming in": padded(-2),
}


@pytest.mark.parametrize("says", MOVED)
def test_a_moved_array_is_named_with_its_shift(says):
    [finding] = difference_of(MOVED[says], IMAGE, "dx", {}, None)
    assert (finding.code, finding.severity) == ("GC206", "error")
    assert finding.title == f"dx is the true gradient {says}"
    assert finding.help == ("an index, an offset or a padding is off: move the slice back",)


def test_it_holds_for_a_layer_elsewhere_too():
    finding = cause(lambda dw, dout, x, w: np.vstack([dw[1:], 0 * dw[:1]]))
    assert finding.title == "dw is the true gradient shifted by -1 along axis 0, zeros coming in"
    assert "the same at other values and another batch size" in finding.evidence


def test_what_was_moved_and_something_else_was_not_moved():
    [finding] = difference_of(np.roll(IMAGE, 1, 2) + np.flip(IMAGE, 3), IMAGE, "dx", {}, None)
    assert finding.code == "GC299"


def test_a_moved_array_may_be_a_multiple_as_well():
    [finding] = difference_of(np.roll(IMAGE, 1, 2) / 2, IMAGE, "dx", {"x": np.ones(5)}, None)
    assert finding.title == "dx is the true gradient rolled by 1 along axis 2, and 1/2 times that"
