"""Habits of public codes, in our own words: adapted as they stand, their gradients held to central differences."""

import itertools

import numpy as np
import pytest

from gradcheck.layers import adapt, adapt_network
from gradcheck.state import State

RNG = np.random.default_rng(0)


def assert_numeric(problem, skip=()):
    """Every gradient along one random direction against a central difference of the problem's own forward."""
    snapshot = State(*problem.roots).snapshot()
    try:
        outputs = problem.forward()
        ups = [np.ones(np.shape(o)) if problem.upstream == "one" else RNG.standard_normal(np.shape(o)) for o in outputs]
        given = problem.backward([u.copy() for u in ups])
        assert not given.faults
        values = {name: None if g is None else np.array(g) for name, g in given.values.items()}
        for v in problem.variables:
            if not v.differentiated or v.name in skip:
                continue
            way, at = RNG.standard_normal(v.array.shape), v.array.copy()
            sums = []
            for sign in (1, -1):
                v.array[...] = at + sign * 1e-6 * way
                sums.append(sum(float(np.sum(u * o)) for u, o in zip(ups, problem.forward(), strict=True)))
            v.array[...] = at
            assert values[v.name] is not None, v.name
            assert np.sum(values[v.name] * way) == pytest.approx((sums[0] - sums[1]) / 2e-6, rel=1e-5, abs=1e-7)
    finally:
        snapshot.restore()
        problem.close()


def test_columns_lists_and_a_pair_of_lists_returned_biases_first():
    class Network:
        def __init__(self, sizes):
            self.weights = [RNG.standard_normal((n, m)) for m, n in itertools.pairwise(sizes)]
            self.biases = [RNG.standard_normal((n, 1)) for n in sizes[1:]]

        def activations(self, x):
            found = [x]
            for w, b in zip(self.weights, self.biases, strict=True):
                found.append(np.tanh(w @ found[-1] + b))
            return found

        def cost(self, x, y):
            return 0.5 * np.sum((self.activations(x)[-1] - y) ** 2)

        def backprop(self, x, y):
            a = self.activations(x)
            nabla_b, nabla_w = [0, 0], [0, 0]
            delta = (a[2] - y) * (1 - a[2] ** 2)
            nabla_b[1], nabla_w[1] = delta, delta @ a[1].T
            delta = self.weights[1].T @ delta * (1 - a[1] ** 2)
            nabla_b[0], nabla_w[0] = delta, delta @ a[0].T
            return nabla_b, nabla_w

    net, x, y = Network([3, 4, 2]), RNG.standard_normal((3, 1)), RNG.standard_normal((2, 1))
    problem = adapt_network(net, lambda: net.cost(x, y), lambda: net.backprop(x, y))
    assert {v.name for v in problem.variables} == {"weights[0]", "weights[1]", "biases[0]", "biases[1]"}
    assert_numeric(problem)


WXH, WHH, BH = RNG.standard_normal((4, 5)), RNG.standard_normal((4, 4)), np.zeros((4, 1))


def recurrent_loss(inputs, hprev):
    hs, loss = {-1: np.copy(hprev)}, 0.0
    for t, i in enumerate(inputs):
        hs[t] = np.tanh(WXH[:, [i]] + WHH @ hs[t - 1] + BH)
        loss += np.sum(hs[t] ** 2)
    dWxh, dWhh, dbh, dnext = np.zeros_like(WXH), np.zeros_like(WHH), np.zeros_like(BH), 0
    for t in reversed(range(len(inputs))):
        draw = (2 * hs[t] + dnext) * (1 - hs[t] ** 2)
        dWxh[:, [inputs[t]]] += draw
        dWhh += draw @ hs[t - 1].T
        dbh += draw
        dnext = WHH.T @ draw
    return loss, dWxh, dWhh, dbh, hs[len(inputs) - 1]


def test_one_function_with_global_weights_that_returns_the_last_state_too():
    problem = adapt((recurrent_loss, [0, 3, 1], np.zeros((4, 1))), constants=["hprev"])
    assert {v.name for v in problem.variables if v.differentiated} == {"WXH", "WHH", "BH"}
    assert_numeric(problem)


def test_first_forward_makes_parameters_and_inputs_are_kept_in_a_list():
    class FullyConnected:
        def __init__(self):
            self.X, self.parameters, self.gradients, self.ready = [], {"W": None, "b": None}, {}, False

        def forward(self, X, retain_derived=True):
            if not self.ready:
                self.parameters = {"W": RNG.standard_normal((X.shape[1], 3)), "b": np.zeros((1, 3))}
                self.gradients = {"W": np.zeros((X.shape[1], 3)), "b": np.zeros((1, 3))}
                self.ready = True
            if retain_derived:
                self.X = [X]
            return np.tanh(X @ self.parameters["W"] + self.parameters["b"])

        def backward(self, dLdy, retain_grads=True):
            (x,) = self.X
            dz = dLdy * (1 - np.tanh(x @ self.parameters["W"] + self.parameters["b"]) ** 2)
            if retain_grads:
                self.gradients["W"] += x.T @ dz
                self.gradients["b"] += dz.sum(axis=0, keepdims=True)
            return dz @ self.parameters["W"].T

    layer = FullyConnected()
    problem = adapt((layer, RNG.standard_normal((4, 2))))
    assert problem.style.endswith("backward(dLdy), adds to gradients['W'], gradients['b']")
    assert_numeric(problem)
    assert not layer.ready
    assert layer.parameters == {"W": None, "b": None}


