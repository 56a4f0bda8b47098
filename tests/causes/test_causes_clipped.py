"""A gradient cut off at a bound, entry by entry."""

import numpy as np
import pytest
from planted_arrays import cause, causes, report

from gradcheck import check_layer
from gradcheck.causes import difference_of

TRUE = 2 * np.random.default_rng(1).standard_normal((5, 6))

CLIPPED = {
    "±1": np.clip(TRUE, -1, 1),
    "±0.731234": np.clip(TRUE, -0.731234, 0.731234),
    "-0.5 to 1.25": np.clip(TRUE, -0.5, 1.25),
    "0 from below": np.maximum(TRUE, 0),
    "0.5 from above": np.minimum(TRUE, 0.5),
}


@pytest.mark.parametrize("bounds", CLIPPED)
def test_the_bounds_are_found(bounds):
    [finding] = difference_of(CLIPPED[bounds], TRUE, "dw", {}, None)
    assert (finding.code, finding.title) == ("GC208", f"dw is the true gradient clipped to {bounds}")
    assert finding.cause[0].endswith("of 30 entries lie beyond")
    assert finding.help[0].startswith("return the gradient as it is; clip where it is used")


def test_it_holds_for_a_layer():
    assert cause(lambda dw, dout, x, w: np.clip(dw, -1, 1)).title == "dw is the true gradient clipped to ±1"


def test_the_same_bound_in_all_gradients_is_one_cause():
    found = causes(report(lambda dw, dout, x, w: np.clip(dw, -1, 1), lambda db: np.clip(db, -1, 1)))
    assert [f.title for f in found] == ["dw and db are the true ones clipped to ±1"]


def test_a_largest_entry_that_happens_to_be_smaller_is_not_clipped():
    yours = TRUE.copy()
    yours[np.unravel_index(np.abs(TRUE).argmax(), TRUE.shape)] *= 0.9387123
    assert all(f.code != "GC208" for f in difference_of(yours, TRUE, "dw", {}, None))


def test_what_was_clipped_before_a_product_is_not_said_to_be_clipped():
    assert cause(lambda dw, dout, x, w: x.T @ np.clip(dout, -0.3, 0.3)).code != "GC208"


def test_what_is_linear_in_the_upstream_gradient_is_no_clip():
    x, ones = np.array([[-1.0, 2, 3, -4], [5, -6, 7, -8]]), np.ones((2, 4))

    def found(backward):
        return causes(check_layer(lambda x: (np.abs(x), x), backward, x, upstream=ones))

    assert [f.code for f in found(lambda dout, x: (x > 0) * dout)] == ["GC233"]
    assert [f.code for f in found(lambda dout, x: np.maximum(np.sign(x) * dout, 0))] == ["GC208"]


def test_a_bound_that_grows_with_the_upstream_gradient_is_none():
    slopes = np.array([[0.5, -0.25, 2], [-3, 0.4, -0.3]])
    x = np.array([[1.5, -2, 3], [0.7, -0.9, 2.5]])
    report = check_layer(
        lambda x: (slopes * x, x), lambda dout, x: np.clip(slopes, -0.5, 0.5) * dout, x, upstream=np.ones((2, 3))
    )
    assert [f.code for f in causes(report) if f.code == "GC208"] == []
