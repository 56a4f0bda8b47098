"""Updates written in NumPy, each with one fault: found, named, and told from right ones."""

import numpy as np
import pytest

from gradcheck import check_step

RATE = 0.1


class Net:
    """Two layers, squared error; ``fault`` says what is wrong with its update."""

    def __init__(self, fault="", seed=0, dtype=np.float64):
        rng = np.random.default_rng(seed)
        self.x = rng.normal(size=(7, 4)).astype(dtype)
        self.y = rng.normal(size=(7, 3)).astype(dtype)
        self.W1 = rng.normal(size=(4, 5)).astype(dtype)
        self.b1 = rng.normal(size=5).astype(dtype)
        self.W2 = rng.normal(size=(5, 3)).astype(dtype)
        self.b2 = rng.normal(size=3).astype(dtype)
        self.learning_rate = self.alpha = RATE
        self.limit = 0.25
        self.fault = fault

    def loss(self):
        h = np.tanh(self.x @ self.W1 + self.b1)
        return np.sum((h @ self.W2 + self.b2 - self.y) ** 2) / 2 / len(self.x)

    def gradients(self):
        h = np.tanh(self.x @ self.W1 + self.b1)
        delta = (h @ self.W2 + self.b2 - self.y) / self.x.dtype.type(len(self.x))
        below = delta @ self.W2.T * (1 - h**2)
        return {"W1": self.x.T @ below, "b1": below.sum(axis=0), "W2": h.T @ delta, "b2": delta.sum(axis=0)}

    def step(self):
        getattr(self, "_" + (self.fault or "right"))(self.gradients())

    def _move(self, gradients, rate):
        for name, gradient in gradients.items():
            parameter = getattr(self, name)
            parameter -= rate * gradient

    def _right(self, gradients):
        self._move(gradients, RATE)

    def _rebound(self, gradients):
        for name, gradient in gradients.items():
            setattr(self, name, getattr(self, name) - RATE * gradient)

    def _up(self, gradients):
        self._move(gradients, -RATE)

    def _half(self, gradients):
        self._move(gradients, RATE / 2)

    def _doubled(self, gradients):
        self._move(gradients, 2 * RATE)

    def _averaged_again(self, gradients):
        self._move(gradients, RATE / len(self.x))

    def _summed(self, gradients):
        self._move(gradients, RATE * len(self.x))

    def _decayed(self, gradients):
        self._move(gradients, self.alpha)
        self.learning_rate *= 0.9

    def _decayed_before(self, gradients):
        self.learning_rate *= 0.9
        self._move(gradients, self.learning_rate)

    def _twice(self, gradients):
        self._move(gradients, RATE)
        self._move(gradients, RATE)

    def _two_steps(self, gradients):
        self._move(gradients, RATE)
        self._move(self.gradients(), RATE)

    def _local(self, gradients):
        for name, parameter in [("W1", self.W1), ("b1", self.b1), ("W2", self.W2), ("b2", self.b2)]:
            parameter = parameter - RATE * gradients[name]

    def _copied(self, gradients):
        copies = {name: getattr(self, name).copy() for name in gradients}
        for name in copies:
            copies[name] -= RATE * gradients[name]

    def _forgotten(self, gradients):
        del gradients["b1"]
        self._move(gradients, RATE)

    def _early(self, _):
        h = np.tanh(self.x @ self.W1 + self.b1)
        delta = (h @ self.W2 + self.b2 - self.y) / self.x.dtype.type(len(self.x))
        self.W2 -= RATE * (h.T @ delta)
        below = delta @ self.W2.T * (1 - h**2)
        self.b2 -= RATE * delta.sum(axis=0)
        self.W1 -= RATE * (self.x.T @ below)
        self.b1 -= RATE * below.sum(axis=0)

    def _layer_by_layer(self, _):
        for name in ("W2", "W1"):
            self._move({name: self.gradients()[name]}, RATE)

    def _sample_by_sample(self, _):
        x, y = self.x, self.y
        for k in range(len(x)):
            self.x, self.y = x[k : k + 1], y[k : k + 1]
            self._move({name: g / len(x) for name, g in self.gradients().items()}, RATE)
        self.x, self.y = x, y

    def _weight_decay(self, gradients):
        self._move({name: g + 0.02 * getattr(self, name) for name, g in gradients.items()}, RATE)

    def _clipped(self, gradients):
        self._move({name: np.clip(g, -self.limit, self.limit) for name, g in gradients.items()}, RATE)

    def _clipped_together(self, gradients):
        norm = np.sqrt(sum(np.sum(g**2) for g in gradients.values()))
        self._move(gradients, RATE * min(1.0, 0.5 / norm))

    def _adam(self, gradients):
        self._move({name: g / (np.sqrt(g**2) + 1e-8) for name, g in gradients.items()}, RATE)

    def _rmsprop(self, gradients):
        self._move({name: g / (np.sqrt(0.1 * g**2) + 1e-8) for name, g in gradients.items()}, RATE)

    def _flipped(self, gradients):
        self._move({name: g[::-1] for name, g in gradients.items()}, RATE)

    def _divides_by_zero(self, gradients):
        self._move(gradients, RATE / np.float64(0))


