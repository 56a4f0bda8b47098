# ruff: noqa
"""Activation functions: masks, clips, branches on data, scipy.special, np.vectorize, dispatch by string."""

import math

import numpy as np
from forwards._case import Case, draws, on
from scipy import special
from scipy.special import erf, expit

draw = draws(37)


def sigmoid_stable(z):
    """Two formulas, each on its half, written through boolean masks."""
    out = np.zeros_like(z, dtype=float)
    positive = z >= 0
    out[positive] = 1 / (1 + np.exp(-z[positive]))
    exp_z = np.exp(z[~positive])
    out[~positive] = exp_z / (1 + exp_z)
    return out


def leaky_relu_assign(x, alpha=0.01):
    x = np.array(x)
    x[x < 0] *= alpha
    return x


def relu_out(x):
    buffer = np.empty_like(x)
    np.maximum(x, 0, out=buffer)
    return buffer


def relu6(x):
    return np.minimum(np.maximum(x, 0.0), 6.0)


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * (np.exp(np.minimum(x, 0)) - 1))


def selu(x):
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    mask = (x > 0).astype(x.dtype)
    return scale * (mask * x + (1 - mask) * alpha * np.expm1(x))


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * np.power(x, 3))))


def gelu_erf(x):
    return x * 0.5 * (1.0 + erf(x / np.sqrt(2.0)))


def swish(x, beta):
    return x * expit(beta * x)


def mish(x):
    return x * np.tanh(np.log1p(np.exp(x)))


def softplus(x):
    return np.logaddexp(x, 0)


def softsign_and_friends(x):
    return x / (1 + np.abs(x)) + np.arctan(x) + np.sinh(x) / np.cosh(x) - np.square(np.clip(x, -0.7, 0.7))


def hard_sigmoid(x):
    return np.clip(0.2 * x + 0.5, 0.0, 1.0)


def prelu(x, a):
    pos = np.maximum(x, 0)
    neg = a[:, np.newaxis, np.newaxis] * (x - np.abs(x)) * 0.5
    return pos + neg


def sigmoid_scalar(x):
    return 1 / (1 + math.exp(-x))


sigmoid_v = np.vectorize(sigmoid_scalar)


def relu_scalar(x):
    return max(0.0, x)


relu_v = np.vectorize(relu_scalar, otypes=[float])


@np.vectorize
def bent(x):
    if x > 1:
        return 2 * x - 1
    elif x < -1:
        return -0.5
    return (math.sqrt(x**2 + 1) - 1) / 2 + x


def apply_scalar_functions(x):
    return sigmoid_v(x) + relu_v(x) * bent(x)


def piecewise(x):
    return np.piecewise(x, [x < -1, (x >= -1) & (x < 1), x >= 1], [-0.5, lambda t: t**3 / 2, lambda t: t - 0.5])


def selected(x):
    conditions = [x < -0.5, x < 0.5]
    choices = [np.exp(x), x**2 + x]
    return np.select(conditions, choices, default=np.log(np.abs(x) + 1))


def rowwise_softmax(x, temperature):
    return np.apply_along_axis(lambda row: np.exp(row / temperature[0]) / np.sum(np.exp(row / temperature[0])), 1, x)


def log_softmax(x):
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def sparsemax(z):
    """Sort, cumulative sum, count the support, threshold."""
    z_sorted = np.sort(z, axis=-1)[:, ::-1]
    cumulative = np.cumsum(z_sorted, axis=-1)
    k = np.arange(1, z.shape[-1] + 1)
    support = 1 + k * z_sorted > cumulative
    k_z = support.sum(axis=-1)
    tau = (cumulative[np.arange(len(z)), k_z - 1] - 1) / k_z
    return np.maximum(z - tau[:, None], 0)


def glu(x):
    a, b = np.split(x, 2, axis=-1)
    return a * (1 / (1 + np.exp(-b)))


def crelu(x):
    return np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], axis=1)


