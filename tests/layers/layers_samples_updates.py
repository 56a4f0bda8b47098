"""Backwards that move the weights themselves."""

import numpy as np
from layers_sample import Sample, affine, numbers, sample

X, W, B = numbers(3, 4), numbers(4, 2), numbers(2)


@sample
def updates_with_a_given_rate():
    class FCLayer:
        def __init__(self):
            self.weights, self.bias = W.copy(), B[None].copy()

        def forward_propagation(self, input_data):
            self.input = input_data
            return input_data @ self.weights + self.bias

        def backward_propagation(self, output_error, learning_rate):
            input_error = output_error @ self.weights.T
            self.weights -= learning_rate * self.input.T @ output_error
            self.bias = self.bias - learning_rate * output_error.sum(0, keepdims=True)
            return input_error

    return Sample(
        (FCLayer(), X),
        "object: forward_propagation(input_data) -> out, backward_propagation(output_error, learning_rate), "
        "updates weights, bias itself",
        affine,
        note="(before - after) / learning_rate",
        loose=1e-9,
    )


@sample
def updates_with_its_own_rate():
    class Dense:
        def __init__(self):
            self.W, self.lr = W.copy(), 0.125

        def forward(self, x):
            self.x = x
            return x @ self.W

        def backward(self, dout):
            dx = dout @ self.W.T
            self.W -= self.lr * self.x.T @ dout
            return dx

    return Sample(
        (Dense(), X),
        "object: forward(x) -> out, backward(dout), updates W itself",
        affine,
        note="(before - after) / lr",
        loose=1e-9,
    )


@sample
def updates_through_an_optimizer():
    class Adam:
        def __init__(self):
            self.learning_rate, self.m, self.v = 0.5, 0.0, 0.0

        def update(self, w, g):  # a step whose size says nothing of the gradient
            self.m, self.v = 0.9 * self.m + 0.1 * g, 0.99 * self.v + 0.01 * g**2
            return w - self.learning_rate * self.m / (np.sqrt(self.v) + 1e-8)

    class Dense:
        def __init__(self):
            self.W, self.opt = W.copy(), Adam()

        def forward_pass(self, X):
            self.layer_input = X
            return X @ self.W

        def backward_pass(self, accum_grad):
            before = self.W
            self.W = self.opt.update(self.W, self.layer_input.T @ accum_grad)
            return accum_grad @ before.T

    return Sample(
        (Dense(), X),
        "object: forward_pass(X) -> out, backward_pass(accum_grad), hands dW to opt.update",
        affine,
        note="gradients are those handed to opt.update",
    )


@sample
def stores_and_updates():
    class Dense:
        def __init__(self):
            self.W = W.copy()

        def forward(self, x):
            self.x = x
            return x @ self.W

        def backward(self, dout, lr=0.1):
            self.dW, dx = self.x.T @ dout, dout @ self.W.T
            self.W -= lr * self.dW
            return dx

    return Sample(
        (Dense(), X),
        "object: forward(x) -> out, backward(dout), stores dW",
        affine,
        note="they are put back",
    )
