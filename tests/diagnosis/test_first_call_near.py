"""Large smooth layers: the forward at other values is a numeric difference as well, and nothing is missed for that."""

import numpy as np
import pytest

from gradcheck import check_layer
from gradcheck.state import own_generator, random_direction


class Layer:
    """A right layer of 20,000 numbers; what is wrong with it is said at making."""

    def __init__(self, **wrong):
        rng = np.random.default_rng(4)
        self.W = rng.standard_normal((60, 40)) / 8
        self.x = self.spread = None
        self.total = np.zeros((60, 40))
        self.wrong = wrong

    def forward(self, x):
        if self.x is None or "stale" not in self.wrong:
            self.x = x.copy()
        if self.spread is None or "stale_number" not in self.wrong:
            self.spread = np.sqrt((x**2).mean())
        self.out = np.tanh(x @ self.W) / np.sqrt((x**2).mean())
        return self.out

    def backward(self, dout):
        dout = self.wrong.get("spoilt", lambda d: d)(dout)
        direct = dout / self.spread * (1 - (self.out * self.spread) ** 2)
        self.dW = self.x.T @ direct
        if "adds" in self.wrong:
            self.total += self.dW
            self.dW = self.total
        if "writes" in self.wrong:
            dout *= 0
        return direct @ self.W.T - (dout * self.out).sum() / self.spread**2 * self.x / self.x.size


def checked(**wrong):
    return check_layer(Layer(**wrong), np.random.default_rng(5).standard_normal((200, 60)))


def codes(report):
    return {finding.code for finding in report.findings if finding.severity == "error"}


def test_a_right_one_needs_one_forward_elsewhere_and_none_for_numeric_differences():
    report = checked()
    assert report.ok
    assert dict(report.evaluations) == {"forward": 2, "backward": 2, "traced": 1}
    assert all(g.compared_with == "autograd" for g in report.gradients)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"stale": True}, "GC111"),
        ({"stale_number": True}, "GC111"),
        ({"adds": True}, "GC110"),
        ({"writes": True}, "GC107"),
        ({"spoilt": lambda d: np.clip(d, -1e6, 1e6)}, "GC112"),
        ({"spoilt": lambda d: np.where(np.abs(d) < 1e-7, 0.0, d)}, "GC112"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_what_only_further_calls_show_is_found(wrong, code):
    assert code in codes(checked(**wrong))


@pytest.mark.parametrize(("corners", "forwards"), [(False, 3), (True, 4)])
def test_a_forward_with_branches_is_called_elsewhere_and_beside(corners, forwards):
    """To one side, or to both where entries stand on a corner: one side would not show it."""
    x = np.random.default_rng(2).standard_normal((200, 60))
    if corners:
        x[3, 4] = 0.0
    report = check_layer(lambda x: (np.maximum(x, 0), x), lambda dout, x: dout * (x > 0), x)
    assert report.ok
    assert dict(report.evaluations)["forward"] >= forwards
    assert corners or dict(report.evaluations)["forward"] == forwards


def test_a_mask_kept_from_the_first_call_is_found():
    """The other values of a forward with branches lie far away: near ones would choose the same maxima."""

    class Largest:
        chosen = None

        def forward(self, x):
            self.shape = x.shape
            if self.chosen is None:
                self.chosen = x.argmax(axis=1)
            return x.max(axis=1)

        def backward(self, dout):
            dx = np.zeros(self.shape)
            dx[np.arange(len(dx)), self.chosen] = dout
            return dx

    report = check_layer(Largest(), np.random.default_rng(6).uniform(1, 2, (3000, 4)))
    assert "GC111" in codes(report)


def test_autograd_that_is_no_truth_is_not_believed():
    """PyTorch's gradient of an assignment to repeated places is not the derivative, and the backward repeats it."""
    places = np.arange(12_000) // 2

    def forward(v):
        out = np.zeros(6_000)
        out[places] = v
        return out * 1.0

    report = check_layer(forward, lambda dout: dout[places], np.random.default_rng(0).standard_normal(12_000))
    assert not report.ok


def test_a_scaled_gradient_is_wrong():
    report = check_layer(
        lambda x, w: (x @ w, (x, w)),
        lambda dout, cache: (dout @ cache[1].T, 1.00001 * cache[0].T @ dout),
        *(np.random.default_rng(k).standard_normal(shape) for k, shape in enumerate([(200, 60), (60, 30)])),
    )
    assert [g.verdict for g in report.gradients] == ["right", "wrong"]


@pytest.mark.parametrize("shape", [(3,), (100_000,), (4099, 3), (50, 41, 30)])
def test_a_direction_moves_every_entry_and_no_two_parts_alike(shape):
    drawn = random_direction(own_generator(0), shape)
    assert drawn.shape == shape
    assert drawn.all()
    assert np.unique(drawn).size == drawn.size
    if drawn.size > 1000:
        assert abs(drawn.std() - 1) < 0.1
        assert abs(drawn.mean()) < 0.1
    if drawn.size > 2 * 4099:
        flat = drawn.reshape(-1)
        assert abs(flat[0] - flat[4099]) > 1e-3
        assert abs(flat[0] + flat[4099]) > 1e-3