class Activation:
    functions = {
        "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        "tanh": lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)),
        "arctan": np.arctan,
        "snake": lambda x: x + np.sin(x) ** 2,
        "celu": staticmethod(lambda x: np.maximum(0, x) + np.minimum(0, np.exp(x) - 1)),
    }

    def __init__(self, name):
        try:
            self.f = self.functions[name]
        except KeyError:
            raise ValueError(f"unknown activation {name}") from None

    def __call__(self, x):
        return self.f(x)


def by_name(x, names):
    outs = []
    for name in names:
        outs.append(Activation(name)(x))
    return np.stack(outs)


def threshold_with_where_kw(x):
    safe = np.zeros_like(x)
    np.log(x, out=safe, where=x > 0.5)
    return safe + np.divide(1.0, x, out=np.ones_like(x), where=np.abs(x) > 0.3)


def lut_and_mod(x):
    """A periodic triangle: floor and remainder have slope 0 and 1."""
    phase = x - np.floor(x)
    return np.where(phase < 0.5, phase, 1 - phase) * np.sign(x) + np.fmod(x, 2.0) + x % 0.7


def relu_in_place_multiply(x):
    x = 1.0 * x
    x *= x > 0
    return x


class Maxima:
    """Hidden layer whose unit type is chosen by a property."""

    def __init__(self, kind, draw):
        self._kind = kind
        self.W = draw(3, 4)

    @property
    def nonlinearity(self):
        return getattr(self, "_" + self._kind)

    @staticmethod
    def _lse(z):
        return special.logsumexp(z, axis=1, keepdims=True)

    def _norm(self, z):
        return np.linalg.norm(z, axis=1)

    def forward(self, x):
        return self.nonlinearity(x @ self.W)


lse_unit, norm_unit = Maxima("lse", draw), Maxima("norm", draw)
unit_x = draw(5, 3)

CASES = [
    on(sigmoid_stable, draw(3, 4), wrt="z"),
    on(leaky_relu_assign, draw(3, 4), wrt="x"),
    on(relu_out, draw(3, 4), wrt="x"),
    on(relu6, 4 * draw(3, 4), wrt="x"),
    on(elu, draw(3, 4), wrt="x"),
    on(selu, draw(3, 4), wrt="x"),
    on(gelu_tanh, draw(3, 4), wrt="x"),
    on(gelu_erf, draw(3, 4), wrt="x"),
    on(swish, draw(3, 4), np.array(1.3), wrt="x beta"),
    on(mish, draw(3, 4), wrt="x"),
    on(softplus, draw(3, 4), wrt="x"),
    on(softsign_and_friends, draw(3, 4), wrt="x"),
    on(hard_sigmoid, 2 * draw(3, 4), wrt="x"),
    on(prelu, draw(2, 3, 2, 2), draw(3), wrt="x a"),
    on(apply_scalar_functions, draw(2, 3), wrt="x"),
    on(piecewise, draw(3, 4), wrt="x"),
    on(selected, draw(3, 4), wrt="x"),
    on(rowwise_softmax, draw(3, 4), np.array([0.8]), wrt="x temperature"),
    on(log_softmax, draw(3, 4), wrt="x"),
    on(sparsemax, draw(3, 4), wrt="z"),
    on(glu, draw(3, 6), wrt="x"),
    on(crelu, draw(3, 4), wrt="x"),
    on(by_name, draw(2, 3), ["sigmoid", "tanh", "arctan", "snake", "celu"], wrt="x"),
    on(threshold_with_where_kw, np.abs(draw(3, 4)) + 0.05, wrt="x"),
    on(lut_and_mod, draw(3, 4), wrt="x"),
    on(relu_in_place_multiply, draw(3, 4), wrt="x"),
    Case("property chooses logsumexp", lambda: lse_unit.forward(unit_x), {"x": unit_x, "W": lse_unit.W}),
    Case("property chooses norm", lambda: norm_unit.forward(unit_x), {"x": unit_x, "W": norm_unit.W}),
]
