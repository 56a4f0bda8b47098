"""What is said of a wrong gradient that nothing explains."""

import numpy as np
import pytest
from planted_arrays import W, cause, report

from gradcheck import check_layer
from gradcheck.causes import difference_of
from gradcheck.errors import GradcheckError

RNG = np.random.default_rng(1)
TRUE, OWN = RNG.standard_normal((6, 6)), RNG.standard_normal((6, 6))
NOISE = RNG.standard_normal((6, 6))


def only(mask):
    return np.where(mask, TRUE + NOISE, TRUE)


def at(*index):
    mask = np.zeros((6, 6), dtype=bool)
    mask[index] = True
    return mask


ROWS, COLUMNS = np.indices((6, 6))
PATTERNS = {
    "it differs only in the last column": only(COLUMNS == 5),
    "it differs only in the first row": only(ROWS == 0),
    "it differs only in the border": only((ROWS % 5 == 0) | (COLUMNS % 5 == 0)),
    "it differs only where w is negative": only(OWN < 0),
    "it differs only where the true gradient is positive": only(TRUE > 0),
    "it differs only where the row is the column: on the diagonal": only(ROWS == COLUMNS),
    "it differs only where the row comes before the column: above the diagonal": only(ROWS < COLUMNS),
    "it differs only in 2 of 36 entries": only(at([0, 3], [2, 5])),
    "it differs only in 12 of 36 entries: all with index 1, 4 (from 0) along axis 0": only(at([1, 4])),
    "it differs by 0.3 in every entry": TRUE + 0.3,
    "it has the same difference everywhere along axis 0": TRUE + NOISE[:1],
    "it is a multiple of the true one that is the same everywhere along axis 1": TRUE * NOISE[:, :1],
    "it differs by a factor that is a smooth function of w, from ": TRUE * (2 + np.tanh(OWN / 2)),
    "it differs everywhere, and has little to do with the true one, like noise": RNG.standard_normal((6, 6)),
    "it differs everywhere, at ": TRUE + 0.5 * NOISE,
}


@pytest.mark.parametrize("says", PATTERNS)
def test_the_pattern_is_described_in_one_line(says):
    [finding] = difference_of(PATTERNS[says], TRUE, "dw", {"w": OWN}, None)
    assert (finding.code, finding.severity, finding.help) == ("GC299", "info", ())
    assert finding.title.startswith(f"dw is wrong, and the cause is not known: {says}")


def test_a_gradient_without_a_cause_is_wrong_and_its_pattern_is_a_note():
    noise = np.random.default_rng(3).standard_normal(W.shape)
    found = report(lambda dw, dout, x, w: np.where(w < 0, dw + noise, dw))
    assert not found.ok
    text = " ".join(str(found).split())
    assert "GC299 dw is wrong, and the cause is not known: it differs only where w is negative" in text


def test_a_gradient_with_a_cause_has_no_pattern():
    assert cause(lambda dw, dout, x, w: 6 * dw).code == "GC201"


def test_gradients_with_the_same_pattern_are_said_together():
    def backward(dout, x, y):
        return dout + np.where(x < 0, x**2, 0), dout + np.where(y < 0, y**2, 0)

    rng = np.random.default_rng(0)
    found = check_layer(lambda x, y: x + y, backward, rng.standard_normal(9), rng.standard_normal(9))
    assert len([f for f in found.findings if f.code == "GC299"]) == 2  # where x, and where y: not the same


def test_an_unknown_cause_cannot_be_declared_deliberate():
    with pytest.raises(GradcheckError, match="'GC299' is not the code of a cause"):
        check_layer(lambda x: x**2, lambda dout, x: 2 * x * dout, np.ones(3), allow={"dx": "GC299"})
