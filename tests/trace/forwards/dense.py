# ruff: noqa
"""Fully connected layers and small networks, in the many ways people keep their weights."""

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import partial, reduce

import numpy as np
from forwards._case import Case, draws, on
from forwards._shared_functions import cross_entropy_error, relu, sigmoid, softmax, to_one_hot

draw = draws(11)


def affine_forward(x, w, b):
    out = x.reshape(x.shape[0], -1).dot(w) + b
    cache = (x, w, b)
    return out, cache


def affine_relu_forward(x, w, b):
    a, fc_cache = affine_forward(x, w, b)
    out = np.maximum(0, a)
    return out, (fc_cache, a)


class TwoLayerNet:
    """Weights in a dict, the loss as the only thing that comes out."""

    def __init__(self, sizes, draw):
        n_in, n_hidden, n_out = sizes
        self.params = {}
        self.params["W1"] = 0.5 * draw(n_in, n_hidden)
        self.params["b1"] = 0.1 * draw(n_hidden)
        self.params["W2"] = 0.5 * draw(n_hidden, n_out)
        self.params["b2"] = 0.1 * draw(n_out)

    def loss(self, X, y=None, reg=0.0):
        W1, b1 = self.params["W1"], self.params["b1"]
        W2, b2 = self.params["W2"], self.params["b2"]
        N, D = X.shape
        hidden = np.maximum(0, X.dot(W1) + b1)
        scores = hidden.dot(W2) + b2
        if y is None:
            return scores
        scores -= np.max(scores, axis=1, keepdims=True)
        p = np.exp(scores)
        p /= p.sum(axis=1, keepdims=True)
        loss = np.sum(-np.log(p[range(N), y])) / N
        loss += 0.5 * reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
        return loss


class ColumnNetwork:
    """Biases and weights in lists, activations as columns, one sample at a time."""

    def __init__(self, sizes, draw):
        self.num_layers = len(sizes)
        self.biases = [draw(y, 1) for y in sizes[1:]]
        self.weights = [draw(y, x) for x, y in zip(sizes[:-1], sizes[1:])]

    def feedforward(self, a):
        for b, w in zip(self.biases, self.weights):
            a = sigmoid(np.dot(w, a) + b)
        return a


def initialize(layer_dims, draw):
    parameters = {}
    L = len(layer_dims)
    for l in range(1, L):
        parameters["W" + str(l)] = draw(layer_dims[l], layer_dims[l - 1]) / np.sqrt(layer_dims[l - 1])
        parameters["b" + str(l)] = np.zeros((layer_dims[l], 1)) + 0.05
    return parameters


def linear_activation_forward(A_prev, W, b, activation):
    Z = np.dot(W, A_prev) + b
    if activation == "sigmoid":
        A = 1 / (1 + np.exp(-Z))
    elif activation == "relu":
        A = np.maximum(0, Z)
    assert A.shape == (W.shape[0], A_prev.shape[1])
    return A, ((A_prev, W, b), Z)


def L_model_forward(X, parameters, Y):
    caches = []
    A = X
    L = len(parameters) // 2
    for l in range(1, L):
        A, cache = linear_activation_forward(A, parameters["W" + str(l)], parameters["b" + str(l)], "relu")
        caches.append(cache)
    AL, cache = linear_activation_forward(A, parameters["W" + str(L)], parameters["b" + str(L)], "sigmoid")
    caches.append(cache)
    m = Y.shape[1]
    cost = -1 / m * (np.dot(Y, np.log(AL).T) + np.dot(1 - Y, np.log(1 - AL).T))
    cost = np.squeeze(cost)
    assert cost.shape == ()
    return cost, caches


class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b
        self.x = None
        self.original_x_shape = None

    def forward(self, x):
        self.original_x_shape = x.shape
        x = x.reshape(x.shape[0], -1)
        self.x = x
        return np.dot(self.x, self.W) + self.b


class Relu:
    def __init__(self):
        self.mask = None

    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out


class SoftmaxWithLoss:
    def forward(self, x, t):
        self.t = t
        self.y = softmax(x)
        self.loss = cross_entropy_error(self.y, self.t)
        return self.loss


class LayeredNet:
    """An OrderedDict of layer objects whose weights are the same arrays as in self.params."""

    def __init__(self, draw):
        self.params = {"W1": draw(6, 5), "b1": draw(5), "W2": draw(5, 3), "b2": draw(3)}
        self.layers = OrderedDict()
        self.layers["Affine1"] = Affine(self.params["W1"], self.params["b1"])
        self.layers["Relu1"] = Relu()
        self.layers["Affine2"] = Affine(self.params["W2"], self.params["b2"])
        self.lastLayer = SoftmaxWithLoss()

    def predict(self, x):
        for layer in self.layers.values():
            x = layer.forward(x)
        return x

    def loss(self, x, t):
        return self.lastLayer.forward(self.predict(x), t)


def bias_trick(X, W):
    """The ones are appended to the data, the bias is the last row of W."""
    ones = np.ones((X.shape[0], 1))
    return np.tanh(np.hstack((X, ones)).dot(W))


def bias_trick_c(X, theta1, theta2):
    m = X.shape[0]
    a1 = np.c_[np.ones(m), X]
    a2 = sigmoid(a1 @ theta1.T)
    a2 = np.insert(a2, 0, 1, axis=1)
    return sigmoid(a2 @ theta2.T)


@dataclass
class DenseLayer:
    weights: np.ndarray
    bias: np.ndarray
    activation: str = "tanh"
    history: list = field(default_factory=list)

    def __call__(self, x):
        z = np.matmul(x, self.weights)
        z += self.bias
        self.history.append(z)
        return ACTIVATIONS[self.activation](z)


