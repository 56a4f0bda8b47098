"""gradient() and compare() by themselves."""

import math

import numpy as np
import pytest
from scipy import special

from gradcheck import GradcheckError, compare, gradient


def rng(seed=0):
    return np.random.default_rng(seed)


def test_gradient_gives_whole_arrays_by_name():
    x, w, dout = rng().standard_normal((4, 3)), rng(1).standard_normal((3, 2)), rng(2).standard_normal((4, 2))
    found = gradient(lambda x, w: np.tanh(x @ w), x, w, upstream=dout)
    dz = dout * (1 - np.tanh(x @ w) ** 2)
    assert list(found) == ["x", "w"]
    np.testing.assert_allclose(found["x"], dz @ w.T, rtol=1e-12)
    np.testing.assert_allclose(found["w"], x.T @ dz, rtol=1e-12)
    assert found.leaks == ()


def test_gradient_of_a_scalar_needs_no_upstream():
    np.testing.assert_allclose(gradient(lambda x: np.sum(x**2), np.array([1.0, -3.0]))["x"], [2.0, -6.0])


def test_gradient_says_what_leaked_and_is_right_all_the_same():
    found = gradient(lambda x: x * np.frombuffer(x.tobytes()).sum(), np.array([1.0, 2.0]), upstream=np.ones(2))
    assert [leak.how for leak in found.leaks] != []
    np.testing.assert_allclose(found["x"], [6.0, 6.0], rtol=1e-6)


def test_gradient_refuses_to_guess_an_upstream():
    with pytest.raises(GradcheckError, match=r"upstream: the output has shape \(3,\); give upstream="):
        gradient(lambda x: x * 2, np.ones(3))


def test_gradient_refuses_a_point_where_there_is_none():
    with pytest.raises(GradcheckError, match="autograd and numerical differences of this forward disagree"):
        gradient(lambda x: np.max(x), np.ones(3))


CHANGES = {
    "a half": (lambda g: g / 2, "GC201", "yours is 1/2 times the true gradient"),
    "negated": (lambda g: -g, "GC202", "yours is the negative of the true gradient"),
    "transposed": (lambda g: g.T, "GC203", "yours is the transpose of the true gradient"),
    "rotated": (
        lambda g: g[::-1, ::-1],
        "GC204",
        "yours is the true gradient flipped along axes 0 and 1 (rotated by 180°)",
    ),
    "flipped": (lambda g: g[:, ::-1], "GC204", "yours is the true gradient flipped along axis 1"),
    "zero": (lambda g: 0 * g, "GC205", "yours is zero"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_compare_says_how_two_arrays_differ(name):
    change, code, title = CHANGES[name]
    true = rng().standard_normal((4, 4))
    report = compare(change(true), true)
    assert not report.ok
    assert [(f.code, f.title) for f in report.findings] == [(code, title)]


def test_compare_finds_a_meaning_for_a_factor_in_the_inputs():
    true = rng().standard_normal((3, 5))
    report = compare(true / 8, true, inputs={"x": np.ones((8, 3))})
    said = "yours is 1/8 times the true gradient (likely one over the length of axis 0 of x, 8)"
    assert report.findings[0].title == said


def test_compare_claims_nothing_that_it_cannot_show():
    true = rng().standard_normal((3, 5))
    [finding] = compare(true + rng(9).standard_normal((3, 5)), true).findings
    assert (finding.code, finding.severity, finding.help) == ("GC299", "info", ())
    assert finding.title.startswith("yours is wrong, and the cause is not known: it differs everywhere, at ")
    [finding] = compare(np.array([2.0]), np.array([3.0])).findings
    assert finding.title.endswith("the cause is not known: it is one number, 2, where 3 is right")


@pytest.mark.parametrize("error", [0.0, 1e-12])
def test_compare_passes_what_is_equal(error):
    true = rng().standard_normal((3, 5))
    assert compare(true * (1 + error), true).ok


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: compare([], []), r"yours: it is empty \(shape \(0,\)\); nothing would be compared"),
        (lambda: compare([1.0], ["a"]), "true: it is of dtype <U1; give an array of real numbers"),
        (lambda: compare([1.0], [np.nan]), "true: it has NaN or infinite entries"),
        (lambda: compare([1j], [1.0]), "yours: it is of dtype complex128"),
        (lambda: compare([1.0], [1.0], rtol=-1), "rtol: it must be a finite number from 0 up, not -1"),
        (lambda: compare([[1.0], [1.0, 2.0]], [1.0]), "yours: it is not an array of numbers"),
    ],
)
def test_compare_refuses(call, text):
    with pytest.raises(GradcheckError, match=text):
        call()


def test_compare_does_not_pass_other_shapes_or_nan():
    assert not compare(np.ones((2, 1)), np.ones((1, 2))).ok
    assert not compare(np.full(3, np.nan), np.ones(3)).ok


def test_a_comparison_speaks_of_yours_and_true_and_draws_nothing():
    lines = str(compare(np.ones((2, 3)), np.full((2, 3), 2.0), raises=False)).splitlines()
    assert lines[0].startswith("✗ the gradient is wrong ")
    assert lines[1].startswith("  yours compared with true, two arrays · float64")
    words = [line.split() for line in lines]
    assert ["gradient", "shape", "‖yours‖", "‖true‖", "rel.", "error", "verdict"] in words
    assert ["worst", "entries", "of", "yours", "yours", "true"] in words
    text = "\n".join(lines)
    assert "seed" not in text
    assert "reference" not in text


def test_a_named_comparison_says_the_name_once_in_its_first_line():
    report = compare(np.ones(3), np.ones(3), name="dw")
    assert str(report).startswith("✓ dw: the gradient is right ")
    assert report.gradients[0].compared_with == "true"


def test_a_complex_number_in_front_of_a_number_is_followed():
    def turned(x):
        return np.abs(sum(np.exp(1j * x[i]) for i in range(3)))

    def written_behind(x):
        return np.abs(sum(np.exp(x[i] * 1j) for i in range(3)))

    x = np.array([0.3, 0.5, 0.9])
    found = gradient(turned, x)
    assert np.linalg.norm(found["x"]) > 0.1
    assert np.allclose(found["x"], gradient(written_behind, x)["x"], rtol=1e-12)
    assert not found.leaks


def test_numbers_that_go_on_unseen_through_text_are_told_as_a_reason():
    def listed(x):
        return np.sum(np.array(",".join(map(str, x)).split(","), float) ** 2)

    with pytest.raises(GradcheckError, match="read back from a file, or from text"):
        gradient(listed, np.array([0.3, 0.5, 0.9]))


def test_the_gamma_function_of_numbers_in_a_loop():
    found = gradient(lambda x: np.sum(np.array([math.gamma(2 + v) for v in x])), np.array([0.3, 1.2]))
    assert np.allclose(found["x"], special.gamma([2.3, 3.2]) * special.digamma([2.3, 3.2]))
