# ruff: noqa
"""All parameters in one vector, and what is done with such vectors."""

import itertools

import numpy as np
from forwards._case import Case, draws, on
from scipy.special import expit

draw = draws(101, 0.7)


def unpack(flat, shapes):
    arrays, start = [], 0
    for shape in shapes:
        size = int(np.prod(shape))
        arrays.append(flat[start : start + size].reshape(shape))
        start += size
    return arrays


def nn_cost(nn_params, input_layer_size, hidden_layer_size, num_labels, X, y, Lambda):
    """Column-major reshapes, labels from 1, bias not regularised."""
    split = hidden_layer_size * (input_layer_size + 1)
    Theta1 = nn_params[:split].reshape((hidden_layer_size, input_layer_size + 1), order="F")
    Theta2 = nn_params[split:].reshape((num_labels, hidden_layer_size + 1), order="F")
    m = len(y)
    a1 = np.hstack((np.ones((m, 1)), X))
    a2 = expit(a1 @ Theta1.T)
    a2 = np.hstack((np.ones((m, 1)), a2))
    h = expit(a2 @ Theta2.T)
    y_d = (np.arange(1, num_labels + 1) == y[:, None]).astype(int)
    temp1, temp2 = 0, 0
    temp1 = np.sum(np.multiply(y_d, np.log(h)))
    temp2 = np.sum(np.multiply(1 - y_d, np.log(1 - h)))
    reg = (np.sum(np.power(Theta1[:, 1:], 2)) + np.sum(np.power(Theta2[:, 1:], 2))) * Lambda / (2 * m)
    return np.sum(temp1 + temp2) / -m + reg


class WeightsParser:
    def __init__(self):
        self.idxs_and_shapes = {}
        self.num_weights = 0

    def add_shape(self, name, shape):
        start = self.num_weights
        self.num_weights += np.prod(shape)
        self.idxs_and_shapes[name] = (slice(start, self.num_weights), shape)

    def get(self, vect, name):
        idxs, shape = self.idxs_and_shapes[name]
        return np.reshape(vect[idxs], shape)


def build_rnn(input_size, state_size):
    parser = WeightsParser()
    parser.add_shape("init", (1, state_size))
    parser.add_shape("change", (input_size + state_size + 1, state_size))
    parser.add_shape("predict", (state_size + 1, input_size))

    def concat_and_multiply(weights, *args):
        cat_state = np.hstack(args + (np.ones((args[0].shape[0], 1)),))
        return np.dot(cat_state, weights)

    def loss(weights, inputs):
        hidden = np.repeat(parser.get(weights, "init"), inputs.shape[1], axis=0)
        total = 0.0
        for x, nxt in zip(inputs[:-1], inputs[1:]):
            hidden = np.tanh(concat_and_multiply(parser.get(weights, "change"), x, hidden))
            out = concat_and_multiply(parser.get(weights, "predict"), hidden)
            out = out - np.logaddexp.reduce(out, axis=1, keepdims=True)
            total -= np.sum(out * nxt)
        return total

    return loss, parser.num_weights


class FlatNet:
    """The layers' weights are views into the flat vector, made once in the constructor."""

    def __init__(self, flat, sizes):
        self.theta = flat
        self.weights, at = [], 0
        for n, m in itertools.pairwise(sizes):
            self.weights.append(self.theta[at : at + n * m].reshape(n, m))
            at += n * m

    def forward(self, x):
        for i, W in enumerate(self.weights):
            x = x @ W
            if i < len(self.weights) - 1:
                np.tanh(x, x)
        return x


def split_by_cumsum(theta, x, sizes):
    pieces = np.split(theta, np.cumsum(sizes)[:-1])
    W, b, v = pieces[0].reshape(-1, len(pieces[1])), pieces[1], pieces[2]
    return np.maximum(0, x @ W + b) @ v


def ravel_and_norm(W1, b1, W2, clip):
    """Gradient-clipping style: everything flattened, one norm."""
    flat = np.concatenate([p.ravel() for p in (W1, b1, W2)])
    norm = np.sqrt(np.sum(flat**2))
    scale = min(1.0, clip / (norm + 1e-6))
    return flat * scale


def momentum_unrolled(theta, A, b, lr, mu, steps=4):
    """An optimiser run, as meta-learning differentiates it."""
    v = np.zeros_like(theta)
    for _ in range(steps):
        g = A @ theta - b
        v *= mu
        v -= lr * g
        theta = theta + v
    return 0.5 * theta @ A @ theta - b @ theta


def adam_step(w, g, m, v, t, lr=0.01):
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * (g * g)
    m_hat, v_hat = m / (1 - 0.9**t), v / (1 - 0.999**t)
    w = w.copy()
    w -= lr * m_hat / (np.sqrt(v_hat) + 1e-8)
    return w


def maml_inner(theta, xs, ys, alpha):
    outer = []
    for x, y in zip(xs, ys):
        grad = 2 * x.T @ (x @ theta - y) / len(y)
        adapted = theta - alpha * grad
        outer.append(np.mean((x @ adapted - y) ** 2))
    return np.mean(outer)


def genome_to_network(genome, inputs, structure):
    """Reads a list of genes with an iterator."""
    genes = iter(genome)
    values = list(inputs)
    for n in structure:
        layer = []
        for _ in range(n):
            total = next(genes)
            for v in values:
                total += next(genes) * v
            layer.append(total if total > 0 else 0.2 * total)
        values = layer
    return values


rnn_loss, n_rnn = build_rnn(2, 3)
flat_net = FlatNet(draw(3 * 4 + 4 * 2), [3, 4, 2])
flat_x = draw(5, 3)
A_spd = np.array([[2.0, 0.3], [0.3, 1.0]])

CASES = [
    on(
        lambda theta, x: np.tanh(x @ unpack(theta, [(3, 2), (2,)])[0]) + unpack(theta, [(3, 2), (2,)])[1],
        draw(8),
        draw(4, 3),
        wrt="theta x",
        name="unpack",
    ),
    on(nn_cost, draw(3 * 5 + 3 * 4), 4, 3, 3, draw(5, 4), np.array([1, 3, 2, 2, 1]), 0.5, wrt="nn_params"),
    on(rnn_loss, draw(n_rnn), np.eye(2)[[[0, 1], [1, 1], [0, 0]]], wrt="weights", name="WeightsParser"),
    Case("FlatNet of views", lambda: flat_net.forward(flat_x), {"theta": flat_net.theta, "x": flat_x}),
    on(split_by_cumsum, draw(12 + 4 + 4), draw(5, 3), [12, 4, 4], wrt="theta x"),
    on(ravel_and_norm, draw(2, 3), draw(3), draw(3, 2), 0.9, wrt="W1 b1 W2"),
    on(momentum_unrolled, draw(2), A_spd, draw(2), np.array(0.1), np.array(0.5), wrt="theta A b lr mu"),
    on(adam_step, draw(4), draw(4), draw(4), draw(4) ** 2, 3, wrt="w g m v"),
    on(maml_inner, draw(3, 1), [draw(4, 3), draw(4, 3)], [draw(4, 1), draw(4, 1)], np.array(0.1), wrt="theta alpha"),
    on(genome_to_network, draw(2 * 4 + 2 * 3), draw(3), [2, 2], wrt="genome inputs"),
]
