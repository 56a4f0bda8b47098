"""A forward that is flat is held to the reference that is named as the truth: differences say nothing there."""

import numpy as np
import pytest

from gradcheck import check_layer

X = np.random.default_rng(0).normal(size=(4, 3))


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "right"), (1.5, "wrong")])
def test_a_straight_through_estimator_is_compared_with_its_reference(factor, verdict):
    report = check_layer(
        lambda x: (np.round(x), None),
        lambda dout, cache: factor * dout,
        X,
        reference=lambda x: x + (x.round() - x).detach(),
    )
    assert [g.verdict for g in report.gradients] == [verdict]


def test_a_reference_that_loses_a_path_of_a_smooth_forward_is_still_contradicted():
    report = check_layer(
        lambda x: (x * x, x),
        lambda dout, x: dout * x,
        X,
        reference=lambda x: x * x.detach(),
    )
    assert not report.ok
