"""Every call that the documentation shows, recognised without configuration, its style said in the report."""

import json

import numpy as np
import pytest
import torch

import gradcheck
from gradcheck import GradientMismatch, check_layer, check_network

RNG = np.random.default_rng(11)
X, W, B, DOUT = (RNG.standard_normal(s) for s in ((4, 3), (3, 5), (5,), (4, 5)))


def affine_forward(x, w, b):
    return x @ w + b, (x, w, b)


def affine_backward(dout, cache):
    x, w, _ = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def linear(x, w, b):
    return x @ w + b


def linear_backward(dout, x, w, b):
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def conv_forward(x, w, b, options):
    stride, pad = options["stride"], options["pad"]
    padded = np.pad(x, pad)
    n = (len(padded) - len(w)) // stride + 1
    out = np.zeros(n)
    for i in range(n):
        out[i] = np.sum(padded[i * stride : i * stride + len(w)] * w) + b[0]
    return out, (padded, w, options, len(x))


def conv_backward(dout, cache):
    padded, w, options, length = cache
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for i, d in enumerate(dout):
        start = i * options["stride"]
        dpadded[start : start + len(w)] += d * w
        dw += d * padded[start : start + len(w)]
    return dpadded[options["pad"] : options["pad"] + length], dw, np.array([dout.sum()])


def softmax_loss(logits, labels):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    n = np.arange(len(labels))
    d = p.copy()
    d[n, labels] -= 1
    return -np.log(p[n, labels]).mean(), d / len(labels)


class Dense:
    def __init__(self):
        self.W, self.b = W.copy(), B.copy()

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dout):
        return dout * (1 - self.y**2)


def relu_with_backprop(x):
    return np.maximum(x, 0), lambda dy: dy * (x > 0)


def tanh(x):
    return np.tanh(x)


def tanh_prime(x):
    return 1 - np.tanh(x) ** 2


def tanh_prime_of_output(y):
    return 1 - y**2


class MyFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return g @ w.T, x.T @ g


def masked(x, mask):
    return x * mask, mask


TX, TW = torch.tensor(X), torch.tensor(W)

CALLS = {
    "pair with a cache": (lambda: check_layer(affine_forward, affine_backward, X, W, B),
                          "forward -> (out, cache), backward(dout, cache)"),
    "pair with inputs": (lambda: check_layer(linear, linear_backward, X, W, B),
                         "forward -> out, backward(dout, x, w, b)"),
    "dict of options": (lambda: check_layer(conv_forward, conv_backward, RNG.standard_normal(7), W[:, 0], B[:1],
                                            {"stride": 1, "pad": 1}), "forward -> (out, cache), backward(dout, cache)"),
    "value and gradient": (lambda: check_layer(softmax_loss, X, np.array([0, 2, 1, 1])),
                           "softmax_loss(...) -> (value, gradients)"),
    "object": (lambda: check_layer(Dense(), X), "object: forward(x) -> out, backward(dout), stores dW, db"),
    "closure": (lambda: check_layer(relu_with_backprop, X), "forward -> (out, backprop), backprop(dy)"),
    "derivative": (lambda: check_layer(tanh, tanh_prime, X, style="derivative"), "derivative"),
    "derivative of the output": (lambda: check_layer(tanh, tanh_prime_of_output, X, style="derivative"), "derivative"),
    "Function": (lambda: check_layer(MyFunction, TX, TW), "torch.autograd.Function"),
    "Module": (lambda: check_layer(torch.nn.Linear(3, 2).double(), TX), "torch.nn.Module"),
    "reference": (lambda: check_layer(linear, linear_backward, X, W, B, reference=lambda x, w, b: x @ w + b),
                  "forward"),
    "options": (lambda: check_layer(linear, linear_backward, X, W, B, upstream=DOUT, wrt=["w"], dtype="float32",
                                    seed=3),
                "forward -> out, backward(dout, x, w, b)"),
    "kwargs": (lambda: check_layer(lambda x, seed=0: x * seed, lambda dout, x, seed=0: dout * seed, X,
                                   kwargs={"seed": 3}),
               "forward"),
    "constants": (lambda: check_layer(masked, lambda dout, mask: dout * mask, X, (X > 0) * 1.0, constants=["mask"]),
                  "forward"),
    "allow": (lambda: check_layer(linear, lambda dout, x, w, b: (dout @ w.T, x.T @ dout / 4, dout.sum(axis=0)), X, W, B,
                                  allow={"dw": "GC201"}), "forward"),
    "gradients at hand": (lambda: check_layer(linear, X, W, B, gradients={"w": X.T @ DOUT}, upstream=DOUT),
                          "forward alone"),
    "list of layers": (lambda: check_network([("fc1", Dense()), ("tanh", Tanh())], X, np.array([0, 2, 1, 1]),
                                             loss=softmax_loss), "layer by layer"),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_the_call_works_and_says_its_style(name):
    call, style = CALLS[name]
    report = call()
    assert report.ok, str(report)
    assert style in report.style
    assert json.loads(report.to_json())["gradcheck_report"] == 1
    assert gradcheck.load_report(report.to_json()) == report
    assert report.reproduce


class Net:
    def __init__(self):
        self.W1, self.W2 = W.copy(), RNG.standard_normal((5, 2))

    def loss(self, x):
        self.h = np.tanh(x @ self.W1)
        self.y = self.h @ self.W2
        return 0.5 * np.sum(self.y**2)

    def gradients(self, x):
        self.loss(x)
        dz = (self.y @ self.W2.T) * (1 - self.h**2)
        return x.T @ dz, self.h.T @ self.y

    def as_dict(self, x):
        return dict(zip(("W1", "W2"), self.gradients(x), strict=True))

    def as_attributes(self, x):
        self.dW1, self.dW2 = self.gradients(x)

    def step(self, x, lr=0.01):
        for w, g in zip((self.W1, self.W2), self.gradients(x), strict=True):
            w -= lr * g


BACKWARDS = {
    "tuple": lambda net: lambda: net.gradients(X),
    "list": lambda net: lambda: list(net.gradients(X)),
    "dict": lambda net: lambda: net.as_dict(X),
    "attributes": lambda net: lambda: net.as_attributes(X),
    "update": lambda net: gradcheck.from_update(lambda: net.step(X), lr=0.01),
}


@pytest.mark.parametrize("name", BACKWARDS)
def test_a_network_with_one_backward(name):
    net = Net()
    report = check_network(net, loss=lambda: net.loss(X), gradients=BACKWARDS[name](net))
    assert report.ok, str(report)
    assert {g.of for g in report.gradients} == {"W1", "W2"}


@pytest.mark.parametrize("name", BACKWARDS)
def test_a_network_with_one_wrong_gradient(name):
    class Wrong(Net):
        def gradients(self, x):
            first, second = super().gradients(x)
            return first, 1.1 * second

    net = Wrong()
    report = check_network(net, loss=lambda: net.loss(X), gradients=BACKWARDS[name](net))
    assert {g.of: g.verdict for g in report.gradients} == {"W1": "right", "W2": "wrong"}


def test_allow_accepts_only_what_its_cause_explains_exactly():
    def nearly(dout, x, w, b):
        dw = x.T @ dout / 4
        dw[0, 0] += 1e-3
        return dout @ w.T, dw, dout.sum(axis=0)

    report = check_layer(linear, nearly, X, W, B, allow={"dw": "GC201"})
    assert not report.ok
    with pytest.raises(gradcheck.GradcheckError, match="allow: there is no gradient 'dq'; there are db, dw, dx"):
        check_layer(linear, linear_backward, X, W, B, allow={"dq": "GC201"})
    with pytest.raises(gradcheck.GradcheckError, match=r"allow\['dw'\]: 'GC104' is not the code of a cause"):
        check_layer(linear, linear_backward, X, W, B, allow={"dw": "GC104"})


def test_several_outputs_take_an_upstream_each():
    def forward(x):
        a, b = np.sin(x), x**2
        return a, b, x

    def backward(da, db, x):
        return da * np.cos(x) + 2 * x * db

    report = check_layer(forward, backward, X, upstream=(np.ones((4, 3)), X))
    assert report.ok, str(report)


def test_a_failed_check_raises_where_it_is_asked_to():
    def call(**how):
        return check_layer(linear, lambda dout, x, w, b: (dout @ w.T, -(x.T @ dout), dout.sum(axis=0)), X, W, B, **how)

    with pytest.raises(GradientMismatch, match="1 of 3 gradients is wrong"):
        call(raises=True)
    report = call(raises=False)
    with pytest.raises(GradientMismatch) as caught:
        report.raise_if_failed()
    assert caught.value.report is report
    with gradcheck.raising(), pytest.raises(GradientMismatch):
        call()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", np.float32, np.dtype("float16")])
def test_dtypes(dtype):
    assert check_layer(affine_forward, affine_backward, X, W, B, dtype=dtype).ok


@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (3, 1), (1, 3), (2, 1, 2)])
def test_rows_columns_and_scalars(shape):
    x = RNG.standard_normal(shape)
    assert check_layer(lambda x: np.sin(x) * 2, lambda dout, x: 2 * np.cos(x) * dout, np.asarray(x)).ok


