import numpy as np
import pytest

from gradcheck.trace import Trace
from gradcheck.trace.branches import digest


def signature(forward, values):
    trace = Trace()
    forward(trace.variable(np.array(values), "x"))
    return trace.branch_signature()


# A choice, values, others on the same side, and others on another side.
CHOICES = [
    (lambda x: x > 0, [1.0, -1.0], [2.0, -3.0], [-1.0, -1.0]),
    (lambda x: np.maximum(x, 0), [1.0, -1.0], [2.0, -3.0], [1.0, 1.0]),
    (lambda x: np.minimum(x, x[::-1]), [1.0, 2.0], [0.0, 5.0], [2.0, 1.0]),
    (lambda x: np.clip(x, -1, 1), [0.5, 2.0], [0.1, 3.0], [0.5, 0.9]),
    (lambda x: x.clip(min=0), [0.5, 2.0], [0.1, 3.0], [0.5, -0.9]),
    (lambda x: abs(x), [0.5, -2.0], [0.1, -3.0], [0.5, 2.0]),
    (lambda x: x.max(), [1.0, 2.0], [1.0, 3.0], [3.0, 2.0]),
    (lambda x: np.min(x, axis=0), [1.0, 2.0], [1.0, 3.0], [3.0, 2.0]),
    (lambda x: x.argmax(), [1.0, 2.0], [1.0, 3.0], [3.0, 2.0]),
    (lambda x: np.argsort(x), [1.0, 2.0], [1.0, 3.0], [3.0, 2.0]),
    (lambda x: np.sort(x), [1.0, 2.0], [1.0, 3.0], [3.0, 2.0]),
    (lambda x: np.median(x), [1.0, 2.0, 3.0], [1.0, 2.5, 3.0], [3.0, 2.0, 1.0]),
    (lambda x: np.floor(x), [1.2, 2.2], [1.4, 2.9], [0.9, 2.2]),
    (lambda x: 1 if x[0] else 2, [1.0], [2.0], [0.0]),
    (lambda x: int(x[0]), [1.2], [1.3], [2.2]),
    (lambda x: max(x[0], x[1]), [1.0, 2.0], [1.0, 3.0], [3.0, 2.0]),
    (lambda x: x.astype(int), [1.2], [1.3], [2.2]),
    (lambda x: np.where(x > 0, x, 0), [1.0], [2.0], [-1.0]),
    (lambda x: np.isnan(x), [1.0], [2.0], [np.nan]),
    (lambda x: np.searchsorted([0.0, 1.0], x), [0.5], [0.7], [1.5]),
]


@pytest.mark.parametrize(("forward", "values", "same", "other"), CHOICES, ids=range(len(CHOICES)))
def test_signature_changes_where_the_choice_does(forward, values, same, other):
    assert signature(forward, values)
    assert signature(forward, values) == signature(forward, same)
    assert signature(forward, values) != signature(forward, other)


def test_smooth_functions_and_constants_decide_nothing():
    assert signature(lambda x: np.exp(x) @ np.tanh(x) + x.sum(), [1.0, 2.0]) == ()
    trace = Trace()
    trace.variable(np.ones(2), "x")
    constant = trace.leaf(np.ones(3))
    assert (constant > 0).all()
    np.maximum(constant, 0)
    if constant.sum() > 2:
        constant.argmax()
    assert trace.branch_signature() == ()


def test_signature_is_hashable_and_in_order():
    first = signature(lambda x: (x > 0, x > 1), [0.5])
    assert hash(first) == hash(signature(lambda x: (x > 0, x > 1), [0.7]))
    assert first != signature(lambda x: (x > 1, x > 0), [0.5])


def test_digest_tells_masks_indices_and_numbers_apart():
    assert digest(np.array([True, False])) != digest(np.array([False, True]))
    assert digest(np.array([1, 2])) != digest(np.array([2, 1]))
    assert digest(np.array([[1, 2]]).T) == digest(np.array([1, 2]))
    assert digest(np.array([None])) == 0
