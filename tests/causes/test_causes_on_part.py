"""A gradient that is right but for one part."""

import numpy as np
import pytest
from planted_arrays import cause

from gradcheck.causes import difference_of

TRUE = np.random.default_rng(1).standard_normal((5, 7))


def part(where, times):
    yours = TRUE.copy()
    yours[where] *= times
    return yours


def border(times):
    yours = times * TRUE
    yours[1:-1, 1:-1] = TRUE[1:-1, 1:-1]
    return yours


PARTS = {
    "is zero in the last column, and right elsewhere": part(np.s_[:, -1], 0),
    "is zero in the first row, and right elsewhere": part(np.s_[0], 0),
    "is zero in the last 2 columns, and right elsewhere": part(np.s_[:, -2:], 0),
    "is zero in all rows but the first, and right elsewhere": part(np.s_[1:], 0),
    "is zero in row 2 (from 0), and right elsewhere": part(np.s_[2], 0),
    "is zero in the border, and right elsewhere": border(0),
    "has the other sign in columns 1 to 3 (from 0), and is right elsewhere": part(np.s_[:, 1:4], -1),
    "is 2 times the true gradient in the border, and right elsewhere": border(2),
    "is 0.25 times the true gradient in the last row, and right elsewhere": part(np.s_[-1], 0.25),
    "is 2 times the true gradient in entry [3, 5], and right elsewhere": part((3, 5), 2),
    "is zero in entry [0, 6], and right elsewhere": part((0, 6), 0),
}


@pytest.mark.parametrize("says", PARTS)
def test_the_part_is_named(says):
    [finding] = difference_of(PARTS[says], TRUE, "dw", {}, None)
    assert (finding.code, finding.title) == ("GC215", f"dw {says}")
    assert finding.severity == "error"


def test_one_side_of_a_pair_with_the_sign_of_the_other():
    finding = cause(None, lambda db: db * [1, 1, -1])
    assert finding.title == "db has the other sign in the last entry, and is right elsewhere"
    assert finding.help == ("change the sign in the last entry of db",)


def test_any_other_multiple_of_one_entry_explains_nothing():
    [finding] = difference_of(part((3, 5), 1.7), TRUE, "dw", {}, None)
    assert finding.code == "GC299"
    assert "it differs only in entry [3, 5]" in finding.title


def test_it_holds_for_a_layer():
    finding = cause(lambda dw, dout, x, w: np.hstack([dw[:, :-1], 0 * dw[:, -1:]]))
    assert finding.title == "dw is zero in the last column, and right elsewhere"
    assert finding.help == ("the last column of dw: not computed, or overwritten later",)
    assert "the same at other values and another batch size" in finding.evidence


def test_noise_in_one_part_is_a_pattern_and_no_cause():
    yours = TRUE.copy()
    yours[:, -1] += np.random.default_rng(5).standard_normal(5)
    [finding] = difference_of(yours, TRUE, "dw", {}, None)
    assert (finding.code, finding.severity, finding.help) == ("GC299", "info", ())
    assert finding.title == "dw is wrong, and the cause is not known: it differs only in the last column"
