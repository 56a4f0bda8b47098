import numpy as np
import pytest
from trace_help import call_traced, check, normal

from gradcheck.trace import Trace


def test_out_argument_on_views_and_wholes():
    def forward(x):
        a = np.zeros((2, 3))
        result = np.multiply(x, 2, out=a)
        result += 1
        np.exp(x[0], out=a[1])
        np.add(a, x, a)
        np.sum(x, axis=0, out=a[0])
        np.matmul(x, x.T, out=a[:, :2])
        return a * a

    check(forward, normal(2, 3))


def test_where_argument_keeps_what_was_there():
    def forward(x):
        a = x * 3
        np.log(x, out=a, where=x > 0)
        b = np.divide(1.0, x, out=np.zeros_like(x), where=x != 0)
        c = np.sum(x, where=x > 0, axis=0) + np.add.reduce(x, where=x < 0)
        return a + b + c

    check(forward, np.array([[0.5, -1.0], [1.5, 2.0]]))


def test_masked_out_singularities_do_not_reach_the_gradient():
    trace = Trace()
    x = trace.variable(np.array([0.0, 2.0]), "x")
    out = np.divide(1.0, x, out=np.zeros(2), where=x != 0)
    found = trace.gradients([out], [np.ones(2)], {"x": x})["x"]
    np.testing.assert_array_equal(found, [0.0, -0.25])


REDUCTIONS = [
    lambda x: np.add.reduce(x),
    lambda x: np.add.reduce(x, 1),
    lambda x: np.add.reduce(x, axis=None),
    lambda x: np.add.reduce(x, axis=(0, 1), keepdims=True),
    lambda x: np.multiply.reduce(x, axis=1, initial=2.0),
    lambda x: np.maximum.reduce(x),
    lambda x: np.minimum.reduce(x, axis=-1),
    lambda x: np.add.accumulate(x, axis=1),
    lambda x: np.multiply.accumulate(x),
    lambda x: np.maximum.accumulate(x),
    lambda x: np.multiply.outer(x, x[0]),
    lambda x: np.subtract.outer([1.0, 2.0], x[:, 1]),
    lambda x: np.maximum.outer(x[0], x[1]),
    lambda x: np.add.reduceat(x, [0, 2, 1], axis=1),
    lambda x: np.multiply.reduceat(x, [0, 1]),
    lambda x: np.add(x, 1, dtype=np.float64, casting="same_kind"),
]


@pytest.mark.parametrize("forward", REDUCTIONS, ids=range(len(REDUCTIONS)))
def test_methods_of_ufuncs(forward):
    check(forward, normal(3, 4))


def test_several_results():
    def forward(x):
        fraction, whole = np.modf(x)
        quotient, rest = np.divmod(x, 0.7)
        mantissa, exponent = np.frexp(x)
        return fraction + whole * 2 + quotient + rest * rest + mantissa * np.ldexp(1.0, exponent)

    check(forward, np.array([0.4, 1.3, 2.2, 5.3]))


def test_nested_lists_as_operands():
    def forward(x):
        return np.exp([[x[0], 1.0], [x[1], x[0] * x[1]]]) + np.add([x[0], 2.0], x)

    check(forward, normal(2))


def test_functions_of_frompyfunc_are_called_with_traced_numbers():
    def forward(x):
        cube = np.frompyfunc(lambda a, b: a * a * b, 2, 1)
        return cube(x, x[0]).astype(float) + np.array(cube(x, 2.0), dtype=float)

    check(forward, normal(2, 3))


def test_steps_have_no_derivative_and_no_leak():
    trace = Trace(verify=True)
    x = trace.variable(np.array([0.4, 1.6, -2.3]), "x")
    out = np.floor(x) + np.ceil(x) + np.sign(x) + np.rint(x) + x // 0.5 + np.round(x, 0)
    assert trace.leaks == []
    assert len(trace.branch_signature()) >= 6
    np.testing.assert_array_equal(trace.gradients([out], [np.ones(3)], {"x": x})["x"], np.zeros(3))


def test_positional_out():
    def forward(x):
        a = np.zeros(3)
        np.add(x, x, a)
        return a

    trace = Trace()
    x = trace.variable(normal(3), "x")
    out = call_traced(trace, forward, x)
    np.testing.assert_array_equal(trace.gradients([out], [np.ones(3)], {"x": x})["x"], np.full(3, 2.0))
