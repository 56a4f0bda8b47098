"""A factor that equals a length is the length's only where it follows it; else it is a number that somebody wrote."""

import numpy as np
import pytest

from gradcheck import check_layer, compare

RNG = np.random.default_rng(0)
X, W, B = RNG.normal(size=(6, 4)), RNG.normal(size=(4, 5)), RNG.normal(size=5)

TIMES = {
    "the length of axis 1 of the output, 5)": lambda x, w: w.shape[1],
    "one over the length of axis 1 of x, 4 or": lambda x, w: 1 / x.shape[1],
    "(one over the batch size, 6)": lambda x, w: 1 / len(x),
    "5 times the true gradient (for another length of axis 1 of the output too)": lambda x, w: 5,
    "1/4 times the true gradient (for another length of axis 1 of x too)": lambda x, w: 1 / 4,
    "1/6 times the true gradient (for another batch size too)": lambda x, w: 1 / 6,
}


@pytest.mark.parametrize("said", TIMES)
def test_a_factor_is_a_length_where_it_follows_it(said):
    def forward(x, w, b):
        return x @ w + b, (x, w)

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, TIMES[said](x, w) * (x.T @ dout), dout.sum(axis=0)

    [found] = check_layer(forward, backward, X, W, B, raises=False).findings
    assert found.code == "GC201"
    assert said in found.title
    fixed = "too)" in said
    assert any("stays" in line and "read it from the array's shape" in line for line in found.help) == fixed
    assert any(line.startswith(("average over axis", "sum over axis")) for line in found.help) == (
        not fixed and "axis" in said
    )


def test_a_factor_of_one_line_of_the_forward_that_stays():
    def forward(x, w):
        return x @ w + np.tanh(x) @ w, (x, w)

    def backward(dout, cache):
        x, w = cache
        return 4 * dout @ w.T + dout @ w.T * (1 - np.tanh(x) ** 2), (x + np.tanh(x)).T @ dout

    found = check_layer(forward, backward, X, W, raises=False).findings[0]
    assert found.code == "GC231"
    assert "4 times (for another length of axis 1 of x too)" in found.title


def test_of_two_arrays_a_length_is_likely():
    true = RNG.normal(size=(5, 4))
    report = compare(true / 4, true, inputs={"x": true}, raises=False)
    assert "1/4 times the true gradient (likely one over the length of axis 1 of x, 4)" in report.findings[0].title


@pytest.mark.parametrize("samples", [3, 5])
def test_the_exponent_of_a_power_is_no_batch_size(samples):
    def forward(x, w):
        return (x @ w) ** 3, (x, w)

    def backward(dout, cache):
        x, w = cache
        back = dout * (x @ w) ** 2  # without its 3
        return back @ w.T, x.T @ back

    [found] = check_layer(forward, backward, RNG.normal(size=(samples, 4)), W, raises=False).findings
    assert found.title == "dx and dw are 1/3 times the true ones"
    assert found.help == ("multiply each of them by 3: is the 3 of the derivative of (x @ w) ** 3 missing?",)


@pytest.mark.parametrize("shape", [(2, 3), (4, 2)])
def test_the_2_of_a_square_is_no_length_of_2(shape):
    def forward(p, t):
        return ((p - t) ** 2).mean(), (p, t)

    def backward(dout, cache):
        p, t = cache
        back = dout * (p - t) / p.size  # without its 2
        return back, -back

    [found] = check_layer(forward, backward, RNG.normal(size=shape), RNG.normal(size=shape), raises=False).findings
    assert found.title == "dp and dt are 1/2 times the true ones"
    assert found.help[0].startswith("double each of them: the 2 of the derivative of an x² is missing")


def test_a_length_of_2_that_the_factor_follows_is_one():
    def backward(dout, x, w):
        return dout @ w.T, x.T @ dout / x.shape[1]

    x, w = RNG.normal(size=(5, 2)), RNG.normal(size=(2, 4))
    [found] = check_layer(lambda x, w: x @ w, backward, x, w, raises=False).findings
    assert found.title.startswith("dw is 1/2 times the true gradient (one over the length of axis 1 of x, 2")
