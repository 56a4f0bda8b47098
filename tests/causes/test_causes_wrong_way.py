"""Running sums, permutations, exchanged axes and padding that a backward does not undo are named."""

import numpy as np
import pytest

from gradcheck import check_layer

RNG = np.random.default_rng(0)
ORDER = np.array([2, 0, 3, 1, 4])


def running_sum(x, w):
    return np.cumsum(x * w, axis=1), (x, w)


def forwards(d, c):
    g = np.cumsum(d, axis=1)
    return g * c[1], (g * c[0]).sum(0)


def backwards(d, c):
    g = np.cumsum(d[:, ::-1], axis=1)[:, ::-1]
    return g * c[1], (g * c[0]).sum(0)


def permuted(x):
    return np.tanh(x)[:, ORDER], np.tanh(x)


def heads(x):
    return np.tanh(x.reshape(2, 4, 3, 5).transpose(0, 2, 1, 3)), x


def padded(x, w):
    p = np.pad(x, ((0, 0), (2, 2)))
    return np.stack([p[:, i : i + x.shape[1]] @ w for i in range(5)]), (x, w)


def cropped(start):
    def backward(d, c):
        x, w = c
        n, dp, dw = x.shape[1], np.zeros((len(x), x.shape[1] + 4)), 0
        p = np.pad(x, ((0, 0), (2, 2)))
        for i in range(5):
            dp[:, i : i + n] += d[i] @ w.T
            dw = dw + p[:, i : i + n].T @ d[i]
        return dp[:, start : start + n], dw

    return backward


X, W = RNG.normal(size=(3, 5)), RNG.normal(size=5)
CASES = {
    "a running sum": (
        running_sum,
        forwards,
        backwards,
        (X, W),
        "GC233",
        "have np.cumsum(x * w, axis=1) applied once more",
    ),
    "a permutation": (
        permuted,
        lambda d, y: d[:, ORDER] * (1 - y * y),
        lambda d, y: d[:, np.argsort(ORDER)] * (1 - y * y),
        (X,),
        "GC233",
        "has np.tanh(x)[:, ORDER] applied once more, where it is to be undone",
    ),
    "heads": (
        heads,
        lambda d, x: (d * (1 - heads(x)[0] ** 2)).reshape(x.shape),
        lambda d, x: (d * (1 - heads(x)[0] ** 2)).transpose(0, 2, 1, 3).reshape(x.shape),
        (RNG.normal(size=(2, 4, 15)),),
        "GC203",
        "reshaped, where its axes are to be put back",
    ),
    "padding": (
        padded,
        cropped(0),
        cropped(2),
        (RNG.normal(size=(3, 6)), RNG.normal(size=(6, 2))),
        "GC245",
        "has the padding of np.pad(x, ((0, 0), (2, 2))) cut off at the wrong end",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_named_and_what_is_right_passes(name):
    forward, wrong, right, arrays, code, words = CASES[name]
    report = check_layer(forward, wrong, *arrays, raises=False)
    [finding] = [f for f in report.findings if f.code.startswith("GC2")]
    assert finding.code == code
    assert words in finding.title
    assert finding.help
    assert check_layer(forward, right, *arrays).ok


def softmax_loss(subtract):
    def loss(w, x, y):
        z = x @ w
        p = np.exp(z - z.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        value = -np.log(p[np.arange(len(y)), y]).mean()
        return value, x.T @ subtract(p.copy(), y) / len(y)

    return loss


def one_each(p, y):
    p[np.arange(len(y)), y] -= 1
    return p


def in_every_row(p, y):
    p[:, y] -= 1
    return p


def averaged(p, y):
    p[np.arange(len(y)), y] -= 1 / len(y)
    return p


@pytest.mark.parametrize(
    ("subtract", "words"), [(in_every_row, "subtracted in every row"), (averaged, "subtracted, divided by the number")]
)
def test_labels_that_are_subtracted_elsewhere_or_in_part_are_named(subtract, words):
    arrays = RNG.normal(size=(4, 5)), RNG.normal(size=(7, 4)), np.array([0, 2, 1, 2, 4, 0, 2])
    report = check_layer(softmax_loss(subtract), *arrays, constants=["x"], raises=False)
    [finding] = [f for f in report.findings if f.code.startswith("GC2")]
    assert finding.code == "GC242"
    assert words in finding.title
    assert check_layer(softmax_loss(one_each), *arrays, constants=["x"]).ok


def test_a_variance_over_n_for_one_over_one_less_is_named():
    def forward(x):
        centred = x - x.mean(0)
        inv = (np.sum(centred**2, 0) / (len(x) - 1) + 1e-5) ** -0.5
        return centred * inv, (centred, inv)

    def backward(over):
        def of(d, cache):
            centred, inv = cache
            dvar = -0.5 * inv**3 * (centred * d).sum(0)
            dc = inv * d + 2 * centred / over(len(d)) * dvar
            return dc - dc.mean(0)

        return of

    x = RNG.normal(size=(6, 4))
    report = check_layer(forward, backward(lambda n: n), x, raises=False)
    [finding] = [f for f in report.findings if f.code.startswith("GC2")]
    assert "(5 over 6, the batch size being 6)" in finding.title
    assert check_layer(forward, backward(lambda n: n - 1), x).ok


def test_one_operand_for_the_transposed_other_is_named():
    def forward(q, k):
        return q @ np.swapaxes(k, -1, -2), (q, k)

    def backward(d, cache):
        q, _ = cache
        return d @ q, np.swapaxes(d, -1, -2) @ q

    report = check_layer(forward, backward, RNG.normal(size=(2, 5, 3)), RNG.normal(size=(2, 5, 3)), raises=False)
    [finding] = [f for f in report.findings if f.code.startswith("GC2")]
    assert finding.code == "GC238"
    assert finding.title.startswith("dq has q.T in the place of np.swapaxes(k, -1, -2)")
