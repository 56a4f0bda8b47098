"""Numbers by name, by default, or named by the caller: none whose gradient is given is left out in silence."""

import numpy as np
import pytest

from gradcheck import GradcheckError, check_layer, gradient

X = np.random.default_rng(0).normal(size=(3, 4))


def leaky(x, a=0.3, eps=1e-5):
    return np.where(x > 0, x, a * x) + eps, (x, a)


def leaky_backward(sign, dout, cache):
    x, a = cache
    return np.where(x > 0, dout, a * dout), sign * np.sum(dout * np.where(x > 0, 0, x))


def product(x, a):
    return a * x


def product_backward(sign, dout, x, a):
    return a * dout, sign * np.sum(dout * x)


def closure(sign):
    def layer(x, a):
        return a * x, lambda dout: product_backward(sign, dout, x, a)

    return layer


def squares(w, b):
    return 0.5 * np.sum((2 * w + b) ** 2)


def squares_gradient(sign, w, b):
    return 2 * (2 * w + b), sign * np.sum(2 * w + b)


def tape(inputs):
    x, a = inputs
    return (a * x,)


def tape_backward(sign, inputs, outputs, grad_outputs):
    return product_backward(sign, grad_outputs[0], *inputs)


def signed(backward, sign):
    """``backward`` for one sign, with a signature of its own."""
    source = {
        leaky_backward: lambda dout, cache: leaky_backward(sign, dout, cache),
        product_backward: lambda dout, x, a: product_backward(sign, dout, x, a),
        squares_gradient: lambda w, b: squares_gradient(sign, w, b),
        tape_backward: lambda inputs, outputs, grad_outputs: tape_backward(sign, inputs, outputs, grad_outputs),
    }
    return source[backward]


CALLS = {
    "one number by name": lambda sign: check_layer(
        lambda x, a: leaky(x, a), signed(leaky_backward, sign), X, kwargs={"a": 0.3}, raises=False
    ),
    "by name, and read by the backward": lambda sign: check_layer(
        product, signed(product_backward, sign), X, kwargs={"a": 0.3}, raises=False
    ),
    "a closure": lambda sign: check_layer(closure(sign), X, kwargs={"a": 0.3}, raises=False),
    "a loss and its gradient": lambda sign: check_layer(squares, signed(squares_gradient, sign), X, 0.3, raises=False),
    "one vjp for each": lambda sign: check_layer(
        product, [lambda g, ans, x, a: g * a, lambda g, ans, x, a: sign * np.sum(g * x)], X, 0.3, raises=False
    ),
    "gradients at hand": lambda sign: check_layer(
        product, X, 0.3, gradients={"x": 0.3 * X, "da": sign * np.sum(X * X)}, upstream=X, raises=False
    ),
    "a tape": lambda sign: check_layer(tape, signed(tape_backward, sign), (X, 0.3), raises=False),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("sign", "verdict"), [(1, "right"), (-1, "wrong")])
def test_the_gradient_of_a_number_is_checked_however_it_is_given(call, sign, verdict):
    found = [g.verdict for g in CALLS[call](sign).gradients]
    assert found == ["right", verdict]


def test_of_several_numbers_by_name_the_one_whose_gradient_is_named_is_meant():
    def backward(dout, cache):
        dx, da = leaky_backward(-1, dout, cache)
        return dx, da

    report = check_layer(leaky, backward, X, kwargs={"eps": 1e-3, "a": 0.2}, raises=False)
    assert {g.name: g.verdict for g in report.gradients} == {"dx": "right", "da": "wrong"}


def test_an_option_given_by_name_is_none():
    report = check_layer(leaky, lambda dout, cache: leaky_backward(1, dout, cache)[0], X, kwargs={"a": 0.3})
    assert [g.name for g in report.gradients] == ["dx"]


def test_a_number_with_a_default_is_said_to_be_given_by_name():
    report = check_layer(leaky, signed(leaky_backward, 1), X, raises=False)
    [fault] = [f for f in report.findings if f.code == "GC101"]
    assert "to have its gradient checked give it: kwargs={'a': 0.3, 'eps': 1e-05}" in fault.help[0]
    with pytest.raises(GradcheckError, match=r"wrt names 'a', which was not given: .* kwargs=\{'a': 0.3\}"):
        check_layer(leaky, signed(leaky_backward, 1), X, wrt=["x", "a"])


def test_a_number_may_be_declared_constant_though_nothing_is_returned_for_it():
    report = check_layer(product, lambda dout, x, a: a * dout, X, 0.3, constants=["a"])
    assert {g.name: g.verdict for g in report.gradients} == {"dx": "right", "da": "not differentiated"}


def test_gradient_leaves_numbers_out_unless_they_are_named():
    def forward(x, a):
        return np.sum(a * x)

    assert list(gradient(forward, X, 0.3)) == ["x"]
    for given, kwargs in (((X, 0.3), {}), ((X,), {"a": 0.3})):
        found = gradient(forward, *given, kwargs=kwargs, wrt=["x", "a"])
        assert np.allclose(found["a"], X.sum(), rtol=1e-12)
        assert np.allclose(found["x"], 0.3)
