"""The caller's mistakes: each is told with the argument, what was wrong with it, and what would be right."""

import numpy as np
import pytest

from gradcheck.errors import GradcheckError
from gradcheck.layers import adapt

X, W = np.linspace(-1, 1, 12).reshape(3, 4), np.linspace(0, 1, 8).reshape(4, 2)
PARAM = np.ones(2)


def linear(x, w):
    return x @ w


def linear_backward(dout, x, w):
    return dout @ w.T, x.T @ dout


def twice(x):
    return 2 * x


def twice_backward(dout):
    return 2 * dout


def with_global(x):
    return x * PARAM[0]


class Layer:
    def __init__(self):
        self.W = W.copy()

    def forward(self, x):
        return x @ self.W

    def backward(self, dout):
        return dout @ self.W.T


class ForwardOnly:
    def forward(self, x):
        return x


class BackwardOnly:
    def backward(self, dout):
        return dout


class Nan(Layer):
    def __init__(self):
        super().__init__()
        self.W[0, 0] = np.nan

    def forward(self, x):
        return x[:, 1:] @ self.W[1:]

    def backward(self, dout):
        self.dW = dout
        return dout


class MovesItself(Layer):
    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dout):
        self.W -= 0.1 * self.x.T @ dout
        return dout @ self.W.T


def bad_line(x):
    return x.no_such_thing


def bad_backward(dout):
    return dout @ np.ones((7, 7))


def unknown_argument(dout, hocus):
    return dout * hocus


def with_value(value):
    x = X.copy()
    x[1, 2] = value
    return x


