"""A multiple of the parameter too much in its gradient, or too little."""

import numpy as np
import pytest
from planted_arrays import cause, causes

from gradcheck import check_layer, check_network


def test_decay_that_the_forward_does_not_have_is_added():
    finding = cause(lambda dw, dout, x, w: dw + 0.1 * w)
    assert (finding.code, finding.title) == ("GC210", "dw has 0.1 times the array itself added (weight decay)")
    assert finding.help == ("take 0.1 * w out of dw, or put the penalty into the forward's loss",)


def test_decay_divided_by_the_batch_size_is_the_same_cause_at_another_batch_size():
    finding = cause(lambda dw, dout, x, w: dw + 0.6 * w / len(x))
    assert finding.title == "dw has 0.1 times the array itself added (weight decay)"
    assert "the same at other values and another batch size" in finding.evidence


def test_the_signs_added_are_those_of_a_sum_of_absolute_values():
    finding = cause(lambda dw, dout, x, w: dw + 0.01 * np.sign(w))
    assert finding.title == (
        "dw has 0.01 times the signs of the array itself added (the derivative of a sum of absolute values)"
    )
    assert finding.help[0].startswith("take 0.01 * np.sign(w) out of dw")


class Ridge:
    def __init__(self, times):
        rng = np.random.default_rng(0)
        self.w, self.times = rng.standard_normal(4), times

    def loss(self, x, y):
        return np.mean((x @ self.w - y) ** 2) + 0.05 * np.sum(self.w**2)

    def gradient(self, x, y):
        return {"w": 2 * x.T @ (x @ self.w - y) / len(x) + self.times * 0.1 * self.w}


@pytest.mark.parametrize(("times", "says"), [(0, "penalty"), (0.5, "penalty"), (2, "penalty")])
def test_a_penalty_missing_halved_or_doubled_is_found(times, says):
    rng = np.random.default_rng(1)
    x, y, net = rng.standard_normal((9, 4)), rng.standard_normal(9), Ridge(times)
    report = check_network(net, loss=lambda: net.loss(x, y), gradients=lambda: net.gradient(x, y))
    [finding] = causes(report)
    # the line of the penalty tells more than a multiple of w, and both are the same here
    assert "self.w**2" in finding.title or "array itself" in finding.title
    assert finding.severity == "error"


def test_a_gradient_that_is_a_multiple_of_its_array_has_a_factor():
    report = check_layer(lambda x: x**2, lambda dout, x: x * dout, np.arange(1.0, 6.0), upstream=np.ones(5))
    assert [f.code for f in causes(report)] != ["GC210"]


def test_another_array_added_is_not_weight_decay():
    other = np.random.default_rng(5).standard_normal((4, 3))
    assert cause(lambda dw, dout, x, w: dw + 0.1 * other).code == "GC299"
