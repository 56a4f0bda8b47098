"""Tapes, vjps, values with gradients, values with a backprop, gradients at hand."""

from types import SimpleNamespace

import numpy as np
from layers_sample import Sample, affine, numbers, product, sample

X, W, B = numbers(3, 4), numbers(4, 2), numbers(2)


@sample
def tape_object_with_indexes():
    class Linear:
        def forward(self, inputs):
            x, w = inputs
            self.kept = inputs
            return (x @ w,)

        def backward(self, indexes, gys):
            x, w = self.kept
            (gy,) = gys
            return tuple(gy @ w.T if i == 0 else x.T @ gy for i in indexes)

    return Sample((Linear(), X, W), "tape: forward(inputs) -> tuple, backward(indexes, gys)", affine)


@sample
def tape_object_with_inputs():
    class Linear:
        def forward(self, inputs):
            return (inputs[0] @ inputs[1],)

        def backward(self, inputs, grad_outputs):
            return grad_outputs[0] @ inputs[1].T, inputs[0].T @ grad_outputs[0]

    return Sample(
        (Linear(), X, W),
        "tape: forward(inputs) -> tuple, backward(inputs, grad_outputs)",
        affine,
        labels={"inputs[1]": "dinputs[1]"},
    )


@sample
def tape_functions_with_everything():
    def forward(xs):
        a, b = xs
        return a * b, a + b

    def backward(target_input_indexes, grad_outputs, inputs, outputs):
        a, b = inputs
        g, h = grad_outputs
        return tuple([g * b + h, g * a + h][i] for i in target_input_indexes)

    def truth(v, ups):
        return {"a": ups[0] * v["b"] + ups[1], "b": ups[0] * v["a"] + ups[1]}

    return Sample(
        (forward, backward, X, numbers(3, 4, seed=1)),
        "tape: forward(xs) -> tuple, backward(target_input_indexes, grad_outputs, inputs, outputs)",
        truth,
    )


@sample
def tape_with_integer_labels():
    class Pick:
        def forward(self, inputs):
            x, t = inputs
            return (x[np.arange(len(t)), t],)

        def backward(self, inputs, gy):
            x, t = inputs
            gx = np.zeros_like(x)
            gx[np.arange(len(t)), t] = gy[0]
            return gx, None

    def truth(v, ups):
        return {"x": ups[0][:, None] * np.eye(4)[[1, 0, 3]]}

    return Sample((Pick(), X, np.array([1, 0, 3])), "tape: forward(inputs) -> tuple, backward(inputs, gy)", truth)


@sample
def tape_called_with_a_tuple():
    def forward(inputs):
        x, w = inputs
        return (x @ w,)

    def backward(indexes, upstreams, inputs):
        x, w = inputs
        return tuple([upstreams[0] @ w.T, x.T @ upstreams[0]][i] for i in indexes)

    return Sample(
        (forward, backward, (X, W)), "tape: forward(inputs) -> tuple, backward(indexes, upstreams, inputs)", affine
    )


@sample
def vjps_with_the_answer():
    vjps = [lambda g, ans, x, w: g @ w.T, lambda g, ans, x, w: x.T @ g]
    return Sample((lambda x, w: x @ w, vjps, X, W), "forward -> ans, one vjp per argument: vjp(g, ans, x, w)", affine)


@sample
def vjps_without_the_answer():
    vjps = (lambda g, a, b: g * b, lambda g, a, b: g * a)
    return Sample(
        (lambda a, b: a * b, vjps, X, numbers(3, 4, seed=1)),
        "forward -> ans, one vjp per argument: vjp(g, a, b)",
        product,
    )


@sample
def vjps_that_return_functions():
    vjps = {"x": lambda ans, x, w: lambda g: g @ w.T, 1: lambda ans, x, w: lambda g: x.T @ g}
    return Sample((lambda x, w: x @ w, vjps, X, W), "forward -> ans, one vjp per argument: vjp(ans, x, w)", affine)


@sample
def vjp_of_the_upstream_alone():
    return Sample(
        (lambda x: 3 * x, [lambda g: 3 * g], X),
        "forward -> ans, one vjp per argument: vjp(g)",
        lambda v, ups: {"x": 3 * ups[0]},
    )


