"""A gradient rescaled by its norm, or by that of all gradients."""

import numpy as np
from planted_arrays import B, W, X, affine, cause, causes

from gradcheck import check_layer
from gradcheck.causes import difference_of

TRUE = 3 * np.random.default_rng(1).standard_normal((5, 6))


def test_a_norm_clipped_to_a_round_number_is_named():
    finding = cause(lambda dw, dout, x, w: dw * min(1, 5 / np.linalg.norm(dw)))
    assert (finding.code, finding.title) == ("GC209", "dw is the true gradient clipped to norm 5")
    assert finding.help == ("return the gradient as it is; clip where it is used, and count how often it happens",)


def test_a_gradient_of_norm_one_is_divided_by_its_norm():
    finding = cause(lambda dw, dout, x, w: dw / np.linalg.norm(dw))
    assert finding.title == "dw is the true gradient divided by its norm"
    assert "a step of constant length never comes to rest" in finding.help[0]


def test_a_gradient_that_grows_to_its_norm_is_not_clipped():
    [finding] = difference_of(250 * TRUE / np.linalg.norm(TRUE), TRUE, "dw", {}, None)
    assert finding.title == "dw is the true gradient rescaled to norm 250"


def test_a_gradient_divided_by_its_largest_entry():
    finding = cause(lambda dw, dout, x, w: dw / np.abs(dw).max())
    assert finding.title == "dw is the true gradient divided by its largest entry"


def test_all_gradients_clipped_together_are_one_cause():
    def backward(dout, x, w, b):
        gradients = dout @ w.T, x.T @ dout, dout.sum(axis=0)
        total = np.sqrt(sum(np.sum(g**2) for g in gradients))
        return tuple(g * 0.25 / total for g in gradients)

    [finding] = causes(check_layer(affine, backward, X, W, B))
    assert finding.title == "all 3 gradients are the true ones clipped to a norm over all gradients of 0.25"


def test_a_factor_that_gives_no_round_norm_is_a_factor():
    [finding] = difference_of(TRUE / 7, TRUE, "dw", {"x": np.ones((7, 5))}, np.ones((7, 6)))
    assert finding.code == "GC201"
    assert not any("clipped by norm" in text for text in finding.ruled_out)
