"""Outputs and gradients that are the caller's own arrays, or views of them: a remark, and no fault."""

import numpy as np
import pytest

from gradcheck import check_layer

X = np.random.default_rng(2).normal(size=(4, 6))


def remarks(*layer, **options):
    report = check_layer(*layer, raises=False, **options)
    assert all(f.severity == "info" for f in report.findings if f.code == "GC115")
    return report.ok, [f.title for f in report.findings if f.code == "GC115"]


@pytest.mark.parametrize(
    ("forward", "backward", "said"),
    [
        (lambda x: x, lambda d: d.copy(), "the output and x"),
        (lambda x: 2 * x, lambda d: 2 * d, None),
        (lambda x: x + 1, lambda d: d, "dx and the upstream gradient"),
        (lambda x: x.reshape(2, 12), lambda d: d.reshape(4, 6), "the output and x; dx and the upstream gradient"),
        (lambda x: x.T.copy(), lambda d: d.T.copy(), None),
    ],
)
def test_what_shares_memory_is_named(forward, backward, said):
    assert remarks(forward, backward, X) == (True, [] if said is None else [f"shares memory: {said}"])


def test_two_gradients_that_are_one_array():
    def backward(d):
        g = d.copy()
        return g, g

    assert remarks(lambda x, y: x + y, backward, X, X + 1) == (True, ["shares memory: dx and dy"])


def test_interleaved_columns_share_nothing():
    wide = np.random.default_rng(2).normal(size=(4, 12))

    def backward(d):
        both = np.stack([d, d], axis=2).reshape(4, 12)
        return both[:, ::2], both[:, 1::2]

    assert remarks(lambda x, y: x + y, backward, wide[:, ::2], wide[:, 1::2]) == (True, [])


def test_a_stored_gradient_may_be_the_upstream_gradient_itself():
    class Shift:
        b = np.ones((4, 6))

        def forward(self, x):
            return x + self.b

        def backward(self, d):
            self.db = d
            return d * 1

    assert remarks(Shift(), X) == (True, ["shares memory: db and the upstream gradient"])


def test_where_it_is_written_to_that_is_what_is_said():
    def backward(d):
        d *= 2
        return d

    ok, said = remarks(lambda x: 2 * x, backward, X)
    assert (ok, said) == (False, [])
