"""Activations with their derivatives, functions with their gradients, losses."""

import numpy as np
from layers_sample import Sample, logistic, numbers, sample

X, T = numbers(3, 4), numbers(3, 4, seed=1)


def logistic_truth(v, ups):
    s = logistic(v[next(iter(v))])
    return {next(iter(v)): ups[0] * s * (1 - s)}


def tanh_truth(v, ups):
    return {name: ups[0] * (1 - np.tanh(x) ** 2) for name, x in v.items()}


def mean_square(v, ups):
    return {name: 2 * (p - T) / p.size for name, p in v.items()}


def sigmoid(x):
    return logistic(x)


@sample
def derivative_of_the_input():
    def sigmoid_prime(x):
        return logistic(x) * (1 - logistic(x))

    return Sample(
        (sigmoid, sigmoid_prime, X), "sigmoid and its derivative sigmoid_prime(x), of the input", logistic_truth
    )


@sample
def derivative_of_the_output():
    def d_sigmoid(y):
        return y * (1 - y)

    return Sample((sigmoid, d_sigmoid, X), "sigmoid and its derivative d_sigmoid(y), of the output", logistic_truth)


@sample
def derivative_of_a_ufunc():
    def tanh_deriv(a):
        return 1.0 - a**2

    return Sample((np.tanh, tanh_deriv, X), "tanh and its derivative tanh_deriv(a), of the output", tanh_truth)


@sample
def derivative_by_style():
    def slope(x):
        return 1 - np.tanh(x) ** 2

    return Sample(
        (np.tanh, slope, X), "tanh and its derivative slope(x), of the input", tanh_truth, {"style": "derivative"}
    )


@sample
def derivative_of_output_by_style():
    def slope(x):
        return 1 - x**2

    return Sample(
        (np.tanh, slope, X),
        "tanh and its derivative slope(x), of the output",
        tanh_truth,
        {"style": "derivative of output"},
    )


@sample
def derivative_of_relu_fits_both():
    def relu(x):
        return np.maximum(x, 0)

    def relu_derivative(x):
        return x > 0

    return Sample(
        (relu, relu_derivative, X),
        "relu and its derivative relu_derivative(x), of the input",
        lambda v, ups: {"x": ups[0] * (v["x"] > 0)},
    )


@sample
def derivative_as_a_flag():
    def square(x, deriv=False):
        return 2 * x if deriv else x**2

    return Sample(
        (square, X),
        "square and its derivative square(..., deriv=True)(x), of the input",
        lambda v, ups: {"x": 2 * ups[0] * v["x"]},
    )


@sample
def activation_object_called():
    class Sigmoid:
        def __call__(self, x):
            return logistic(x)

        def gradient(self, x):
            return self(x) * (1 - self(x))

    return Sample(
        (Sigmoid(), X), "Sigmoid.__call__ and its derivative Sigmoid.gradient(x), of the input", logistic_truth
    )


@sample
def activation_object_f_df():
    class Tanh:
        def f(self, x):
            return np.tanh(x)

        def df(self, y):
            return 1 - y**2

    return Sample((Tanh(), X), "Tanh.f and its derivative Tanh.df(y), of the output", tanh_truth)


@sample
def activation_class_of_static_methods():
    class Tanh:
        @staticmethod
        def activation(z):
            return np.tanh(z)

        @staticmethod
        def derivative(z):
            return 1 - np.tanh(z) ** 2

    return Sample((Tanh, X), "Tanh.activation and its derivative Tanh.derivative(z), of the input", tanh_truth)


@sample
def activation_object_backward_is_the_derivative():
    class Tanh:
        def forward(self, x):
            return np.tanh(x)

        def backward(self, x):
            return 1 - np.tanh(x) ** 2

    return Sample((Tanh(), X), "Tanh.forward and its derivative Tanh.backward(x), of the input", tanh_truth)


@sample
def jacobian_of_a_vector():
    def softmax(x):
        e = np.exp(x)
        return e / e.sum()

    def softmax_grad(x):
        s = softmax(x)
        return np.diag(s) - np.outer(s, s)

    def truth(v, ups):
        s = softmax(v["x"])
        return {"x": s * (ups[0] - (s * ups[0]).sum())}

    return Sample(
        (softmax, softmax_grad, numbers(5)), "softmax and its derivative softmax_grad(x), of the input", truth
    )


@sample
def value_with_its_derivative():
    def tanh(z):
        y = np.tanh(z)
        return y, 1 - y**2

    return Sample((tanh, X), "tanh(z) -> (value, derivative)", tanh_truth)


@sample
def loss_and_its_prime():
    def mse(y_true, y_pred):
        return np.mean((y_true - y_pred) ** 2)

    def mse_prime(y_true, y_pred):
        return 2 * (y_pred - y_true) / y_true.size

    return Sample((mse, mse_prime, T, X), "mse(y_true, y_pred) and its gradient mse_prime(y_true, y_pred)", mean_square)


@sample
def loss_object_with_loss_and_gradient():
    class SquareLoss:
        def loss(self, y, y_pred):
            return 0.5 * (y - y_pred) ** 2

        def gradient(self, y, y_pred):
            return y_pred - y

    return Sample(
        (SquareLoss(), T, X),
        "SquareLoss.loss(y, y_pred) and its gradient SquareLoss.gradient(y, y_pred)",
        lambda v, ups: {"y_pred": v["y_pred"] - T},
    )


@sample
def function_and_gradient_of_a_vector():
    def rosen(x):
        return ((1 - x) ** 4).sum()

    def rosen_grad(x):
        return -4 * (1 - x) ** 3

    return Sample(
        (rosen, rosen_grad, numbers(5)),
        "rosen(x) and its gradient rosen_grad(x)",
        lambda v, ups: {"x": -4 * (1 - v["x"]) ** 3},
    )


@sample
def loss_object_without_upstream():
    class MSE:
        def forward(self, pred, target):
            self.diff = pred - target
            return np.mean(self.diff**2)

        def backward(self):
            return 2 * self.diff / self.diff.size

    return Sample(
        (MSE(), X, T), "object: forward(pred, target) -> out, backward()", mean_square, note="target: taken as"
    )


@sample
def loss_object_with_upstream_default():
    class SoftmaxWithLoss:
        def forward(self, x, t):
            e = np.exp(x - x.max(1, keepdims=True))
            self.p, self.t = e / e.sum(1, keepdims=True), t
            return -np.mean(np.log(self.p[np.arange(len(t)), t]))

        def backward(self, dout=1):
            dx = self.p.copy()
            dx[np.arange(len(self.t)), self.t] -= 1
            return dout * dx / len(self.t)

    def truth(v, ups):
        e = np.exp(v["x"])
        return {"x": ups[0] * (e / e.sum(1, keepdims=True) - np.eye(4)[[0, 3, 1]]) / 3}

    return Sample((SoftmaxWithLoss(), X, np.array([0, 3, 1])), "object: forward(x, t) -> out, backward(dout)", truth)