def checked(fault, *, seed=0, dtype=np.float64, by="loss", **options):
    net = Net(fault, seed, dtype)
    source = {"loss": net.loss} if by == "loss" else {"gradients": net.gradients}
    return check_step(net.step, **({"lr": RATE} | source | options))


FAULTS = [
    ("up", "GC401", "move up the gradient"),
    ("half", "GC402", "move by 1/2 times lr·g"),
    ("doubled", "GC402", "move by 2 times lr·g"),
    ("averaged_again", "GC402", "move by 1/7 times lr·g"),
    ("summed", "GC402", "move by 7 times lr·g"),
    ("decayed", "GC405", "learning_rate decays from step to step, and the update does not use it"),
    ("decayed_before", "GC402", "move by 0.9 times lr·g"),
    ("twice", "GC404", "are updated twice in one step"),
    ("two_steps", "GC404", "are updated twice in one step"),
    ("local", "GC403", "did not move"),
    ("copied", "GC403", "did not move"),
    ("forgotten", "GC403", "b1 did not move"),
    ("early", "GC406", "W1 and b1 move by a gradient that was taken after the update of W2"),
    ("sample_by_sample", "GC406", "7 times in one step"),
    ("weight_decay", "GC407", "shrink by weight decay of 0.02"),
    ("clipped", "GC408", "clipped to ±0.25"),
    ("clipped_together", "GC408", "clipped to a norm of 0.5"),
    ("rmsprop", "GC409", "by the same amount"),
    ("adam", "GC409", "by the same amount"),
    ("flipped", "GC409", "no multiple of the gradient"),
    ("divides_by_zero", "GC400", "NaN or infinite"),
]


