"""At a kink autograd and a backward may take different slopes: what is a cause there is looked for a little beside."""

import numpy as np
import pytest
from planted_arrays import causes

from gradcheck import check_layer

RNG = np.random.default_rng(2)
LABELS = np.array([0, 1, 2, 1])
MARGINS = {
    "no ties": RNG.normal(size=(4, 3)),
    "margins of exactly 0": np.array([[1.0, 0, 2], [0.0, 1, 1], [3, 2, 1], [0.5, 0.5, -0.5]]),
}


def hinge(scores):
    rows = np.arange(len(scores))
    margins = np.maximum(0, scores - scores[rows, LABELS][:, None] + 1)
    margins[rows, LABELS] = 0
    return margins.sum() / len(scores), (scores, margins)


def hinge_backward(forgotten):
    def backward(dout, cache):
        scores, margins = cache
        mask = (margins > 0).astype(float)
        if forgotten != "correct class":
            mask[np.arange(len(scores)), LABELS] -= mask.sum(1)
        return mask * dout / (1 if forgotten == "samples" else len(scores))

    return backward


@pytest.mark.parametrize("scores", MARGINS)
def test_the_correct_class_forgotten_is_no_clip_and_no_wrong_step(scores):
    [found] = causes(check_layer(hinge, hinge_backward("correct class"), MARGINS[scores]))
    assert (found.code, found.title) == ("GC230", "dscores lacks what goes back through scores[rows, LABELS]")
    assert ("seen a thousandth beside the values given, which stand on a kink" in found.evidence) == (
        scores != "no ties"
    )


@pytest.mark.parametrize("scores", MARGINS)
def test_a_mean_forgotten_is_no_other_loss(scores):
    [found] = causes(check_layer(hinge, hinge_backward("samples"), MARGINS[scores]))
    assert found.code == "GC201"
    assert found.title.startswith("dscores is 4 times the true gradient")


def test_where_a_derivative_is_used_is_said_of_no_gradient_at_a_kink():
    def forward(x, w, b):
        z = x @ w + b
        return np.where(z > 0, z, 0.1 * z), (x, w)

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout, dout.sum(0)

    x = RNG.normal(size=(4, 3))
    x[1] = 0  # a padded row
    [found] = causes(check_layer(forward, backward, x, RNG.normal(size=(3, 5)), np.zeros(5)))
    assert (found.code, found.title) == ("GC232", "all 3 gradients lack the derivative of 0.1 * z")


def test_where_autograd_is_not_finite_it_is_looked_for_beside():
    def norms(x):
        return np.sqrt((x**2).sum(1)), x

    def backward(dout, x):
        length = np.sqrt((x**2).sum(1))
        return 2 * (dout / np.where(length == 0, 1, length))[:, None] * x

    [found] = causes(check_layer(norms, backward, np.array([[0.0, 0, 0], [1, 2, -1], [0.5, 0, 0]])))
    assert (found.code, found.title) == ("GC201", "dx is 2 times the true gradient")
