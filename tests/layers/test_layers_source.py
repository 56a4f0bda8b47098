# ruff: noqa: RET504  (returned names are what is tested)
"""What is read from a function's source, and what is left alone where there is none."""

import functools

from gradcheck.layers.source import returned_names, unpacked_names


class Layer:
    def backward(self, dout):
        self.dW = dout
        self.grads = {"b": dout}
        return dout, self.dW, self.grads["b"], dout + 1

    def __call__(self, x):
        out = x
        return out


def nested(x):
    def inner(y):
        return y, y

    h, c = inner(x)
    return h, c


def unpacks(dout, cache):
    x, w = cache
    dh, dc = dout
    return x, w, dh, dc


def test_returned_names():
    assert returned_names(Layer().backward) == ["dout", "dW", "b", None]
    assert returned_names(Layer()) == ["out"]
    assert returned_names(nested) == ["h", "c"]
    assert returned_names(functools.partial(unpacks, 1)) == ["x", "w", "dh", "dc"]
    assert returned_names(lambda x, w: (x, w, x * w)) == ["x", "w", None]


def test_no_source():
    namespace = {}
    exec("def made(x):\n    return x, x", namespace)
    assert returned_names(namespace["made"]) is None
    assert returned_names(len) is None


def test_two_lambdas_of_one_line_and_signature_are_not_told_apart():
    pair = (lambda x: (x, 1), lambda x: (1, x))
    assert returned_names(pair[0]) is None


def test_unpacked_names():
    assert unpacked_names(unpacks, "cache") == ["x", "w"]
    assert unpacked_names(unpacks, "dout") == ["dh", "dc"]
    assert unpacked_names(unpacks, "nothing") is None
