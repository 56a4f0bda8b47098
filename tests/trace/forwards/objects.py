# ruff: noqa
"""Small frameworks: registries, lazy weights, named tuples, class attributes, tapes, dispatch on types."""

import operator
from abc import ABC, abstractmethod
from collections import deque
from functools import cached_property, reduce, singledispatch
from types import SimpleNamespace
from typing import NamedTuple

import forwards._shared_functions
import numpy as np
from forwards._case import Case, draws, on

draw = draws(157)


class Layer(ABC):
    registry = {}

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        Layer.registry[cls.__name__.lower()] = cls

    @abstractmethod
    def forward(self, x): ...

    def __call__(self, *args, **kwargs):
        return self.forward(*args, **kwargs)


class Dense(Layer):
    def __init__(self, W, b):
        self.params = {"W": W, "b": b}
        self.buffer = None

    def forward(self, x):
        if self.buffer is None or self.buffer.shape[0] != x.shape[0]:
            self.buffer = np.empty((x.shape[0], self.params["W"].shape[1]))
        np.dot(x, self.params["W"], out=self.buffer)
        np.add(self.buffer, self.params["b"], out=self.buffer)
        return self.buffer


class Tanh(Layer):
    def forward(self, x):
        self.out = np.tanh(x)
        return self.out


class Residual(Layer):
    def __init__(self, *layers):
        self.layers = layers

    def forward(self, x):
        return x + reduce(lambda a, layer: layer(a), self.layers, x)


class LazyDense:
    """The weight's shape is only known at the first call, then it is rescaled from a template."""

    __slots__ = ("template", "units", "W")

    def __init__(self, template, units):
        self.template, self.units = template, units

    def __call__(self, x):
        if not hasattr(self, "W"):
            self.W = self.template[: x.shape[1], : self.units] * np.sqrt(2.0 / x.shape[1])
        return x @ self.W


class Theta(NamedTuple):
    w: np.ndarray
    b: np.ndarray


def functional_params(params, x):
    for w, b in params[:-1]:
        x = np.tanh(x @ w + b)
    last = params[-1]
    return x @ last.w + last.b


class Config:
    """Weights as class attributes, read through the instance."""

    W = draw(3, 2)
    scale = 0.5

    @classmethod
    def scaled(cls, x):
        return cls.scale * (x @ cls.W)

    @staticmethod
    def act(z):
        return forwards._shared_functions.sigmoid(z)

    def run(self, x):
        return self.act(self.scaled(x)) + self.regulariser

    @cached_property
    def regulariser(self):
        return 0.1 * np.sum(self.W**2)


def tape_operations(tape, x, w):
    """Strings in a list decide what happens."""
    stack = deque()
    env = {"x": x, "w": w}
    ops = {
        "+": operator.add,
        "*": operator.mul,
        "@": operator.matmul,
        "sin": np.sin,
        "T": lambda a: a.T,
        "-": operator.sub,
    }
    for token in tape.split():
        if token in env:
            stack.append(env[token])
        elif token in ("sin", "T"):
            stack.append(ops[token](stack.pop()))
        else:
            right, left = stack.pop(), stack.pop()
            stack.append(ops[token](left, right))
    return stack.pop()


class LegacyTrainer:
    def __init__(self, draw):
        self.net = SimpleNamespace(w=[draw(3, 4), draw(4, 2)], act=[np.tanh, None])

    def propagate(self, data):
        layer = data
        for w, act in zip(self.net.w, self.net.act):
            layer = np.dot(layer, w)
            layer = layer if act is None else act(layer)
        return layer


@singledispatch
def emit(x):
    raise TypeError(type(x))


@emit.register
def _(x: list):
    return np.concatenate([emit(item) for item in x])


@emit.register
def _(x: np.ndarray):
    return x.ravel() ** 2


registered = Residual(Layer.registry["dense"](draw(3, 3), draw(3)), Layer.registry["tanh"]())
registered_x = draw(2, 3)
lazy, lazy_x = LazyDense(draw(4, 4), 2), draw(3, 3)
thetas = [Theta(draw(2, 3), draw(3)), Theta(draw(3, 1), draw(1))]
theta_x = draw(4, 2)
config, config_x = Config(), draw(4, 3)
legacy, legacy_x = LegacyTrainer(draw), draw(2, 3)
nested = [draw(2), [draw(1, 2), draw(3)]]

CASES = [
    Case("registry of layers", lambda: registered(registered_x), {"x": registered_x, **registered.layers[0].params}),
    Case("__slots__ and a lazy weight", lambda: lazy(lazy_x), {"x": lazy_x, "template": lazy.template}),
    Case(
        "named tuples", lambda: functional_params(thetas, theta_x), {"x": theta_x, "w0": thetas[0].w, "b1": thetas[1].b}
    ),
    Case("class attributes", lambda: config.run(config_x), {"x": config_x, "W": Config.W}),
    on(tape_operations, "x w @ sin x T @ w T x T * -", draw(3, 3), draw(3, 3), wrt="x w"),
    Case(
        "SimpleNamespace",
        lambda: legacy.propagate(legacy_x),
        {"x": legacy_x, "w0": legacy.net.w[0], "w1": legacy.net.w[1]},
    ),
    Case("singledispatch", lambda: emit(nested), {"a": nested[0], "b": nested[1][0], "c": nested[1][1]}),
]