@pytest.mark.parametrize("by", ["loss", "gradients"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("update", ["right", "rebound"])
def test_a_right_update_is_right(update, seed, dtype, by):
    report = checked(update, seed=seed, dtype=dtype, by=by)
    assert report.ok
    assert [u.name for u in report.updates] == ["W1", "b1", "W2", "b2"]
    assert all(u.verdict == "right" and u.effective_lr == pytest.approx(RATE, rel=1e-4) for u in report.updates)
    assert not report.findings


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("fault", "code", "words"), FAULTS, ids=[fault for fault, *_ in FAULTS])
def test_a_fault_is_named(fault, code, words, seed, dtype):
    report = checked(fault, seed=seed, dtype=dtype)
    assert not report.ok
    assert {f.code for f in report.findings} == {code}
    assert any(words in f.title for f in report.findings)


@pytest.mark.parametrize(("fault", "code", "words"), FAULTS, ids=[fault for fault, *_ in FAULTS])
def test_a_fault_is_named_from_gradients_too(fault, code, words):
    report = checked(fault, by="gradients")
    assert not report.ok
    # without the loss nobody can say what the gradient would be at weights that have moved
    assert {f.code for f in report.findings} == {"GC409" if fault == "early" else code}
    assert fault == "early" or any(words in f.title for f in report.findings)


def test_layers_that_are_updated_one_after_another_each_with_a_new_forward():
    report = checked("layer_by_layer", lr={"W1": RATE, "b1": RATE, "W2": RATE, "b2": RATE})
    early = [f for f in report.findings if f.code == "GC406"]
    assert [f.gradient for f in early] == ["W1"]
    assert "the loss with the new W2" in early[0].cause[0]


def test_the_line_that_moves_the_weights_is_shown():
    where = checked("early").findings[0].where
    assert where.function == "_early"
    assert where.source == "self.W2 -= RATE * (h.T @ delta)"


def test_the_local_variable_is_named():
    finding = checked("local").findings[0]
    assert "parameter in _local is bound to a new array" in finding.cause[0]
    assert finding.where.source == "parameter = parameter - RATE * gradients[name]"


def test_both_variables_of_a_decayed_rate_are_named():
    finding = checked("decayed").findings[0]
    assert finding.title.startswith("learning_rate decays")
    assert finding.cause == ("the update uses alpha, which stays at 0.1",)
    assert finding.evidence == (
        "learning_rate: 0.1, 0.09, 0.081, 0.0729",
        "the learning rate that explains the moves: 0.1, 0.1, 0.1, 0.1",
    )


def test_a_rate_that_decays_before_it_is_used_is_named():
    assert "learning_rate after the step is 0.09" in checked("decayed_before").findings[0].cause


def test_a_rate_that_decays_and_is_used_is_right():
    net = Net()

    def step():
        net._move(net.gradients(), net.learning_rate)
        net.learning_rate *= 0.9

    assert check_step(step, params=net, loss=net.loss, lr=RATE).ok


def test_another_rate_is_named_by_the_variable_that_has_it():
    net = Net()
    net.eta = 0.037

    def step():
        net._move(net.gradients(), net.eta)

    finding = check_step(step, params=net, loss=net.loss, lr=RATE).findings[0]
    assert finding.code == "GC402"
    assert "net.eta is 0.037" in finding.cause


def test_an_adam_that_keeps_nothing_is_sign_descent():
    report = checked("adam")
    assert {u.verdict for u in report.updates} == {"undecided"}
    assert "Adam whose moments m and v are not kept from one step to the next" in report.findings[0].cause[0]


def test_one_step_of_adam_is_undecided_and_said_to_fit():
    report = checked("adam", steps=1)
    assert {u.verdict for u in report.updates} == {"undecided"}
    assert "Adam's first step is lr·sign(g): that fits" in report.findings[0].cause[0]
    assert report.findings[0].severity == "info"
    assert "RMSprop's first step" in checked("rmsprop", steps=1).findings[0].cause[0]


def test_weight_decay_that_is_stated_is_allowed_for():
    assert checked("weight_decay", weight_decay=0.02).ok
    report = checked("weight_decay", weight_decay=0.01)
    assert report.findings[0].title == "W1, b1, W2 and b2 have a weight decay of 0.02, not 0.01"


def test_a_flipped_gradient_is_described():
    assert "-Δw/lr is the true gradient flipped along axis 0" in checked("flipped").findings[0].cause


def test_a_negative_rate_is_that_of_a_step_that_adds():
    assert checked("up", lr=-RATE).ok


def test_the_numbers_of_an_update():
    update = checked("half").updates[0]
    net = Net()
    gradient = net.gradients()["W1"]
    assert update.norm_gradient == pytest.approx(np.linalg.norm(gradient))
    assert update.norm_update == pytest.approx(RATE / 2 * np.linalg.norm(gradient))
    assert update.effective_lr == pytest.approx(RATE / 2)
    assert update.wanted_lr == RATE
    assert update.relative_error == pytest.approx(0.5)
    assert update.unexplained == pytest.approx(0, abs=1e-9)
    assert update.limit == pytest.approx(1e-7, rel=1e-3)


@pytest.mark.parametrize("epsilon", [0.01, 1e-3, 1e-5])
def test_a_rate_that_is_a_little_off_is_wrong(epsilon):
    net = Net()
    report = check_step(lambda: net._move(net.gradients(), RATE * (1 + epsilon)), params=net, loss=net.loss, lr=RATE)
    assert {u.verdict for u in report.updates} == {"wrong"}


def test_float32_weights_far_larger_than_the_step_round_it():
    w = np.full(50, 1000, np.float32)
    g = np.random.default_rng(0).normal(size=50).astype(np.float32)

    def step():
        w[...] -= np.float32(0.01) * g

    report = check_step(step, params={"w": w}, gradients={"w": g}, lr=0.01)
    assert report.updates[0].verdict == "right"
    assert 1e-3 < report.updates[0].limit < 0.1


def test_a_step_that_is_lost_in_rounding_is_said_to_be():
    w, g = np.full(50, 1000, np.float32), np.full(50, 1e-3, np.float32)

    def step():
        w[...] -= np.float32(0.01) * g

    report = check_step(step, params={"w": w}, gradients={"w": g}, lr=0.01)
    assert report.findings[0].code == "GC403"
    assert "lost in the rounding of float32" in report.findings[0].cause[0]


def test_nothing_vacuous_passes():
    w = np.ones(3)
    report = check_step(lambda: None, params={"w": w}, gradients={"w": np.zeros(3)}, lr=0.1)
    assert not report.ok
    assert report.updates[0].verdict == "undecided"
    assert report.updates[0].reason == "its gradient is zero: there is nothing to see"


def test_a_parameter_that_moves_without_a_gradient():
    w = np.arange(4.0)

    def step():
        w[...] -= np.array([1.0, 0.0, 2.0, 0.0])

    report = check_step(step, params={"w": w}, gradients={"w": np.zeros(4)}, lr=0.1)
    assert report.updates[0].reason == "its gradient is zero, and it moved"
    assert report.findings[0].title == "w moved, and the gradient is zero"


def test_a_gradient_that_is_not_finite():
    w = np.ones(3)
    g = np.array([1.0, np.nan, 2.0])

    def step():
        w[...] -= 0.1 * g

    report = check_step(step, params={"w": w}, gradients={"w": g}, lr=0.1)
    assert report.findings[0].code == "GC400"
    assert "its gradient is not finite already" in report.findings[0].cause
