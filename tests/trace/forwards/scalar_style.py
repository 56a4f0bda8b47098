# ruff: noqa
"""Forwards written number by number: math, Python lists, one object a neuron, loops that fill arrays."""

import math
import random

import numpy as np
from forwards._case import Case, draws, on

draw = draws(23)


class Neuron:
    def __init__(self, weights, bias):
        self.weights = weights
        self.bias = bias
        self.output = None

    def activate(self, inputs):
        total = self.bias[0]
        for i in range(len(inputs)):
            total += self.weights[i] * inputs[i]
        self.output = 1.0 / (1.0 + math.exp(-total))
        return self.output


class NeuronLayer:
    def __init__(self, neurons):
        self.neurons = neurons

    def feed_forward(self, inputs):
        outputs = []
        for neuron in self.neurons:
            outputs.append(neuron.activate(inputs))
        return outputs


class NeuronNetwork:
    def __init__(self, *layers):
        self.layers = layers

    def forward(self, inputs):
        for layer in self.layers:
            inputs = layer.feed_forward(inputs)
        return inputs

    def total_error(self, inputs, targets):
        error = 0
        for target, out in zip(targets, self.forward(inputs)):
            error += 0.5 * (target - out) ** 2
        return error


class VectorNeuron:
    """The neuron dots, the layer collects with np.array."""

    def __init__(self, n, draw):
        self.w = draw(n)
        self.b = draw(1)

    def forward(self, x):
        return np.tanh(np.dot(self.w, x) + self.b[0])


def layer_of_neurons(neurons, x):
    return np.array([neuron.forward(x) for neuron in neurons])


def dot_by_generator(weights, inputs):
    return sum(w * x for w, x in zip(weights, inputs))


def logistic_by_generator(weights, inputs, bias):
    return 1 / (1 + math.exp(-dot_by_generator(weights, inputs) - bias[0]))


def matmul_triple_loop(A, B):
    rows, inner = A.shape
    cols = B.shape[1]
    C = np.zeros((rows, cols))
    for i in range(rows):
        for j in range(cols):
            for k in range(inner):
                C[i, j] += A[i, k] * B[k, j]
    return C


def matmul_lists(A, B):
    """Lists of lists; zip(*B) is the transpose."""
    return [[sum(a * b for a, b in zip(row, col)) for col in zip(*B)] for row in A]


def mlp_with_math(x, W1, b1, W2, b2):
    hidden = []
    for j in range(len(W1)):
        z = b1[j]
        for i, xi in enumerate(x):
            z = z + W1[j][i] * xi
        hidden.append(math.tanh(z))
    out = []
    for k in range(len(W2)):
        out.append(sum([W2[k][j] * hidden[j] for j in range(len(hidden))]) + b2[k])
    biggest = max(out)
    exps = [math.exp(o - biggest) for o in out]
    return [e / sum(exps) for e in exps]


def softmax_loop(vals):
    result = np.zeros(len(vals))
    total = np.sum(np.exp(vals))
    for i, val in enumerate(vals):
        result[i] = np.exp(val) / total
    return result


def mse_by_index(y_hat, y):
    total = 0.0
    for i in range(len(y)):
        total += (y_hat[i] - y[i]) ** 2
    return total / len(y)


def relu_elementwise(x):
    out = np.empty(x.shape)
    for index, value in np.ndenumerate(x):
        out[index] = value if value > 0 else 0.01 * value
    return out


def gaussian_pdf_product(x, mu, sigma):
    p = 1.0
    for xi, m, s in zip(x, mu, sigma):
        p *= math.exp(-((xi - m) ** 2) / (2 * s**2)) / (math.sqrt(2 * math.pi) * s)
    return p


def naive_scores(X, W, y, reg):
    """The loop version of a multi-class hinge loss."""
    num_classes = W.shape[1]
    num_train = X.shape[0]
    loss = 0.0
    for i in range(num_train):
        scores = X[i].dot(W)
        correct = scores[y[i]]
        for j in range(num_classes):
            if j == y[i]:
                continue
            margin = scores[j] - correct + 1
            if margin > 0:
                loss += margin
    loss /= num_train
    loss += reg * np.sum(W * W)
    return loss