PAIR = (twice, twice_backward)
CALLS = {
    "nothing": ((), {}, "check_layer needs something to check"),
    "no inputs": (PAIR, {}, "the forward twice(x) was given 0 inputs: pass what it takes"),
    "no inputs at all": ((lambda: 1.0, lambda dout: dout), {}, "no inputs: pass the arrays that"),
    "too few inputs": (
        (linear, linear_backward, X),
        {},
        "the forward linear(x, w) was given 1 input: pass what it takes",
    ),
    "too many inputs": ((*PAIR, X, X), {}, "the forward twice(x) was given 2 inputs"),
    "first is a number": ((3, X), {}, "the first argument is the int 3: give a forward and a backward function"),
    "first is an array": ((X, W), {}, "the first argument is an array of shape (3, 4), float64"),
    "first is None": ((None, X), {}, "the first argument is None"),
    "three functions": (
        (twice, twice_backward, twice_backward, X),
        {},
        "three callables were given (twice, twice_backward, twice_backward)",
    ),
    "three in a tuple": (((twice, twice, twice), X), {}, "for a chain of layers use check_network([...]"),
    "no backward": ((twice, X), {}, "twice was given without a backward: pass one after it"),
    "object without backward": (
        (ForwardOnly(), X),
        {},
        "ForwardOnly has no backward: a layer object needs backward(dout)",
    ),
    "object without forward": ((BackwardOnly(), X), {}, "BackwardOnly has no forward: a layer object needs forward(x)"),
    "class for an object": ((Layer, X), {}, "Layer is a class: pass an object of it, Layer(...)"),
    "NaN": ((*PAIR, with_value(np.nan)), {}, "argument 1 of the forward holds NaN (first at [1, 2])"),
    "inf": ((*PAIR, with_value(np.inf)), {}, "argument 1 of the forward holds inf (first at [1, 2])"),
    "NaN in a list": ((*PAIR, [with_value(np.nan)]), {}, "argument 1 of the forward[0] holds NaN"),
    "NaN number": (
        (lambda x: x, lambda dout: dout, float("nan")),
        {},
        "x is nan: gradients are compared at finite values",
    ),
    "NaN parameter": ((Nan(), X), {}, "parameter W holds NaN (first at [0, 0])"),
    "empty": ((*PAIR, np.zeros((0, 3))), {}, "argument 1 of the forward is empty (shape (0, 3))"),
    "integers only": (
        (*PAIR, np.arange(3)),
        {},
        "nothing to differentiate in twice: x: integer labels or indices (use x.astype",
    ),
    "booleans only": ((*PAIR, np.array([True])), {}, "nothing to differentiate in twice: x: a boolean mask"),
    "complex": ((*PAIR, X + 1j), {}, "argument 1 of the forward is complex (complex128): only real arrays"),
    "objects": ((*PAIR, np.array([X, W], dtype=object)), {}, "argument 1 of the forward is an object array"),
    "strings": ((*PAIR, np.array(["a"])), {}, "argument 1 of the forward has dtype <U1: pass an array of floats"),
    "long double": ((*PAIR, X.astype(np.longdouble)), {}, "which PyTorch does not have: use x.astype"),
    "matrix": ((*PAIR, np.ma.masked_array(X)), {}, "argument 1 of the forward is a MaskedArray: pass a plain array"),
    "list": (
        (*PAIR, [1.0, 2.0]),
        {},
        "argument 1 of the forward is a list of numbers: pass an array, np.array([1.0, 2.0])",
    ),
    "nested list": ((*PAIR, [[1.0], [2.0]]), {}, "is a list of numbers: pass an array, np.array([[1.0], [2.0]])"),
    "forward raises": ((bad_line, twice_backward, X), {}, "the forward bad_line raised AttributeError: "),
    "forward raises, where": ((bad_line, twice_backward, X), {}, "test_layers_mistakes.py:"),
    "forward raises, called with": ((bad_line, twice_backward, X), {}, "called with: x (3, 4)"),
    "shapes do not fit": ((linear, linear_backward, X, X), {}, "the forward linear raised ValueError: matmul"),
    "backward raises": ((twice, bad_backward, X), {}, "the backward bad_backward(dout) raised ValueError: "),
    "backward's argument": ((twice, unknown_argument, X), {}, "unknown_argument(dout, hocus) has the argument 'hocus'"),
    "what could be given": (
        (twice, unknown_argument, X),
        {},
        "It can be given the upstream gradient (dout), x, the output (out)",
    ),
    "output is None": ((lambda x: None, twice_backward, X), {}, "the forward's output is None"),
    "output is a string": ((lambda x: "y", twice_backward, X), {}, "the forward's output is the str 'y'"),
    "output of integers": ((lambda x: x.astype(int), twice_backward, X), {}, "the forward's output has dtype int64"),
    "output is an integer": ((lambda x: 3, twice_backward, X), {}, "the forward's output is the integer 3"),
    "output is NaN": ((lambda x: x * np.nan, twice_backward, X), {}, "the forward's output holds NaN or inf"),
    "unknown style": ((*PAIR, X), {"style": "magic"}, "style='magic' is not known: it is one of 'gradients at hand', "),
    "style no string": ((*PAIR, X), {"style": 3}, "style=3 is not known"),
    "two styles": (
        (twice, lambda x: x, X),
        {},
        'two styles fit <lambda>(x): style="derivative" if it is the derivative',
    ),
    "pair without two": ((twice, X), {"style": "pair"}, 'style="pair" needs two functions'),
    "derivative without two": (
        (twice, X),
        {"style": "derivative"},
        'style="derivative" needs f, its derivative and one input',
    ),
    "tape without two": (
        (twice, X),
        {"style": "tape"},
        'style="tape" needs forward(inputs) and backward(indexes, upstreams)',
    ),
    "vjps without list": ((*PAIR, X), {"style": "vjps"}, 'style="vjps" needs a forward and one vjp per argument'),
    "value without gradient": (
        (twice, X),
        {"style": "value and gradient"},
        'style="value and gradient" needs (value, gradients)',
    ),
    "value without backprop": (
        (twice, X),
        {"style": "value and backprop"},
        'style="value and backprop" needs (out, backprop)',
    ),
    "value without derivative": ((twice, X), {"style": "value and derivative"}, "needs (value, derivative)"),
    "too many vjps": ((twice, [twice, twice], X), {}, "2 vjps were given for 1 arguments (x)"),
    "vjp key": ((twice, {"q": twice}, X), {}, "the vjps have the key 'q', and twice has the arguments x"),
    "vjp arguments": ((twice, [lambda a, b, c, d, e: 0], X), {}, "takes 5 arguments: for 1 inputs it is called as"),
    "vjp no function": (
        (twice, [lambda ans, x: 0], X),
        {},
        "returned the int 0 without having been given the upstream",
    ),
    "wrt unknown": ((*PAIR, X), {"wrt": ["w"]}, "wrt names 'w', which twice does not have: it has 'x'"),
    "wrt integer": (
        (lambda x, t: x[t], lambda dout: dout, X, np.array([0])),
        {"wrt": ["t"]},
        "wrt names 't', which has no gradient: integer labels or indices",
    ),
    "wrt no names": ((*PAIR, X), {"wrt": 3}, 'wrt=3: give names, as in wrt=["x"]'),
    "wrt twice": ((*PAIR, X), {"wrt": ["x", "x"]}, "wrt=['x', 'x'] names 'x' twice"),
    "constants unknown": ((*PAIR, X), {"constants": ["mask"]}, "constants names 'mask', which twice does not have"),
    "constants twice": ((*PAIR, X), {"constants": ["x", "x"]}, "constants=['x', 'x'] names 'x' twice"),
    "constant and wrt": ((*PAIR, X), {"constants": ["x"], "wrt": ["x"]}, "'x' is named in constants= and in wrt="),
    "all constant": ((*PAIR, X), {"constants": ["x"]}, "nothing to differentiate in twice: x: declared constant"),
    "kwargs no dict": ((*PAIR, X), {"kwargs": [1]}, "kwargs is a list of 1: give a dict"),
    "kwargs unknown": ((*PAIR, X), {"kwargs": {"pad": 1}}, "kwargs has 'pad', which twice(x) does not take"),
    "kwargs twice": ((*PAIR, X), {"kwargs": {"x": X}}, "kwargs gives 'x', which is given by position too"),
    "kwargs keys": ((*PAIR, X), {"kwargs": {1: X}}, "kwargs has the key 1: the keys are names"),
    "params no dict": ((*PAIR, X), {"params": [W]}, "params is a list of 1: give a dict of the arrays by name"),
    "params no array": ((*PAIR, X), {"params": {"W": [1.0]}}, "params['W'] is a list of 1: give the very array"),
    "params integers": (
        (*PAIR, X),
        {"params": {"W": np.arange(3)}},
        "params['W'] has dtype int64: gradients need floats",
    ),
    "params a copy": (
        (with_global, twice_backward, X),
        {"params": {"PARAM": PARAM.copy()}},
        "params['PARAM'] is not an array that with_global uses",
    ),
    "params an argument": (
        (*PAIR, X),
        {"params": {"x": X}},
        "params names 'x', which is an argument of the forward already",
    ),
    "gradients unknown": (
        (twice, X),
        {"gradients": {"w": X}},
        "gradients names 'w', which twice does not take: it takes 'x'",
    ),
    "gradients empty": ((twice, X), {"gradients": {}}, "gradients is empty: give what is to be checked"),
    "gradients order": ((*PAIR, X), {"gradients": ["w"]}, "gradients names 'w': give the inputs' names in the order"),
    "gradients no names": ((*PAIR, X), {"gradients": 3}, "gradients=3: give names"),
    "updates without a rate": ((MovesItself(), X), {}, "backward changes W itself, and no gradient of it is stored"),
    "rate of a function": (
        (twice, lambda dout, lr: dout, X),
        {},
        "the backward asks for 'lr': give it, kwargs={'lr': 0.01}",
    ),
    "tape's argument": (
        (lambda inputs: inputs, lambda indexes, gys, hocus: gys, X),
        {},
        "has the argument 'hocus': a tape's backward is given indexes",
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_mistakes_are_told(name):
    arguments, options, text = CALLS[name]
    before = [dict(vars(a)) for a in arguments if hasattr(a, "__dict__") and not isinstance(a, type)]
    with pytest.raises(GradcheckError) as caught:
        adapt(arguments, **options)
    assert text in str(caught.value)
    after = [dict(vars(a)) for a in arguments if hasattr(a, "__dict__") and not isinstance(a, type)]
    assert [d.keys() for d in before] == [d.keys() for d in after]


def test_the_cause_is_chained():
    with pytest.raises(GradcheckError) as caught:
        adapt((bad_line, twice_backward, X))
    assert isinstance(caught.value.__cause__, AttributeError)


def test_interrupt_goes_through_and_state_is_back():
    class Stops(Layer):
        def forward(self, x):
            self.W[...] = 0
            raise KeyboardInterrupt

    layer = Stops()
    with pytest.raises(KeyboardInterrupt):
        adapt((layer, X))
    np.testing.assert_array_equal(layer.W, W)


def test_there_are_many():
    assert len(CALLS) >= 60