@sample
def loss_with_one_gradient():
    def linear_loss(W, X, y, reg):
        r = X @ W - np.eye(2)[y]
        loss = 0.5 * (r**2).sum() + reg * (W**2).sum()
        dW = X.T @ r + 2 * reg * W
        return loss, dW

    y = np.array([0, 1, 1])
    return Sample(
        (linear_loss, W, X, y, 0.1),
        "linear_loss(...) -> (value, dW)",
        lambda v, ups: {"W": X.T @ (X @ v["W"] - np.eye(2)[y]) + 0.2 * v["W"]},
        note="X: taken as data",
    )


@sample
def loss_with_a_tuple_of_gradients():
    def f(w, b):
        r = X @ w + b
        return 0.5 * (r**2).sum(), (X.T @ r, r.sum(0))

    def truth(v, ups):
        r = X @ v["w"] + v["b"]
        return {"w": X.T @ r, "b": r.sum(0)}

    return Sample((f, W, B), "f(...) -> (value, gradients)", truth)


@sample
def loss_with_a_dict_of_gradients():
    def f(params, data):
        r = data @ params["w"] + params["b"]
        grads = {"w": data.T @ r, "b": r.sum(0)}
        return 0.5 * (r**2).sum(), grads

    def truth(v, ups):
        r = X @ v["w"] + v["b"]
        return {"w": X.T @ r, "b": r.sum(0)}

    return Sample((f, {"w": W, "b": B}, X), "f(...) -> (value, grads)", truth)


@sample
def loss_with_gradients_one_by_one():
    def f(a, b):
        value = (a * b).sum()
        return value, b * 1.0, a * 1.0

    return Sample(
        (f, X, numbers(3, 4, seed=1)), "f(...) -> (value, gradients)", lambda v, ups: {"a": v["b"], "b": v["a"]}
    )


@sample
def loss_method_of_a_network():
    class TwoLayerNet:
        def __init__(self):
            self.params = {"W1": W.copy(), "b1": B.copy()}

        def loss(self, X, y):
            r = X @ self.params["W1"] + self.params["b1"] - np.eye(2)[y]
            grads = {"W1": X.T @ r, "b1": r.sum(0)}
            return 0.5 * (r**2).sum(), grads

    def truth(v, ups):
        r = X @ v["W1"] + v["b1"] - np.eye(2)[[0, 1, 1]]
        return {"W1": X.T @ r, "b1": r.sum(0)}

    return Sample(
        (TwoLayerNet(), X, np.array([0, 1, 1])),
        "TwoLayerNet.loss(...) -> (value, grads)",
        truth,
        note="X: taken as data",
    )


@sample
def backprop_closure():
    def relu(x):
        mask = x > 0

        def backprop(dy):
            return dy * mask

        return x * mask, backprop

    return Sample((relu, X), "forward -> (out, backprop), backprop(dy)", lambda v, ups: {"x": ups[0] * (v["x"] > 0)})


@sample
def backprop_lambda_of_two():
    return Sample(
        (lambda x, w: (x @ w, lambda g: (g @ w.T, x.T @ g)), X, W), "forward -> (out, backprop), backprop(g)", affine
    )


@sample
def backprop_that_stores_parameter_gradients():
    class Layer:
        def __init__(self):
            self.W, self.dW = W.copy(), np.zeros_like(W)

        def begin_update(self, X):
            def finish_update(dY):
                self.dW += X.T @ dY
                return dY @ self.W.T

            return X @ self.W, finish_update

    return Sample(
        (Layer(), X),
        "forward -> (out, backprop), backprop(dY), adds to dW",
        affine,
        note="set to zero before each call",
    )


@sample
def backprop_of_two_outputs():
    def f(a, b):
        def back(dp, ds):
            return dp * b + ds, dp * a + ds

        return (a * b, a + b), back

    def truth(v, ups):
        return {"a": ups[0] * v["b"] + ups[1], "b": ups[0] * v["a"] + ups[1]}

    return Sample((f, X, numbers(3, 4, seed=1)), "forward -> ((out, out), backprop), backprop(dp)", truth)


@sample
def namespace_of_gradients():
    def backward(dout, x, w):
        return SimpleNamespace(dx=dout @ w.T, dw=x.T @ dout)

    return Sample((lambda x, w: x @ w, backward, X, W), "forward -> out, backward(dout, x, w)", affine)


@sample
def gradients_at_hand():
    upstream = np.ones((3, 2))
    return Sample(
        (lambda x, w: x @ w, X, W),
        "forward alone, gradients at hand",
        lambda v, ups: {"w": X.T @ upstream},
        {"gradients": {"dw": X.T @ upstream}},
        note="its contract is not checked",
    )
