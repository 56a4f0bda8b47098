"""An affine layer whose gradient of w is changed after it was computed, and the causes that a check finds."""

import numpy as np

from gradcheck import check_layer

RNG = np.random.default_rng(0)
X, W, B = RNG.standard_normal((6, 4)), RNG.standard_normal((4, 3)), RNG.standard_normal(3)


def affine(x, w, b):
    return x @ w + b


def report(change=None, change_bias=None):
    """The report of a check in which dw is ``change(dw, dout, x, w)``, db ``change_bias(db)``."""

    def backward(dout, x, w, b):
        dw, db = x.T @ dout, dout.sum(axis=0)
        return (
            dout @ w.T,
            dw if change is None else change(dw, dout, x, w),
            db if change_bias is None else change_bias(db),
        )

    return check_layer(affine, backward, X, W, B)


def causes(found):
    """The findings of a report that name a cause, or say that none is known."""
    return [f for f in found.findings if f.code.startswith("GC2")]


def cause(change=None, change_bias=None):
    """The one cause that is found."""
    [finding] = causes(report(change, change_bias))
    return finding
