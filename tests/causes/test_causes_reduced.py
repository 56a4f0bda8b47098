"""A gradient summed, averaged or taken from one place, then broadcast back."""

import numpy as np
import pytest
from planted_arrays import cause

from gradcheck.causes import difference_of

TRUE = np.random.default_rng(1).standard_normal((4, 5))
EVERYWHERE = {
    "the sum of the true gradient along axis 0": TRUE.sum(0, keepdims=True),
    "the mean of the true gradient along axis 0": TRUE.mean(0, keepdims=True),
    "the mean of the true gradient along axis 1": TRUE.mean(1, keepdims=True),
    "the last entry of the true gradient along axis 0": TRUE[-1:],
    "the first entry of the true gradient along axis 1": TRUE[:, :1],
    "the sum of the true gradient along axes 0 and 1": TRUE.sum(keepdims=True),
}


@pytest.mark.parametrize("says", EVERYWHERE)
def test_the_reduction_and_its_axis_are_named(says):
    yours = np.broadcast_to(EVERYWHERE[says], TRUE.shape).copy()
    [finding] = difference_of(yours, TRUE, "dx", {}, None)
    assert (finding.code, finding.title) == ("GC214", f"dx has {says} everywhere")
    which = says.partition("along ")[2]
    assert finding.help == (f"keep {which} apart: no reduction with keepdims=True there, and no broadcast back",)


def test_it_holds_for_a_layer():
    finding = cause(lambda dw, dout, x, w: np.broadcast_to(dw.sum(0, keepdims=True), dw.shape).copy())
    assert finding.title == "dw has the sum of the true gradient along axis 0 everywhere"
    assert "the same at other values and another batch size" in finding.evidence


def test_a_constant_that_is_no_reduction_is_not_named():
    [finding] = difference_of(np.full(TRUE.shape, 0.3), TRUE, "dx", {}, None)
    assert finding.code == "GC299"
