# ruff: noqa: N802  (which arguments there are is what these samples are about; W is a name in the field)
"""Objects with forward and backward methods, and the many places where parameters and gradients live."""

import numpy as np
from layers_sample import Sample, affine, numbers, sample

X, W, B = numbers(3, 4), numbers(4, 2), numbers(2)
ADDED = "set to zero before each call"


class Base:
    """x @ W + b with parameters wherever ``arrays`` finds them."""

    def forward(self, x):
        self.x = x
        w, b = self.arrays()
        return x @ w + b

    def given(self, dout):
        return self.x.T @ dout, dout.sum(0), dout @ self.arrays()[0].T


@sample
def attributes_W_dW():
    class Dense(Base):
        def __init__(self):
            self.W, self.b = W.copy(), B.copy()

        def arrays(self):
            return self.W, self.b

        def backward(self, dout):
            self.dW, self.db, dx = self.given(dout)
            return dx

    return Sample(
        (Dense(), X), "object: forward(x) -> out, backward(dout), stores dW, db", affine, labels={"W": "dW", "b": "db"}
    )


@sample
def attributes_grad_W():
    class Dense(Base):
        def __init__(self):
            self.W, self.b, self.grad_W, self.grad_b = W.copy(), B.copy(), None, None

        def arrays(self):
            return self.W, self.b

        def backprop(self, delta):
            self.grad_W, self.grad_b, dx = self.given(delta)
            return dx

    return Sample((Dense(), X), "object: forward(x) -> out, backprop(delta), stores grad_W, grad_b", affine)


@sample
def attributes_weights_d_weights():
    class Dense(Base):
        def __init__(self):
            self.weights, self.bias = W.copy(), B.copy()
            self.velocity = np.zeros_like(W)

        def arrays(self):
            return self.weights, self.bias

        def backward(self, grad_output):
            self.d_weights, self.d_bias, dx = self.given(grad_output)
            return dx

    return Sample((Dense(), X), "object: forward(x) -> out, backward(grad_output), stores d_weights, d_bias", affine)


@sample
def attributes_W_grad_added():
    class Dense(Base):
        def __init__(self):
            self.W, self.b = W.copy(), B.copy()
            self.W_grad, self.b_grad = np.zeros_like(W), np.zeros_like(B)

        def arrays(self):
            return self.W, self.b

        def backward(self, dout):
            dw, db, dx = self.given(dout)
            self.W_grad += dw
            self.b_grad = self.b_grad + db
            return dx

    return Sample((Dense(), X), "object: forward(x) -> out, backward(dout), adds to W_grad, b_grad", affine, note=ADDED)


@sample
def input_gradient_stored_and_nothing_returned():
    class LayerDense:
        def __init__(self):
            self.weights, self.biases = W.copy(), B[None].copy()

        def forward(self, inputs):
            self.inputs = inputs
            self.output = inputs @ self.weights + self.biases

        def backward(self, dvalues):
            self.dweights = self.inputs.T @ dvalues
            self.dbiases = dvalues.sum(0, keepdims=True)
            self.dinputs = dvalues @ self.weights.T

    return Sample(
        (LayerDense(), X),
        "object: forward(inputs) -> out, backward(dvalues), stores dweights, dbiases, dinputs",
        affine,
        note="the output is the attribute output",
    )


@sample
def dicts_of_parameters_and_gradients():
    class Dense(Base):
        def __init__(self):
            self.params, self.grads = {"W": W.copy(), "b": B.copy()}, {}

        def arrays(self):
            return self.params["W"], self.params["b"]

        def backward(self, dout):
            self.grads["W"], self.grads["b"], dx = self.given(dout)
            self.grads["dx"] = dx
            return dx

    return Sample(
        (Dense(), X), "object: forward(x) -> out, backward(dout), stores grads['W'], grads['b'], grads['dx']", affine
    )


@sample
def dict_of_gradients_made_anew():
    class Dense(Base):
        def __init__(self):
            self.parameters = {"W": W.copy(), "b": B.copy()}
            self.gradients = {"W": np.zeros_like(W), "b": np.zeros_like(B)}

        def arrays(self):
            return self.parameters["W"], self.parameters["b"]

        def bprop(self, grad):
            dw, db, dx = self.given(grad)
            self.gradients = {"dW": dw, "db": db}
            return dx

        def fprop(self, x):
            return self.forward(x)

    return Sample(
        (Dense(), X), "object: forward(x) -> out, bprop(grad), stores gradients['dW'], gradients['db']", affine
    )


@sample
def lists_written_in_place():
    class Affine(Base):
        def __init__(self):
            self.params = [W.copy(), B.copy()]
            self.grads = [np.zeros_like(W), np.zeros_like(B)]

        def arrays(self):
            return self.params

        def backward(self, dout):
            dw, db, dx = self.given(dout)
            self.grads[0][...] = dw
            self.grads[1][...] = db
            return dx

    return Sample((Affine(), X), "object: forward(x) -> out, backward(dout), stores grads[0], grads[1]", affine)


@sample
def list_appended_to():
    class Affine(Base):
        def __init__(self):
            self.params, self.grads = [W.copy(), B.copy()], []

        def arrays(self):
            return self.params

        def backward(self, dout):
            dw, db, dx = self.given(dout)
            self.grads.append(dw)
            self.grads.append(db)
            return dx

    return Sample((Affine(), X), "object: forward(x) -> out, backward(dout), stores grads[0], grads[1]", affine)
