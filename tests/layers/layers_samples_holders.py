"""Objects whose parameters or gradients are held, returned or asked for in less plain ways."""

import numpy as np
from layers_sample import Sample, affine, numbers, product, sample
from layers_samples_objects import ADDED, Base

X, W, B = numbers(3, 4), numbers(4, 2), numbers(2)


class Parameter:
    def __init__(self, value):
        self.value, self.grad = value, np.zeros_like(value)


@sample
def parameter_objects_value_grad():
    class Dense(Base):
        def __init__(self):
            self.W, self.B = Parameter(W.copy()), Parameter(B.copy())

        def arrays(self):
            return self.W.value, self.B.value

        def backward(self, dout):
            dw, db, dx = self.given(dout)
            self.W.grad += dw
            self.B.grad += db
            return dx

    return Sample((Dense(), X), "object: forward(x) -> out, backward(dout), adds to W.grad, B.grad", affine, note=ADDED)


@sample
def parameter_objects_in_a_list():
    class Tensor:
        def __init__(self, data):
            self.data, self.grad = data, None

    class Dense(Base):
        def __init__(self):
            self.parameters = [Tensor(W.copy()), Tensor(B.copy())]

        def arrays(self):
            return [p.data for p in self.parameters]

        def backward(self, dout):
            dw, db, dx = self.given(dout)
            for p, g in zip(self.parameters, (dw, db), strict=True):
                p.grad = g if p.grad is None else p.grad + g
            return dx

    return Sample(
        (Dense(), X), "object: forward(x) -> out, backward(dout), stores parameters[0].grad, parameters[1].grad", affine
    )


@sample
def gradients_returned_after_dx():
    class Dense(Base):
        def __init__(self):
            self.b, self.W = B.copy(), W.copy()

        def arrays(self):
            return self.W, self.b

        def backward(self, dout):
            dW, db, dx = self.given(dout)
            return dx, dW, db

    def truth(v, ups):
        return affine({name: v[name] for name in ("x", "W", "b")}, ups)

    return Sample((Dense(), X), "object: forward(x) -> out, backward(dout)", truth)


@sample
def gradients_returned_in_a_dict():
    class Dense(Base):
        def __init__(self):
            self.W, self.b = W.copy(), B.copy()

        def arrays(self):
            return self.W, self.b

        def backward(self, dout):
            dW, db, dx = self.given(dout)
            return dx, {"dW": dW, "db": db}

    return Sample((Dense(), X), "object: forward(x) -> out, backward(dout)", affine)


@sample
def backward_takes_the_input_again():
    class Dense(Base):
        def __init__(self):
            self.W, self.b = W.copy(), B.copy()

        def arrays(self):
            return self.W, self.b

        def backward(self, x, dout):
            self.dW, self.db = x.T @ dout, dout.sum(0)
            return dout @ self.W.T

    return Sample((Dense(), X), "object: forward(x) -> out, backward(x, dout), stores dW, db", affine)


@sample
def backward_takes_input_and_output():
    class Exp:
        def forward(self, x):
            return np.exp(x)

        def backward(self, x, y, dout):
            return dout * y + 0 * x

    return Sample(
        (Exp(), X), "object: forward(x) -> out, backward(x, y, dout)", lambda v, ups: {"x": ups[0] * np.exp(v["x"])}
    )


@sample
def object_that_returns_a_cache():
    class Dense:
        def __init__(self):
            self.W = W.copy()

        def forward(self, x):
            cache = x
            out = x @ self.W
            return out, cache

        def backward(self, dout, cache):
            self.dW = cache.T @ dout
            return dout @ self.W.T

    return Sample((Dense(), X), "object: forward(x) -> (out, cache), backward(dout, cache), stores dW", affine)


@sample
def scalar_product_of_two_inputs():
    class MulLayer:
        def forward(self, x, y):
            self.x, self.y = x, y
            return x * y

        def backward(self, dout):
            return dout * self.y, dout * self.x

    return Sample((MulLayer(), 100.0, 1.5), "object: forward(x, y) -> out, backward(dout)", product)


@sample
def neuron_of_python_numbers():
    class Neuron:
        def __init__(self):
            self.w, self.b, self.dw, self.db = 0.5, 0.1, 0.0, 0.0

        def forward(self, x):
            self.x = x
            return self.w * x + self.b

        def backward(self, dout):
            self.dw += float((dout * self.x).sum())
            self.db += float(dout.sum())
            return dout * self.w

    def truth(v, ups):
        return {"x": ups[0] * v["w"], "w": (ups[0] * v["x"]).sum(), "b": ups[0].sum()}

    return Sample((Neuron(), X), "object: forward(x) -> out, backward(dout), adds to dw, db", truth, note=ADDED)


@sample
def parameters_made_by_the_first_forward():
    class Lazy:
        W = None

        def __call__(self, x):
            if self.W is None:
                self.W = np.random.default_rng(0).standard_normal((x.shape[1], 2))
            self.x = x
            return x @ self.W

        def backward(self, dout):
            self.dW = self.x.T @ dout
            return dout @ self.W.T

    return Sample(
        (Lazy(), X), "object: __call__(x) -> out, backward(dout), stores dW", affine, note="made by the first forward"
    )


@sample
def zero_grad_is_called():
    class Dense(Base):
        def __init__(self):
            self.W, self.b = W.copy(), B.copy()
            self.zero_grad()

        def arrays(self):
            return self.W, self.b

        def zero_grad(self):
            self.dW, self.db = np.zeros_like(self.W), np.zeros_like(self.b)

        def backward(self, dout):
            dw, db, dx = self.given(dout)
            self.dW += dw
            self.db += db
            return dx

    return Sample((Dense(), X), "object: forward(x) -> out, backward(dout), stores dW, db", affine, note="zero_grad()")


@sample
def nested_layers():
    class Linear(Base):
        def __init__(self, w):
            self.W = w

        def arrays(self):
            return self.W, 0

        def backward(self, dout):
            self.dW, _, dx = self.given(dout)
            return dx

    class Two:
        def __init__(self):
            self.layers = [Linear(W.copy()), Linear(numbers(2, 2))]

        def forward(self, x):
            for layer in self.layers:
                x = layer.forward(x)
            return x

        def backward(self, dout):
            for layer in reversed(self.layers):
                dout = layer.backward(dout)
            return dout

    def truth(v, ups):
        top = affine({"h": v["x"] @ v["layers[0].W"], "layers[1].W": v["layers[1].W"]}, ups)
        below = affine({"x": v["x"], "layers[0].W": v["layers[0].W"]}, [top["h"]])
        return {**below, "layers[1].W": top["layers[1].W"]}

    return Sample((Two(), X), "object: forward(x) -> out, backward(dout), stores layers[0].dW, layers[1].dW", truth)


@sample
def embedding_of_integers():
    class Embedding:
        def __init__(self):
            self.W = numbers(5, 2)

        def forward(self, ids):
            self.ids = ids
            return self.W[ids]

        def backward(self, dout):
            self.dW = np.zeros_like(self.W)
            np.add.at(self.dW, self.ids, dout)

    def truth(v, ups):
        dw = np.zeros((5, 2))
        np.add.at(dw, [0, 3, 3], ups[0])
        return {"W": dw}

    return Sample((Embedding(), np.array([0, 3, 3])), "object: forward(ids) -> out, backward(dout), stores dW", truth)