ACTIVATIONS = {
    "tanh": np.tanh,
    "relu": lambda z: z * (z > 0),
    "leaky": lambda z, slope=0.1: np.where(z > 0, z, slope * z),
    "linear": lambda z: z,
}


class Sequential(list):
    def __call__(self, x):
        return reduce(lambda value, layer: layer(value), self, x)


W_hidden = draw(4, 3)
b_hidden = draw(3)
W_out = draw(3, 2)


def think(inputs):
    """A script: the weights are module globals."""
    global last_hidden
    last_hidden = sigmoid(np.dot(inputs, W_hidden) + b_hidden)
    return sigmoid(np.dot(last_hidden, W_out))


last_hidden = None


def make_layer(W, b, act):
    def forward(x):
        return act(x @ W + b)

    return forward


def dense_with_default(x, W=draw(3, 2), b=draw(2)):
    return np.tanh(x @ W + b)


def einsum_bilinear(x1, x2, W, b):
    return np.einsum("bi,kij,bj->bk", x1, W, x2) + b


def maxout(x, W, b):
    z = np.tensordot(x, W, axes=(1, 1)) + b
    return np.max(z, axis=1)


def highway(x, W_h, b_h, W_t, b_t):
    h = np.tanh(x @ W_h + b_h)
    t = sigmoid(x @ W_t + b_t)
    out = np.multiply(h, t)
    out += x * (1.0 - t)
    return out


def residual_blocks(x, blocks, scale=0.5):
    for W1, W2 in blocks:
        shortcut = x
        x = relu(x @ W1)
        x = x @ W2
        x *= scale
        x += shortcut
    return x


x4, w4, b4 = draw(2, 3, 2), draw(6, 4), draw(4)
two_layer = TwoLayerNet((5, 6, 3), draw)
X5, y5 = draw(7, 5), np.array([0, 2, 1, 1, 0, 2, 2])
column_net = ColumnNetwork([3, 4, 2], draw)
column = draw(3, 1)
coursera = initialize([4, 5, 3, 1], draw)
Xc, Yc = draw(4, 6), np.array([[0, 1, 1, 0, 1, 0]])
layered = LayeredNet(draw)
Xl, tl = draw(4, 6), to_one_hot(np.array([0, 2, 1, 1]), 3)
sequential = Sequential(
    [DenseLayer(draw(4, 5), draw(5), "relu"), DenseLayer(draw(5, 2), draw(2)), DenseLayer(draw(2, 2), draw(2), "leaky")]
)
Xs = draw(3, 4)
closure_W, closure_b, closure_x = draw(4, 3), draw(3), draw(5, 4)
closure_layer = make_layer(closure_W, closure_b, np.tanh)
script_x = draw(6, 4)
default_x = draw(4, 3)
pairs = [(draw(3, 4), draw(4, 3)), (draw(3, 4), draw(4, 3))]
res_x = draw(2, 3)
half_applied = partial(affine_relu_forward, w=draw(3, 4), b=draw(4))
partial_x = draw(2, 3)

CASES = [
    on(affine_forward, x4, w4, b4, wrt="x w b"),
    on(affine_relu_forward, draw(3, 4), draw(4, 5), draw(5), wrt="x w b"),
    Case("TwoLayerNet scores", lambda: two_layer.loss(X5), {**two_layer.params, "X": X5}),
    Case("TwoLayerNet loss", lambda: two_layer.loss(X5, y5, reg=0.3), {**two_layer.params}),
    Case(
        "ColumnNetwork",
        lambda: column_net.feedforward(column),
        {"a": column, "w0": column_net.weights[0], "w1": column_net.weights[1], "b0": column_net.biases[0]},
    ),
    Case("L_model_forward", lambda: L_model_forward(Xc, coursera, Yc), dict(coursera)),
    Case("LayeredNet", lambda: layered.loss(Xl, tl), {**layered.params, "x": Xl}),
    on(bias_trick, draw(4, 3), draw(4, 2), wrt="X W"),
    on(bias_trick_c, draw(5, 3), draw(4, 4), draw(2, 5), wrt="X theta1 theta2"),
    Case(
        "Sequential of dataclasses",
        lambda: sequential(Xs),
        {"x": Xs, "W0": sequential[0].weights, "b1": sequential[1].bias, "W2": sequential[2].weights},
    ),
    Case("module globals", lambda: think(script_x), {"W1": W_hidden, "b1": b_hidden, "W2": W_out}),
    Case("closure over weights", lambda: closure_layer(closure_x), {"W": closure_W, "b": closure_b, "x": closure_x}),
    Case(
        "default arguments hold the weights",
        lambda: dense_with_default(default_x),
        {"W": dense_with_default.__defaults__[0], "b": dense_with_default.__defaults__[1], "x": default_x},
    ),
    on(einsum_bilinear, draw(2, 3), draw(2, 4), draw(5, 3, 4), draw(5), wrt="x1 x2 W b"),
    on(maxout, draw(3, 4), draw(3, 4, 2), draw(3, 2), wrt="x W b"),
    on(highway, draw(3, 4), draw(4, 4), draw(4), draw(4, 4), draw(4), wrt="x W_h b_h W_t b_t"),
    Case("residual blocks", lambda: residual_blocks(res_x, pairs), {"x": res_x, "W1": pairs[0][0], "W4": pairs[1][1]}),
    Case("functools.partial", lambda: half_applied(partial_x), {"x": partial_x, **half_applied.keywords}),
]