@pytest.mark.parametrize(
    ("argument", "value", "text"),
    [
        ("seed", -1, "seed: it must be a whole number from 0 up, not -1"),
        ("seed", 1.5, "seed: it must be a whole number from 0 up, not 1.5"),
        ("seed", True, "seed: it must be a whole number from 0 up, not True"),
        ("rtol", "a", "rtol: it must be a finite number from 0 up, not 'a'"),
        ("atol", float("inf"), "atol: it must be a finite number from 0 up, not inf"),
        ("dtype", "int32", "dtype: it must be one of float16, float32, float64, not 'int32'"),
        ("dtype", "complex64", "dtype: it must be one of float16, float32, float64, not 'complex64'"),
        ("upstream", np.ones((5, 4)), r"upstream: its shape is \(5, 4\); the output has \(4, 5\), and so must it"),
        ("upstream", np.full((4, 5), np.nan), "upstream: it has NaN or infinite entries; give finite numbers"),
        ("upstream", np.zeros((4, 5)), "upstream: it is all zeros, so that every gradient would be zero"),
        ("upstream", "ones", "upstream: it must be an array of real numbers, not str of <U4"),
        ("submodules", True, "submodules: only a torch.nn.Module has submodules; leave it out"),
        ("reference", 3, "reference: it must be a function of torch tensors, not int"),
        ("reference", lambda *arrays: arrays.nope, "reference: it raised AttributeError"),
    ],
)
def test_mistakes_of_the_caller(argument, value, text):
    with pytest.raises(gradcheck.GradcheckError, match=text):
        check_layer(linear, linear_backward, X, W, B, **{argument: value})


def test_upstream_for_a_loss_is_refused():
    with pytest.raises(gradcheck.GradcheckError, match="this style returns the value and its gradient together"):
        check_layer(softmax_loss, X, np.array([0, 2, 1, 1]), upstream=np.ones(()))


def test_gradients_at_hand_need_their_upstream():
    with pytest.raises(gradcheck.GradcheckError, match=r"upstream: gradients at hand belong to one upstream gradient"):
        check_layer(linear, X, W, B, gradients={"w": X.T @ DOUT})
