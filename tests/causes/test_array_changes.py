"""How a gradient differs from the true one: what is said, what is advised, what is called an observation."""

import numpy as np
import pytest

from gradcheck import check_layer
from gradcheck.causes import difference_of as explain

TRUE = np.random.default_rng(0).standard_normal((4, 3))
X = {"x": np.ones((6, 4))}
OUT = np.ones((6, 3))
IMAGES = {"x": np.ones((6, 2, 5, 7))}
MAPS = np.ones((6, 3, 4, 5))

MEANT = {
    "one over the batch": (1 / 6, X, OUT, "sum over the batch, do not average: multiply dw by 6"),
    "the batch": (6, X, OUT, "average over the batch, do not sum: divide dw by 6"),
    "positions": (1 / 20, IMAGES, MAPS, "sum over the positions of the output, do not average: multiply dw by 20"),
    "both": (
        1 / 120,
        IMAGES,
        MAPS,
        "sum over the batch and the positions of the output, do not average: multiply dw by 120",
    ),
    "an axis": (1 / 6, X, None, "sum over axis 0 of x, do not average: multiply dw by 6"),
    "two": (2, X, OUT, "halve dw: the ½ of a ½x² is missing, or a term is added twice"),
    "a half": (0.5, X, OUT, "double dw: the 2 of the derivative of an x² is missing, or half of a sum"),
    "minus two": (-2, X, OUT, "halve dw: the ½ of a ½x² is missing, or a term is added twice, and change its sign"),
    "minus the batch": (-6, X, OUT, "average over the batch, do not sum: divide dw by 6, and change its sign"),
    "one over something": (1 / 36, X, OUT, "multiply dw by 36: is there a mean over 36 things that is a sum?"),
    "times something": (36, X, OUT, "divide dw by 36: is there a sum over 36 things that is a mean?"),
    "minus something": (-1 / 36, X, OUT, "multiply dw by -36: is there a mean over 36 things that is a sum?"),
    "the negative": (-1, X, OUT, "change the sign"),
}


@pytest.mark.parametrize("case", MEANT)
def test_a_factor_that_stands_for_something_is_a_cause_with_its_help(case):
    factor, inputs, upstream, help_ = MEANT[case]
    [finding] = explain(factor * TRUE, TRUE, "dw", inputs, upstream)
    assert finding.severity == "error"
    assert finding.help == (help_,)


@pytest.mark.parametrize("factor", [1.17241, -0.852941, 1.5, 0.341333])
def test_a_factor_that_stands_for_nothing_is_an_observation_without_help(factor):
    [finding] = explain(factor * TRUE, TRUE, "dw", X, OUT)
    assert (finding.code, finding.severity, finding.help) == ("GC201", "info", ())
    assert "times the true gradient" in finding.title


def test_an_observation_is_a_note_on_the_page_and_the_gradient_is_still_wrong():
    report = check_layer(
        lambda x: np.sin(x), lambda dout, x: 1.17241 * dout * np.cos(x), np.random.default_rng(0).standard_normal(5)
    )
    assert not report.ok
    text = str(report)
    assert "\n  note      GC201 dx is 1.17241 times the true gradient\n" in text
    assert "help" not in text


def test_what_was_ruled_out_is_named_in_plain_words_nearest_first():
    kernel = np.random.default_rng(1).standard_normal((2, 1, 3, 3))
    [finding] = explain(np.flip(kernel, (2, 3)), kernel, "dw", {}, None)
    assert finding.title == "dw is the true gradient flipped along axes 2 and 3 (rotated by 180°)"
    ruled = {text.partition(" (explains")[0] for text in finding.ruled_out}
    assert {"a constant factor", "its negative", "flipped along axis 2", "axes permuted to (0, 1, 3, 2)"} <= ruled
    assert not any("times" in text for text in ruled)
    [scaled] = explain(2 * kernel, kernel, "dw", {}, None)
    assert any(text.startswith("rotated by 180°") for text in scaled.ruled_out)


def test_a_deliberate_factor_keeps_its_name_and_loses_its_help():
    def forward(x, b):
        return x + b

    x, b = np.random.default_rng(0).standard_normal((6, 3)), np.ones(3)
    report = check_layer(forward, lambda dout, x, b: (dout, dout.mean(axis=0)), x, b, allow={"db": "GC201"})
    assert report.ok
    [finding] = [f for f in report.findings if f.code == "GC201"]
    assert (finding.severity, finding.help) == ("info", ())


def test_what_is_nearly_the_cause_says_how_much_of_the_difference_it_explains():
    dw = np.random.default_rng(1).standard_normal((2, 1, 3, 3))
    [finding] = explain(np.flip(dw, (2, 3)), dw, "dw", {}, None)
    explained = [text for text in finding.ruled_out if "(explains " in text]
    assert explained == list(finding.ruled_out[: len(explained)])  # the nearest first, the others explain nothing
    assert all(text.endswith(" %)") for text in explained)


def test_two_arrays_at_hand_are_yours_and_true():
    [finding] = explain(2 * TRUE, TRUE, "yours", {}, None)
    assert finding.evidence[0].startswith("with that one change the true gradient gives yours to ")


def test_a_transpose_of_another_shape_is_named_in_a_check_and_in_a_comparison():
    def forward(x, w):
        return x @ w, (x, w)

    x, w = np.random.default_rng(0).standard_normal((6, 4)), np.random.default_rng(1).standard_normal((4, 3))
    report = check_layer(forward, lambda dout, cache: (dout @ cache[1].T, dout.T @ cache[0]), x, w)
    assert [f.code for f in report.findings] == ["GC104", "GC203"]
    assert report.findings[1].title == "dw is the transpose of the true gradient"
    [finding] = explain(w.T, w, "yours", {}, None)
    assert finding.title == "yours is the transpose of the true gradient"
    assert finding.evidence == ("with that one change the true gradient gives yours to 1e-16",)
    [finding] = explain(np.ones((2, 3, 4)).cumsum().reshape(2, 3, 4).transpose(2, 0, 1),
                        np.ones((2, 3, 4)).cumsum().reshape(2, 3, 4), "dw", {}, None)  # fmt: skip
    assert finding.title == "dw is the true gradient with axes (2, 0, 1)"
    assert explain(np.ones((3, 4)), w, "dw", {}, None) == []
    assert explain(w.ravel(), w, "dw", {}, None) == []
