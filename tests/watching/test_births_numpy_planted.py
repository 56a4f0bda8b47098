"""A NaN or an infinity is planted; the birth is told with its line, operation, place, values and step."""

import math

import numpy as np
import pytest
from numpy_birth_network import births_of, network

from gradcheck.watching.arrays.follow import Follower

BAD = 1  # the step in which it happens


def at(k, value, otherwise=1.0):
    return value if k == BAD else otherwise


def exp(net, k):
    z = net.x @ net.W + at(k, 800.0, 0.0)
    return np.exp(z).mean()


def log(net, k):
    p = np.abs(net.W) * at(k, 0.0)
    return -np.log(p).mean()


def log_negative(net, k):
    p = np.abs(net.W) * at(k, -1.0)
    return -np.log(p).sum()


def divide(net, k):
    norm = np.abs(net.W).sum(axis=0) * at(k, 0.0)
    return (net.W / norm).sum()


def zero_by_zero(net, k):
    scale = at(k, 0.0)
    return ((net.W * scale) / (net.b * scale + (scale != 0))).sum()


def root(net, k):
    variance = net.W.var(axis=0) * at(k, -1.0)
    return np.sqrt(variance).sum()


def power(net, k):
    return ((np.abs(net.W) + 1) ** at(k, 5000.0)).sum()


def reciprocal(net, k):
    return np.reciprocal(net.W * at(k, 0.0)).sum()


def matmul(net, k):
    big = net.W * at(k, 1e200)
    return (big.T @ big).sum()


def dot_method(net, k):
    big = net.W * at(k, 1e200)
    return big.T.dot(big).sum()


def dot_function(net, k):
    big = net.W * at(k, 1e200)
    return np.dot(big.T, big).sum()


def plain_dot(net, k):
    big = np.full((2, 4), at(k, 1e308))
    z = big.dot(net.W * 1e3)
    return z.sum()


def einsum(net, k):
    big = np.abs(net.W) * at(k, 1e200)
    return np.einsum("ij,ik->jk", big, big).sum()


def total(net, k):
    big = np.abs(net.W) * 0 + at(k, 1e308)
    return big.sum()


def mean_function(net, k):
    big = np.abs(net.W) * 0 + at(k, 1e308)
    return np.mean(big, axis=0).sum()


def product(net, k):
    return np.prod(np.abs(net.x) * 0 + at(k, 1e30))


def norm(net, k):
    return np.linalg.norm(net.W * at(k, 1e200))


def arctanh(net, k):
    return np.arctanh(np.tanh(net.W) * 0 + at(k, 1.0, 0.5)).sum()


def softmax(net, k):
    z = np.abs(net.x @ net.W) * at(k, 1e4)
    e = np.exp(z)
    p = e / e.sum(axis=1, keepdims=True)
    net.W -= 0.1 * (net.x.T @ p)


def subtract(net, k):
    z = net.W * at(k, 1e308) * 1.5
    return (z - np.roll(z, 1) * 2).sum()


def update(net, k):
    dW = np.ones_like(net.W) * at(k, 1e308)
    net.W -= 10.0 * dW


def update_in_place(net, k):
    net.W *= at(k, 1e308)
    net.W *= at(k, 1e10)


def backward_where(net, k):
    x = np.abs(net.W) * at(k, 0.0)
    dx = 0.5 / np.sqrt(x)
    dW = np.where(x > 0, dx, 0.0) + (dx * (x > 0))
    net.W -= 0.1 * dW


def scalar(net, k):
    loss = np.float64(at(k, 0.0))
    return np.log(loss)


def python_number(net, k):
    scale = math.inf if k == BAD else 1.0
    net.W -= 0.1 * (net.W * scale)


def data(net, k):
    batch = np.ones((2, 4))
    if k == BAD:
        batch[1, 2] = math.nan
    net.W -= 0.1 * (batch.T @ (batch @ net.W))


def written(net, k):
    h = net.x @ net.W
    if k == BAD:
        h[2, 1] = math.nan
    net.W -= 0.1 * (net.x.T @ h)


def unfollowed(net, k):
    local = np.full(3, at(k, 0.0))
    g = 1.0 / local
    net.b += g - g


def rebound(net, k):
    net.W = net.W + np.exp(net.W * 0 + at(k, 1000.0, 0.0))
    net.b = net.b * (net.W - net.W).sum()


def float32(net, k):
    net.W = (net.W.astype("f8") * 0 + at(k, 1e39)).astype("f4")
    net.b = net.b + (net.W - net.W).sum(axis=0)