def test_a_dict_of_parameters_with_a_dict_of_gradients_by_other_functions():
    parameters = {"W1": RNG.standard_normal((3, 2)), "b1": np.zeros((3, 1))}
    X = RNG.standard_normal((2, 6))

    def forward_propagation(X, parameters):
        A1 = np.tanh(parameters["W1"] @ X + parameters["b1"])
        return A1, {"A1": A1}

    def backward_propagation(cache, X):
        dZ1 = 2 * cache["A1"] * (1 - cache["A1"] ** 2)
        return {"dW1": dZ1 @ X.T, "db1": dZ1.sum(axis=1, keepdims=True)}

    problem = adapt_network(
        parameters,
        lambda: np.sum(forward_propagation(X, parameters)[0] ** 2),
        lambda: backward_propagation(forward_propagation(X, parameters)[1], X),
    )
    assert [v.gradient for v in problem.variables] == ["dW1", "db1"]
    assert_numeric(problem)


def test_activation_layer_made_of_two_functions_with_a_rate_it_does_not_need():
    class Activation:
        def __init__(self, activation, activation_prime):
            self.activation, self.activation_prime = activation, activation_prime

        def forward(self, input):
            self.input = input
            return self.activation(input)

        def backward(self, output_gradient, learning_rate):  # every layer of that code takes it
            return np.multiply(output_gradient, self.activation_prime(self.input))

    layer = Activation(np.tanh, lambda x: 1 - np.tanh(x) ** 2)
    problem = adapt((layer, RNG.standard_normal((4, 1))))
    assert problem.style == "object: forward(input) -> out, backward(output_gradient, learning_rate)"
    assert_numeric(problem)


def test_nested_cache_and_an_option_asked_for_by_both():
    def linear_activation_forward(A_prev, W, b, activation):
        Z = W @ A_prev + b
        A = np.tanh(Z) if activation == "tanh" else Z
        return A, ((A_prev, W, b), Z)

    def linear_activation_backward(dA, cache, activation):
        (A_prev, W, _), Z = cache
        dZ = dA * (1 - np.tanh(Z) ** 2) if activation == "tanh" else dA
        return W.T @ dZ, dZ @ A_prev.T, dZ.sum(axis=1, keepdims=True)

    arrays = RNG.standard_normal((2, 6)), RNG.standard_normal((3, 2)), np.zeros((3, 1))
    problem = adapt((linear_activation_forward, linear_activation_backward, *arrays, "tanh"))
    assert problem.style == "forward -> (A, cache), backward(dA, cache, activation)"
    assert_numeric(problem)


def test_batch_norm_that_writes_running_means_into_its_options():
    def forward(x, gamma, beta, bn_param):
        mean, std = x.mean(axis=0), np.sqrt(x.var(axis=0) + 1e-5)
        bn_param["running_mean"] = 0.9 * bn_param.get("running_mean", 0) + 0.1 * mean
        normal = (x - mean) / std
        cache = gamma, normal, std
        return gamma * normal + beta, cache

    def backward(dout, cache):
        gamma, normal, std = cache
        d = dout * gamma
        dx = (d - d.mean(axis=0) - normal * (d * normal).mean(axis=0)) / std
        return dx, (dout * normal).sum(axis=0), dout.sum(axis=0)

    option = {"mode": "train"}
    arrays = RNG.standard_normal((5, 4)), RNG.standard_normal(4), RNG.standard_normal(4)
    assert_numeric(adapt((forward, backward, *arrays, option)))
    assert option == {"mode": "train"}


def test_kernel_gradient_by_update_and_nothing_returned():
    class Conv3x3:
        def __init__(self):
            self.filters = RNG.standard_normal((2, 3, 3))

        def regions(self, image):
            return [(image[i : i + 3, j : j + 3], i, j) for i in range(3) for j in range(3)]

        def forward(self, input):
            self.last_input, output = input, np.zeros((3, 3, 2))
            for region, i, j in self.regions(input):
                output[i, j] = np.sum(region * self.filters, axis=(1, 2))
            return output

        def backprop(self, d_L_d_out, learn_rate):
            d_L_d_filters = np.zeros(self.filters.shape)
            for region, i, j in self.regions(self.last_input):
                d_L_d_filters += d_L_d_out[i, j][:, None, None] * region
            self.filters -= learn_rate * d_L_d_filters

    problem = adapt((Conv3x3(), RNG.standard_normal((5, 5))), constants=["input"])
    assert problem.updates
    assert problem.learning_rate == 1
    assert_numeric(problem)