def softmax_naive(W, X, y, reg):
    loss = 0.0
    for i in range(X.shape[0]):
        f = np.dot(X[i], W)
        f -= np.max(f)
        loss += -f[y[i]] + math.log(np.sum(np.exp(f)))
    return loss / X.shape[0] + 0.5 * reg * np.linalg.norm(W) ** 2


def euclid(p, q):
    return math.sqrt(sum([(a - b) ** 2 for a, b in zip(p, q)]))


def rbf_layer(x, centers, beta, w):
    phi = []
    for c in centers:
        phi.append(math.exp(-beta[0] * euclid(x, c) ** 2))
    return np.dot(np.array(phi), w)


class Connection:
    """A weight as an attribute of its own; the arrays are zero-dimensional."""

    def __init__(self, weight):
        self.weight = weight


def xor_graph(connections, bias, a, b):
    h1 = math.tanh(connections[0].weight * a + connections[1].weight * b + bias[0])
    h2 = math.tanh(connections[2].weight * a + connections[3].weight * b + bias[1])
    return 1 / (1 + math.e ** -(connections[4].weight * h1 + connections[5].weight * h2))


def perceptron_rows(X, w):
    preds = []
    for row in X:
        act = w[0]
        for xi, wi in zip(row, w[1:]):
            act += xi * wi
        preds.append(act if act >= 0 else act * 0.1)
    return np.array(preds)


def kaggle_logloss(p, y, eps=1e-15):
    ll = 0
    for i in range(len(p)):
        pi = min(max(p[i], eps), 1 - eps)
        ll += y[i] * math.log(pi) + (1 - y[i]) * math.log(1 - pi)
    return -ll / len(p)


layer_hidden = NeuronLayer([Neuron(draw(2), draw(1)) for _ in range(3)])
layer_out = NeuronLayer([Neuron(draw(3), draw(1)) for _ in range(2)])
objects = NeuronNetwork(layer_hidden, layer_out)
vector_neurons = [VectorNeuron(3, draw) for _ in range(4)]
vx = draw(3)
weights6 = [Connection(np.array(value)) for value in draw(6)]
bias2 = draw(2)
hinge_rng = random.Random(3)
hinge_y = [hinge_rng.randrange(3) for _ in range(5)]

CASES = [
    Case(
        "neuron objects, total error",
        lambda: objects.total_error([0.05, 0.1], [0.01, 0.99]),
        {f"w{i}": neuron.weights for i, neuron in enumerate(layer_hidden.neurons + layer_out.neurons)},
    ),
    Case(
        "layer collects neurons",
        lambda: layer_of_neurons(vector_neurons, vx),
        {"x": vx, "w0": vector_neurons[0].w, "b2": vector_neurons[2].b},
    ),
    on(logistic_by_generator, draw(4), draw(4), draw(1), wrt="weights inputs bias"),
    on(matmul_triple_loop, draw(3, 4), draw(4, 2), wrt="A B"),
    on(matmul_lists, draw(2, 3), draw(3, 2), wrt="A B"),
    on(mlp_with_math, draw(3), draw(4, 3), draw(4), draw(2, 4), draw(2), wrt="x W1 b1 W2 b2"),
    on(softmax_loop, draw(5), wrt="vals"),
    on(mse_by_index, draw(4), draw(4), wrt="y_hat y"),
    on(relu_elementwise, draw(3, 4), wrt="x"),
    on(gaussian_pdf_product, draw(3), draw(3), 1.0 + draw(3) ** 2, wrt="x mu sigma"),
    on(naive_scores, draw(5, 4), draw(4, 3), hinge_y, 0.1, wrt="X W"),
    on(softmax_naive, draw(4, 3), draw(5, 4), hinge_y, 0.2, wrt="W X"),
    on(rbf_layer, draw(2), draw(4, 2), np.array([0.7]), draw(4), wrt="x centers beta w"),
    Case(
        "xor graph of 0-d weights",
        lambda: xor_graph(weights6, bias2, 1.0, -0.5),
        {**{f"w{i}": c.weight for i, c in enumerate(weights6)}, "bias": bias2},
    ),
    on(perceptron_rows, draw(5, 3), draw(4), wrt="X w"),
    on(kaggle_logloss, 1 / (1 + np.exp(-draw(5))), np.array([1, 0, 1, 1, 0]), wrt="p"),
]
