"""What a cause calls the place and the axis: the statement that is meant, the axis that time runs along."""

import numpy as np

from gradcheck import check_layer

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(5, 4)), RNG.normal(size=(4, 3))


# fmt: off
def two_statements(x, w):
    z = np.clip(x @ w, -1, 1); y = np.log(np.clip(z * 0.4 + 0.5, 0.01, 1))  # noqa: E702 - on one line
    return y, (x, w, z)


def in_one_line(x): return np.tanh(np.maximum(x, -1))
# fmt: on


def test_of_two_statements_on_one_line_the_one_that_is_meant_is_shown():
    def without_the_factor(d, cache):
        x, w, z = cache
        g = d / (z * 0.4 + 0.5) * (np.abs(x @ w) < 1)
        return g @ w.T, x.T @ g

    report = check_layer(two_statements, without_the_factor, X, W, raises=False)
    [finding] = [f for f in report.findings if f.code.startswith("GC2")]
    assert "np.clip(x @ w" not in finding.title
    assert "z" in finding.title


def test_of_a_function_in_one_line_the_expression_is_shown():
    report = check_layer(in_one_line, lambda d, x: d, X, raises=False)
    found = [f for f in report.findings if f.code.startswith("GC2")]
    assert found
    assert not any("def in_one_line" in f.title for f in found)


def test_where_time_comes_first_a_step_is_no_sample():
    def forward(x, h, w):
        states = []
        for t in range(len(x)):
            h = np.tanh(x[t] + h @ w)
            states.append(h)
        return np.stack(states), (np.stack(states),)

    x, h, w = RNG.normal(size=(4, 2, 3)), RNG.normal(size=(2, 3)), RNG.normal(size=(3, 3)) / 2

    def backward(d, cache):
        (states,) = cache
        dx, dh = np.zeros_like(states), np.zeros_like(states[0])
        for t in reversed(range(len(states))):
            dz = (d[t] if t == len(states) - 1 else 0) + dh
            dz = dz * (1 - states[t] ** 2)
            dx[t], dh = dz, dz @ w.T
        return dx, dh, sum(np.vstack([h[None], states[:-1]])[t].T @ dx[t] for t in range(len(states)))

    report = check_layer(forward, backward, x, h, w, raises=False)
    titles = [f.title for f in report.findings if f.code == "GC207"]
    assert titles
    assert all("last time step alone" in title for title in titles)
