"""A part of a gradient that is so many times what it should be is called that, and nothing more far-fetched."""

import numpy as np
import pytest

from gradcheck import check_layer


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def first(report):
    assert [f.code for f in report.findings][:1] != []
    return report.findings[0]


LABELS = np.array([0, 3, 1, 1, 2, 0, 3])


def softmax_loss(over, n_or_d):
    def loss(w, x, y):
        n, scores = len(x), x @ w
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        value = -np.sum(np.log(p[np.arange(n), y])) / n + 0.05 * np.sum(w * w)
        p[np.arange(n), y] -= 1
        return value, x.T @ p / x.shape[n_or_d] * over + 0.1 * w

    return loss


def svm_loss(w, x, y):
    n, scores = len(x), x @ w
    margins = np.maximum(0, scores - scores[np.arange(n), y][:, None] + 1)
    margins[np.arange(n), y] = 0
    mask = (margins > 0).astype(float)
    mask[np.arange(n), y] -= mask.sum(axis=1)
    return margins.sum() / n + 0.3 * np.sum(w * w), x.T @ mask + 0.6 * w


def test_a_data_term_over_the_wrong_size_beside_a_penalty():
    found = first(check_layer(softmax_loss(1, 1), normal(5, 4), normal(7, 5), LABELS))
    assert found.code == "GC231"
    assert "1.4 times (the batch size, 7, over the length of axis 0 of w, 5)" in found.title


def test_a_data_term_that_is_summed_beside_a_penalty_is_no_other_loss():
    found = first(check_layer(svm_loss, normal(5, 4), normal(7, 5), LABELS))
    assert found.code == "GC231"
    assert "7 times (the batch size, 7)" in found.title


def test_a_term_that_is_not_divided_by_the_batch():
    def forward(x):
        mean, var = x.mean(axis=0), x.var(axis=0)
        return (x - mean) / np.sqrt(var + 1e-5), (x, mean, var)

    def backward(dout, cache):
        x, mean, var = cache
        dvar = np.sum(dout * (x - mean) * -0.5 * (var + 1e-5) ** -1.5, axis=0)
        dmean = np.sum(-dout / np.sqrt(var + 1e-5), axis=0)
        return dout / np.sqrt(var + 1e-5) + dvar * 2 * (x - mean) + dmean / len(x)

    found = first(check_layer(forward, backward, normal(6, 4)))
    assert found.code == "GC231"
    assert "x.var(axis=0) 6 times (the batch size, 6)" in found.title


@pytest.mark.parametrize(("times", "meant"), [(15, "(for another number of entries of pred too)"), (1, "")])
def test_a_mean_over_all_entries(times, meant):
    def forward(pred, target):
        e = pred - target
        return np.mean(np.where(np.abs(e) <= 1, 0.5 * e**2, np.abs(e) - 0.5)), e

    def backward(dloss, e):
        g = times * dloss * np.clip(e, -1, 1) / e.size
        return g, -g

    report = check_layer(forward, backward, 2 * normal(5, 3), normal(5, 3, seed=1))
    assert report.ok if times == 1 else (first(report).code == "GC201" and meant in first(report).title)


def test_an_input_in_the_place_of_what_was_made_of_it():
    def forward(h, r, u):
        return (r * h) @ u, (h, r, u)

    def backward(dout, cache):
        h, r, u = cache
        d = dout @ u.T
        return d * r, d * h, h.T @ dout

    found = first(check_layer(forward, backward, normal(3, 5), normal(3, 5, seed=1), normal(5, 5, seed=2)))
    assert (found.code, found.gradient) == ("GC238", "du")
    assert "has h in the place of r * h" in found.title


def test_a_constant_factor_of_samples_that_do_not_all_count_is_no_matter_of_rows():
    def forward(a, p, n):
        loss = np.maximum(((a - p) ** 2).sum(axis=1) - ((a - n) ** 2).sum(axis=1) + 1, 0)
        return loss.mean(), (a, p, n, loss)

    def backward(dloss, cache):
        a, p, n, loss = cache
        m = dloss * (loss > 0)[:, None] / len(a)
        return 2 * m * (n - p), 2 * m * (p - a), m * (a - n)

    a, p, n = normal(6, 3), normal(6, 3, seed=1), normal(6, 3, seed=2)
    n[0] = a[0] + 9  # far away: the first sample has no gradient
    found = first(check_layer(forward, backward, a, p, n))
    assert (found.code, found.title) == ("GC201", "dn is 1/2 times the true gradient")


def test_a_wrong_gradient_through_complex_numbers_ends_in_a_report():
    def forward(x):
        f = np.fft.rfft(x, axis=1)
        return np.abs(f) ** 2, (f, x.shape[1])

    def backward(dout, cache):
        f, n = cache
        return np.fft.irfft(2 * dout * f, n, axis=1) * n  # the inner frequencies count twice

    report = check_layer(forward, backward, normal(3, 8))
    assert [g.verdict for g in report.gradients] == ["wrong"]