CASES = [
    # step, what, operation, text of the line, an operand as told (a part)
    (exp, "Inf", "np.exp", "return np.exp(z).mean()", "z[0, 0] = "),
    (log, "Inf", "np.log", "return -np.log(p).mean()", "p[0, 0] = 0"),
    (log_negative, "NaN", "np.log", "return -np.log(p).sum()", "p[0, 0] = -0.12573"),
    (divide, "Inf", "/", "return (net.W / norm).sum()", "norm[0] = 0"),
    (root, "NaN", "np.sqrt", "return np.sqrt(variance).sum()", "variance[0] = -"),
    (power, "Inf", "**", "return ((np.abs(net.W) + 1) ** at(k, 5000.0)).sum()", "(np.abs(net.W) + 1)[0, 2] = 1.640"),
    (reciprocal, "Inf", "np.reciprocal", "return np.reciprocal(net.W * at(k, 0.0)).sum()", "[0, 0] = 0"),
    (matmul, "Inf", "@", "return (big.T @ big).sum()", "big.T[0, "),
    (dot_method, "Inf", "dot", "return big.T.dot(big).sum()", "big.T[0, "),
    (dot_function, "Inf", "np.dot", "return np.dot(big.T, big).sum()", "big.T[0, "),
    (plain_dot, "Inf", "dot", "z = big.dot(net.W * 1e3)", "big[0, 0] = 1e+308"),
    (einsum, "Inf", "np.einsum", 'return np.einsum("ij,ik->jk", big, big).sum()', "its largest entry"),
    (total, "Inf", "sum", "return big.sum()", "big[0, 0] = 1e+308"),
    (mean_function, "Inf", "np.mean", "return np.mean(big, axis=0).sum()", "big[0, 0] = 1e+308"),
    (product, "Inf", "np.prod", "return np.prod(np.abs(net.x) * 0 + at(k, 1e30))", "[0, 0] = 1e+30"),
    (norm, "Inf", "np.linalg.norm", "return np.linalg.norm(net.W * at(k, 1e200))", "its largest entry"),
    (arctanh, "Inf", "np.arctanh", "return np.arctanh(np.tanh(net.W) * 0 + at(k, 1.0, 0.5)).sum()", "= 1"),
    (softmax, "Inf", "np.exp", "e = np.exp(z)", "z["),
    (subtract, "Inf", "*", "z = net.W * at(k, 1e308) * 1.5", "(net.W * at(k, 1e+308))[2, 0] = 1.304e+308"),
    (update, "Inf", "*", "net.W -= 10.0 * dW", "dW[0, 0] = 1e+308"),
    (update_in_place, "Inf", "*=", "net.W *= at(k, 1e10)", "net.W[0, 0] was overwritten by the result"),
    (backward_where, "Inf", "/", "dx = 0.5 / np.sqrt(x)", "np.sqrt(x))[0, 0] = 0"),
    (scalar, "Inf", "np.log", "return np.log(loss)", "loss = 0"),
    (python_number, "Inf", "*", "net.W -= 0.1 * (net.W * scale)", "scale = inf"),
    (data, "NaN", "@", "net.W -= 0.1 * (batch.T @ (batch @ net.W))", "batch[1, 2] = nan"),
    (written, "NaN", "@", "net.W -= 0.1 * (net.x.T @ h)", "h[2, 1] = nan"),
    (unfollowed, "Inf", "/", "g = 1.0 / local", "local[0] = 0"),
    (rebound, "Inf", "np.exp", "net.W = net.W + np.exp(net.W * 0 + at(k, 1000.0, 0.0))", "= 1000"),
    (float32, "Inf", "astype", 'net.W = (net.W.astype("f8") * 0 + at(k, 1e39)).astype("f4")', "= 1e+39"),
]  # fmt: skip


@pytest.mark.parametrize(("step", "what", "operation", "line", "operand"), CASES, ids=[c[0].__name__ for c in CASES])
def test_a_planted_birth_is_told(step, what, operation, line, operand):
    births = births_of(step, quiet=step not in (unfollowed, scalar))
    assert len(births) == 1
    birth = births[0]
    assert (birth.what, birth.operation, birth.step) == (what, operation, BAD)
    assert birth.where.source == line
    assert birth.where.file == __file__
    assert birth.where.function == step.__name__
    assert any(operand in told for told in birth.operands), birth.operands
    assert birth.entries > 0
    assert birth.consequences


@pytest.fixture(autouse=True)
def _loud():
    with np.errstate(all="ignore"):  # as the users of these networks have it, outside the watch
        yield


def test_entries_and_the_first_index():
    def step(net, k):
        z = np.zeros_like(net.W)
        z[2, 1] = z[3, 0] = 710.0 if k else 0.0
        return np.exp(z).sum()

    (birth,) = births_of(step)
    assert (birth.entries, birth.size, birth.first_index, birth.step) == (2, 12, (2, 1), 1)
    assert birth.operands == ("z[2, 1] = 710",)


def test_consequences_are_listed_in_order_and_are_no_births():
    (birth,) = births_of(softmax)
    assert birth.consequences[0].startswith("Inf in sum at line")
    assert birth.consequences[1].startswith("NaN in / at line")
    assert birth.consequences[-1] == "W is NaN at the end of the step"


@pytest.mark.parametrize(
    ("step", "phase"), [(exp, "forward"), (update, "update"), (update_in_place, "update"), (backward_where, "backward")]
)
def test_the_phase(step, phase):
    assert births_of(step)[0].phase == phase


def test_the_phase_by_the_names_of_functions():
    class Net:
        def __init__(self):
            self.W = np.ones((3, 3))

        def backward(self, k):
            return self.W * (1e308 if k else 1.0) * 10

        def train_step(self, k):
            self.W -= self.backward(k) * 0.0

    births = births_of(Net.train_step, net=Net())
    assert [(b.phase, b.where.function.rpartition(".")[2]) for b in births] == [("backward", "backward")]


def test_float32_overflows_earlier():
    def step(net, k):
        net.b = net.b + np.exp(net.W * 0 + (100 if k else 0)).sum(axis=0)
        net.b = net.b - net.b

    births = births_of(step, net=network(np.float32))
    assert births[0].operation == "np.exp"
    assert births[0].operands == ("(net.W * 0 + (100 if k else 0))[0, 0] = 100",)


def test_after_a_parameter_has_turned_nothing_more_is_told():
    assert len(births_of(update, steps=8)) == 1


def test_a_training_that_ends_in_an_error_tells_what_was_on_its_way():
    births = []

    def step(net, k):
        z = np.log(net.W * 0 - 1.0)
        assert np.isfinite(z).all()

    net = network()
    follower = Follower(births.append)
    follower.follow(net)
    with pytest.raises(AssertionError) as caught:
        step(net, 0)
    follower.release()
    assert caught
    assert [b.operation for b in births] == ["np.log"]
    assert type(net.W) is np.ndarray
