"""A gradient of one sample or time step alone, or of all but one."""

import numpy as np
import pytest
from planted_arrays import cause, causes, report

from gradcheck import check_layer

SAMPLES = {
    "is the gradient of the last sample alone": lambda dw, dout, x, w: np.outer(x[-1], dout[-1]),
    "is the gradient of the first sample alone": lambda dw, dout, x, w: np.outer(x[0], dout[0]),
    "lacks the share of the last sample": lambda dw, dout, x, w: x[:-1].T @ dout[:-1],
    "lacks the share of the first sample": lambda dw, dout, x, w: x[1:].T @ dout[1:],
}


@pytest.mark.parametrize("says", SAMPLES)
def test_the_sample_is_named(says):
    finding = cause(SAMPLES[says])
    assert (finding.code, finding.title) == ("GC207", f"dw {says}")
    assert "the same at other values and another batch size" in finding.evidence
    assert finding.help[0].startswith("go over all samples" if "lacks" in says else "add the shares of all samples")


def test_an_average_of_all_but_one_is_a_multiple_too():
    finding = cause(lambda dw, dout, x, w: x[:-1].T @ dout[:-1] / len(x))
    assert finding.title == "dw lacks the share of the last sample, and 1/6 times that (one over the batch size, 6)"


def test_two_gradients_of_one_sample_are_one_cause():
    def backward(dout, x, w, b):
        return dout @ w.T, np.outer(x[-1], dout[-1]), dout[-1]

    rng = np.random.default_rng(0)
    arrays = rng.standard_normal((6, 4)), rng.standard_normal((4, 3)), rng.standard_normal(3)
    [finding] = causes(check_layer(lambda x, w, b: x @ w + b, backward, *arrays))
    assert finding.title == "dw and db are the gradient of the last sample alone"


def test_a_time_step_alone():
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((3, 5, 4)), rng.standard_normal((4, 2))
    report = check_layer(
        lambda x, w: np.tanh(x @ w),
        lambda dout, x, w: (
            (dout * (1 - np.tanh(x @ w) ** 2)) @ w.T,
            x[:, -1].T @ (dout * (1 - np.tanh(x @ w) ** 2))[:, -1],
        ),
        x,
        w,
    )
    [finding] = causes(report)
    assert finding.title == "dw is the gradient of the last time step alone"


def test_the_two_samples_in_the_middle_are_not_named():
    found = causes(report(lambda dw, dout, x, w: x[2:4].T @ dout[2:4]))
    assert [f.code for f in found] == ["GC299"]


def test_what_a_loop_computes_tells_time_from_samples():
    def states(x, w):
        h, kept = np.zeros((x.shape[1], w.shape[1])), []
        for step in x:
            h = np.tanh(np.hstack([step, h]) @ w)
            kept.append(h)
        return np.stack(kept), (x, w, kept)

    def backward(dout, cache):
        x, w, kept = cache
        dx, dw, dh = np.zeros_like(x), np.zeros_like(w), np.zeros_like(dout[0])
        for t in reversed(range(len(x))):
            before = kept[t - 1] if t else np.zeros_like(dh)
            back = (dout[t] + dh) * (1 - kept[t] ** 2)
            dw += np.hstack([x[t], before])[:-1].T @ back[:-1]
            below = back @ w.T
            dx[t], dh = below[:, : x.shape[2]], below[:, x.shape[2] :]
        return dx, dw

    rng = np.random.default_rng(0)
    [finding] = causes(check_layer(states, backward, rng.standard_normal((4, 3, 2)), rng.standard_normal((7, 5))))
    assert finding.title == "dw lacks the share of the last sample"
