"""A derivative planted wrong at one line of a forward is named, with the line; the whole backward is hand-written."""

import sys

import numpy as np
import pytest

from gradcheck import GradcheckError, check_layer, check_network, from_update
from gradcheck.report import Finding, Report


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def the_cause(report: Report) -> Finding:
    assert not report.ok
    causes = [f for f in report.findings if f.code.startswith("GC2") and f.severity == "error"]
    assert len(causes) == 1, [f"{f.code} {f.title}" for f in report.findings]
    return causes[0]


def source_of(finding: Finding) -> str:
    assert finding.where is not None
    return finding.where.source


def embedding(table, ids):
    return table[ids], (table.shape, ids)


def embedding_backward(d, cache):
    shape, ids = cache
    dtable = np.zeros(shape)
    dtable[ids] = d
    return dtable, None


def test_repeated_indices_overwritten():
    cause = the_cause(check_layer(embedding, embedding_backward, normal(6, 3), np.array([0, 2, 2, 5, 0])))
    assert (cause.code, cause.gradient) == ("GC237", "dtable")
    assert cause.title == "dtable has entries overwritten that table[ids] reads more than once"
    assert source_of(cause) == "return table[ids], (table.shape, ids)"
    assert "np.add.at" in cause.help[0]


def max_pool(x):
    n = (x.shape[0] - 3) // 2 + 1
    out = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            window = x[2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            out[i, j] = window.max()
    return out, x


def max_pool_backward(d, x):
    dx = np.zeros_like(x)
    for i in range(d.shape[0]):
        for j in range(d.shape[1]):
            window = x[2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            a, b = np.unravel_index(window.argmax(), window.shape)
            dx[2 * i + a, 2 * j + b] = d[i, j]
    return dx


def test_overlapping_windows_overwritten():
    cause = the_cause(check_layer(max_pool, max_pool_backward, normal(9, 9)))
    assert cause.code == "GC237"
    assert source_of(cause) == "window = x[2 * i : 2 * i + 3, 2 * j : 2 * j + 3]"


def recurrent(x, wx, wh, b):
    h = np.zeros((x.shape[0], wh.shape[0]))
    states = [h]
    for t in range(x.shape[1]):
        a = x[:, t] @ wx
        r = h @ wh
        h = np.tanh(a + r + b)
        states.append(h)
    return h, (x, wx, wh, states)


def recurrent_backward(carries=True, adds=True):
    def backward(dh, cache):
        x, wx, wh, states = cache
        dx, dwx, dwh, db = np.zeros_like(x), np.zeros_like(wx), np.zeros_like(wh), np.zeros(wh.shape[0])
        for t in reversed(range(x.shape[1])):
            dz = dh * (1 - states[t + 1] ** 2)
            dx[:, t] = dz @ wx.T
            dwx = dwx * adds + x[:, t].T @ dz
            dwh += states[t].T @ dz
            db += dz.sum(axis=0)
            dh = dz @ wh.T if carries else 0 * dz
        return dx, dwx, dwh, db

    return backward


RECURRENT = normal(4, 5, 3), normal(3, 6), 0.3 * normal(6, 6), normal(6)


def test_the_step_before_gets_nothing():
    cause = the_cause(check_layer(recurrent, recurrent_backward(carries=False), *RECURRENT))
    assert cause.code == "GC236"
    assert cause.title == "all 4 gradients lack what goes back through h @ wh to h"
    assert source_of(cause) == "r = h @ wh"
    assert any("the last round of a + r + b alone" in line for line in cause.evidence)


def test_only_one_round_of_a_loop_counts():
    cause = the_cause(check_layer(recurrent, recurrent_backward(adds=False), *RECURRENT))
    assert (cause.code, cause.gradient) == ("GC235", "dwx")
    assert cause.title == "dwx has only the first round of the loop around x[:, t] @ wx to wx"
    assert cause.help == ("add up what goes back in every round: += in place of =",)


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return p, p


SOFTMAX = {
    "its diagonal": (lambda d, p: d * p * (1 - p), "GC233", "yours is p (1 - p)"),
    "left out": (lambda d, p: d, "GC232", "yours is 1"),
    "along the batch": (lambda d, p: p * (d - (d * p).sum(axis=0)), "GC244", "your backward sums over axis 0"),
}


@pytest.mark.parametrize("name", SOFTMAX)
@pytest.mark.parametrize("seed", range(3))
def test_softmax(name, seed):
    backward, code, does = SOFTMAX[name]
    cause = the_cause(check_layer(softmax, backward, normal(4, 5, seed=seed)))
    assert cause.code == code
    assert "p by x" in cause.title
    assert cause.cause[0].startswith(does)


def residual(x, w):
    h = np.tanh(x @ w)
    return x + h, (x, w, h)


def residual_backward(d, cache):
    x, w, h = cache
    dz = d * (1 - h**2)
    return dz @ w.T, x.T @ dz


def test_a_residual_branch_forgotten():
    cause = the_cause(check_layer(residual, residual_backward, normal(4, 5), normal(5, 5)))
    assert (cause.code, cause.title) == ("GC236", "dx lacks what goes back through x + h to x")


def batch_norm(x, gamma, beta):
    mean = x.mean(axis=0)
    var = x.var(axis=0)
    centred = x - mean
    std = np.sqrt(var + 1e-5)
    normed = centred / std
    return gamma * normed + beta, (normed, gamma, std)


def batch_norm_backward(kind):
    def backward(d, cache):
        normed, gamma, std = cache
        g = d if kind == "gamma" else d * gamma
        dx = g.copy()
        if kind != "mean":
            dx -= g.mean(axis=0)
        if kind != "var":
            dx -= normed * (g * normed).mean(axis=0)
        return dx / std, (d * normed).sum(axis=0), d.sum(axis=0)

    return backward


NORM = {
    "gamma": ("GC232", "dx lacks the derivative of gamma * normed by normed"),
    "var": ("GC230", "dx lacks what goes back through x.var(axis=0)"),
    "mean": ("GC230", "dx lacks what goes back through x.mean(axis=0)"),
}


@pytest.mark.parametrize("kind", NORM)
@pytest.mark.parametrize("seed", range(3))
def test_batch_norm_without_one_of_its_terms(kind, seed):
    inputs = normal(8, 4, seed=seed), 1 + 0.3 * normal(4, seed=seed), normal(4, seed=seed + 1)
    cause = the_cause(check_layer(batch_norm, batch_norm_backward(kind), *inputs))
    assert (cause.code, cause.title) == NORM[kind]


def dropout(x):
    mask = (np.random.rand(*x.shape) < 0.7) / 0.7
    return x * mask, mask


DROPOUT = {
    "ignored": (lambda d, mask: d, "GC232", "dx lacks the derivative of x * mask"),
    "twice": (lambda d, mask: d * mask * mask, "GC234", "dx has the derivative of x * mask twice"),
}


@pytest.mark.parametrize("kind", DROPOUT)
def test_a_dropout_mask(kind):
    backward, code, title = DROPOUT[kind]
    cause = the_cause(check_layer(dropout, backward, normal(4, 5)))
    assert (cause.code, cause.title) == (code, title)


def logistic(x):
    s = 1 / (1 + np.exp(-x))
    return s, s


def at_its_output(d, s):
    again, _ = logistic(s)
    return d * again * (1 - again)


LOGISTIC = {"of its output": (at_its_output, "sigmoid(s) (1 - sigmoid(s))"), "half of it": (lambda d, s: d * s, "s")}


@pytest.mark.parametrize("kind", LOGISTIC)
def test_another_function_for_the_derivative_of_a_line(kind):
    backward, name = LOGISTIC[kind]
    cause = the_cause(check_layer(logistic, backward, normal(4, 5)))
    assert cause.code == "GC233"
    assert cause.cause[0].startswith(f"yours is {name}; the derivative is s (1 - s)")
    assert source_of(cause) == "s = 1 / (1 + np.exp(-x))"


def test_a_square_weight_that_is_not_transposed():
    report = check_layer(
        lambda x, w: (x @ w, (x, w)), lambda d, cache: (d @ cache[1], cache[0].T @ d), normal(4, 5), normal(5, 5)
    )
    cause = the_cause(report)
    assert (cause.code, cause.title) == ("GC238", "dx has w transposed in what goes down through it")


class Network:
    """Two layers, a squared error by default, one backward that updates the weights."""

    def __init__(self, kind="right"):
        self.kind = kind
        self.w1, self.w2 = 0.7 * normal(4, 6), 0.7 * normal(6, 3)

    def forward(self, x):
        self.h = np.tanh(x @ self.w1)
        return self.h @ self.w2

    def loss(self, x, y):
        return 0.5 * np.sum((self.forward(x) - y) ** 2)

    def train_step(self, x, y):
        out = self.forward(x)
        delta = out - y
        dw2 = self.h.T @ delta
        if self.kind == "updated":
            self.w2 -= 0.01 * dw2
        below = delta @ self.w2.T
        if self.kind != "no derivative":
            below = below * (1 - self.h**2)
        if self.kind != "updated":
            self.w2 -= 0.01 * dw2
        self.w1 -= 0.01 * x.T @ below


def checked(network):
    x, y = normal(5, 4), normal(5, 3)
    return check_network(
        network, loss=lambda: network.loss(x, y), gradients=from_update(lambda: network.train_step(x, y), lr=0.01)
    )


def test_through_a_whole_network_with_one_backward():
    assert checked(Network()).ok
    cause = the_cause(checked(Network("no derivative")))
    assert (cause.code, cause.gradient) == ("GC232", "dw1")
    assert source_of(cause) == "self.h = np.tanh(x @ self.w1)"
    cause = the_cause(checked(Network("updated")))
    assert cause.code == "GC241"
    assert cause.title == "dw1 has w2 after its update in what goes down through it"
    assert cause.help == ("compute what goes down through w2 first, then update it",)


class Classifier:
    """Softmax and a squared error, with cross-entropy's gradient."""

    def __init__(self):
        self.w, self.b = normal(4, 3), normal(3)

    def loss(self, x, y):
        z = x @ self.w + self.b
        self.p, _ = softmax(z)
        return 0.5 * np.sum((self.p - y) ** 2) / len(x)

    def backward(self, x, y):
        self.loss(x, y)
        delta = (self.p - y) / len(x)
        return {"w": x.T @ delta, "b": delta.sum(axis=0)}


def test_the_gradient_of_another_loss():
    network, x, y = Classifier(), normal(5, 4), np.eye(3)[[0, 2, 1, 1, 0]]
    cause = the_cause(check_network(network, loss=lambda: network.loss(x, y), gradients=lambda: network.backward(x, y)))
    assert cause.code == "GC251"
    assert cause.title == "dw and db belong to another loss: softmax and cross-entropy by the logits"


def test_labels_in_a_column_make_a_square():
    def loss(p, y):
        return np.sum(-np.log(p[range(len(p)), y])), None

    def backward(d, cache):
        return d * normal(5, 3), None

    report = check_layer(
        loss, backward, 0.1 + np.random.default_rng(0).random((5, 3)), np.array([[0], [1], [2], [1], [0]])
    )
    crossed = [f for f in report.findings if f.code == "GC255"]
    assert [f.severity for f in crossed] == ["warning"]
    assert crossed[0].title.startswith("p[range(len(p)), y] makes 5×5 numbers of 5")


def test_no_cause_is_named_where_none_explains():
    report = check_layer(lambda x: (np.sin(x), x), lambda d, x: d * (np.cos(x) + normal(4, 5, seed=7)), normal(4, 5))
    assert not report.ok
    assert [f.code for f in report.findings if f.severity == "error"] == []


def cross_entropy(z, y):
    p, _ = softmax(z)
    return -np.log(p[np.arange(len(z)), y]).mean(), (p, y)


def shifted_labels(d, cache):
    p, y = cache
    dz = p.copy()
    dz[np.arange(len(p)), np.roll(y, 1)] -= 1
    return d * dz / len(p), None


def test_labels_off_by_one():
    cause = the_cause(check_layer(cross_entropy, shifted_labels, normal(6, 3), np.array([0, 1, 2, 1, 1, 0])))
    assert (cause.code, cause.title) == ("GC242", "dz is the gradient for y shifted by one")


def weighted(x, w, options):
    return x * w ** options["power"], (x, w)


def weighted_backward(d, cache):
    x, w = cache
    return d * w, (d * x * 2 * w).sum(axis=0)


def test_an_option_ignored_in_one_gradient():
    options = {"power": 2}
    cause = the_cause(check_layer(weighted, weighted_backward, normal(5, 4), normal(4), options))
    assert (cause.code, cause.title) == ("GC243", "dx is the gradient for power = 1; the forward has power = 2")
    assert options == {"power": 2}


def test_a_budget_of_zero_looks_for_no_cause_and_another_is_refused():
    arguments = softmax, SOFTMAX["its diagonal"][0], normal(4, 5)
    report = check_layer(*arguments, budget=0)
    assert not report.ok
    assert report.findings == ()
    assert the_cause(check_layer(*arguments, budget=5000)).code == "GC233"
    with pytest.raises(GradcheckError, match="budget: it must be a whole number of evaluations from 0 up, not -1"):
        check_layer(*arguments, budget=-1)


def test_an_interrupted_search_gives_what_was_found_so_far(monkeypatch):
    def network(x, w1, w2):
        h = np.tanh(x @ w1)
        return h @ w2, (x, w1, w2, h)

    def backward(d, cache):
        x, w1, w2, h = cache
        return (d @ w2.T) @ w1.T * 3.3, x.T @ (d @ w2.T), -(h.T @ d)

    arguments = network, backward, normal(5, 4), normal(4, 6), normal(6, 3)
    assert {f.code for f in check_layer(*arguments).findings} >= {"GC202", "GC232"}
    searching = sys.modules["gradcheck.causes.search"]
    best, calls = searching._best, []

    def interrupted(*args):
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return best(*args)

    monkeypatch.setattr(searching, "_best", interrupted)
    report = check_layer(*arguments)
    assert len(calls) == 3
    assert sorted(f.code for f in report.findings if f.severity == "error") == ["GC202", "GC232"]


def test_an_interrupt_before_anything_was_found_is_the_callers(monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["gradcheck.causes.search"], "_best", interrupted)
    with pytest.raises(KeyboardInterrupt):
        check_layer(softmax, SOFTMAX["its diagonal"][0], normal(4, 5))


def test_what_is_right_at_special_values_is_explained_where_it_is_wrong():
    w = normal(4, 4)
    report = check_layer(
        lambda x, w: (x @ w, (x, w)), lambda d, cache: (d @ cache[1], cache[0].T @ d), normal(5, 4), w + w.T
    )
    cause = the_cause(report)
    assert (cause.code, cause.title) == ("GC238", "dx has w transposed in what goes down through it")
    assert cause.cause[0] == "it is right at the values given, and shows at other values of its arrays"
    assert "is above its limit" not in str(report)


def slide(x, w):
    rows, columns = x.shape[0] - w.shape[0] + 1, x.shape[1] - w.shape[1] + 1
    out = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            out[i, j] = np.sum(x[i : i + w.shape[0], j : j + w.shape[1]] * w)
    return out, (x, w)


def slide_backward(kind):
    def backward(d, cache):
        x, w = cache
        dx, dw = np.zeros_like(x), np.zeros_like(w)
        for i in range(d.shape[0]):
            for j in range(d.shape[0] if kind == "height" else d.shape[1]):
                a, b = (j, i) if kind == "exchange" else (i, j)
                dx[a : a + 2, b : b + 2] += d[i, j] * w
                dw += d[i, j] * x[i : i + 2, j : j + 2]
        return dx, dw

    return backward


def test_height_used_for_width():
    cause = the_cause(check_layer(slide, slide_backward("height"), normal(4, 6), normal(2, 2)))
    assert cause.code == "GC245"
    assert cause.title.startswith("dx and dw have the height taken for the width in the loop around ")


def centred(x):
    out = np.zeros(x.shape)
    for i, row in enumerate(x):
        mean = sum(row) / len(row)
        for j in range(len(row)):
            out[i, j] = (row[j] - mean) ** 2
    return out


def centred_backward(d, x):
    return 2 * d * (x - x.mean(axis=1, keepdims=True))


def test_a_running_sum_that_is_cut_is_no_height_taken_for_the_width():
    cause = the_cause(check_layer(centred, centred_backward, normal(3, 4)))
    assert (cause.code, cause.title) == ("GC230", "dx lacks what goes back through sum(row)")


def test_rows_and_columns_exchanged():
    cause = the_cause(check_layer(slide, slide_backward("exchange"), normal(5, 5), normal(2, 2)))
    assert (cause.code, cause.gradient) == ("GC245", "dx")
    assert cause.title.endswith("with rows and columns exchanged")


def strided(x, w, stride):
    return np.array([x[i * stride : i * stride + 3] @ w for i in range((len(x) - 3) // stride + 1)]), (x, w, stride)


def strided_backward(d, cache):
    x, w, stride = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i, g in enumerate(d):
        dx[i : i + 3] += g * w
        dw += g * x[i * stride : i * stride + 3]
    return dx, dw


def test_a_forgotten_stride():
    cause = the_cause(check_layer(strided, strided_backward, normal(11), normal(3), 2))
    assert (cause.code, cause.title) == (
        "GC245",
        "dx has the windows x[i * stride : i * stride + 3] without the stride",
    )


class SelfUpdating:
    def __init__(self):
        self.W = normal(4, 3)

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, d):
        self.dW = self.x.T @ d
        self.W -= 0.1 * self.dW
        return d @ self.W.T


def test_weights_updated_before_the_gradient_goes_down_where_no_step_is_known():
    cause = the_cause(check_layer(SelfUpdating(), normal(6, 4)))
    assert (cause.code, cause.title) == ("GC241", "dx has W after its update in what goes down through it")


def test_a_deliberate_deviation_is_accepted_where_its_cause_explains_it_exactly():
    allow = dict.fromkeys(("dx", "dwx", "dwh", "db"), "GC236")
    truncated = check_layer(recurrent, recurrent_backward(carries=False), *RECURRENT, allow=allow)
    assert truncated.ok
    assert {g.reason for g in truncated.gradients} == {"deliberate: GC236"}
    assert not check_layer(recurrent, recurrent_backward(adds=False), *RECURRENT, allow=allow).ok
    fused = softmax, lambda d, p: d, normal(4, 5)
    assert check_layer(*fused, allow={"dx": "GC232"}).ok
    odd = check_layer(softmax, lambda d, p: 1.01 * d, normal(4, 5), allow={"dx": "GC232"})
    assert not odd.ok
    assert [f.title for f in odd.findings] == ["dx lacks the derivative of p by x, 1.01 times"]
    assert odd.findings[0].likely
