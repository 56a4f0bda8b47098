"""Each clause of a backward's contract, broken once and named."""

import numpy as np
import pytest

from gradcheck import check_layer


def arrays(dtype=np.float64):
    rng = np.random.default_rng(7)
    return [rng.standard_normal(s).astype(dtype) for s in ((4, 3), (3, 5), (5,))]


def forward(x, w, b):
    return x @ w + b, (x, w, b)


def backward(dout, cache):
    x, w, _ = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def broken(change):
    """The right backward with its gradients, its upstream gradient or its cache handed to ``change`` first."""

    def wrong(dout, cache):
        return change(dout, cache, *backward(dout, cache))

    return wrong


def codes(report, severity="error"):
    return {f.code for f in report.findings if f.severity == severity}


def verdicts(report):
    return {g.name: g.verdict for g in report.gradients}


def finding(report, code):
    return next(f for f in report.findings if f.code == code)


def test_a_right_backward_has_no_findings():
    report = check_layer(forward, backward, *arrays())
    assert report.findings == ()
    assert report.ok


def test_a_missing_gradient():
    report = check_layer(forward, broken(lambda d, c, dx, dw, db: (dx, dw, None)), *arrays())
    assert codes(report) == {"GC103"}
    assert finding(report, "GC103").title == "no gradient for b: backward returns None"
    assert "constants=" in " ".join(finding(report, "GC103").help)
    assert verdicts(report)["db"] == "undecided"
    assert not report.ok


def test_too_few_gradients():
    report = check_layer(forward, broken(lambda d, c, dx, dw, db: (dx, dw)), *arrays())
    assert "GC101" in codes(report)
    assert not report.ok


def test_an_unsummed_bias_gradient():
    report = check_layer(forward, broken(lambda d, c, dx, dw, db: (dx, dw, d)), *arrays())
    fault = finding(report, "GC104")
    assert fault.severity == "error"
    assert fault.title == "db has shape (4, 5), b has shape (5,)"
    assert fault.evidence == ("broadcasting hides this: b - lr * db would have shape (4, 5)",)
    assert "sum over the axes that b was broadcast along, here axis 0" in fault.help[0]
    assert verdicts(report) == {"dx": "right", "dw": "right", "db": "wrong"}


def test_a_shape_that_differs_by_an_axis_of_length_one_is_a_warning():
    x, w, b = arrays()
    report = check_layer(forward, broken(lambda d, c, dx, dw, db: (dx, dw, db)), x, w, b[None])
    assert codes(report, "warning") == {"GC104"}
    assert report.ok


def test_a_column_for_a_row_is_an_error():
    report = check_layer(forward, broken(lambda d, c, dx, dw, db: (dx, dw, db[:, None])), *arrays())
    assert "would have shape (5, 5)" in finding(report, "GC104").evidence[0]
    assert not report.ok


def test_integers_for_a_gradient():
    report = check_layer(forward, broken(lambda d, c, dx, dw, db: (dx, dw, db.astype(int))), *arrays())
    assert finding(report, "GC105").title == "db is of integers (int64); b is float64"
    assert not report.ok


def test_a_gradient_of_lower_precision_is_named():
    report = check_layer(forward, broken(lambda d, c, dx, dw, db: (dx, dw.astype(np.float32), db)), *arrays())
    assert finding(report, "GC105").title == "dw is float32, of lower precision than w (float64)"


def test_writing_into_an_input():
    def change(dout, cache, dx, dw, db):
        cache[1][...] = 0
        return dx, dw, db

    report = check_layer(forward, broken(change), *arrays())
    assert finding(report, "GC106").title == "backward writes into w"
    assert not report.ok


def test_writing_into_the_upstream_gradient():
    def change(dout, cache, dx, dw, db):
        dout *= 2
        return dx, dw, db

    report = check_layer(forward, broken(change), *arrays())
    assert finding(report, "GC107").title == "backward writes into the upstream gradient"
    assert not report.ok
    assert set(verdicts(report).values()) == {"right"}


def test_writing_into_the_cache():
    def softmax(x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        return p, p

    def in_place(dout, p):
        p *= dout - (dout * p).sum(axis=1, keepdims=True)
        return p

    def forward(x):
        p, cache = softmax(x)
        return p.copy(), cache

    report = check_layer(forward, in_place, arrays()[0])
    assert verdicts(report) == {"dx": "right"}
    assert finding(report, "GC108").title == "backward writes into what forward kept: a second call gives another dx"
    assert not report.ok


def test_a_forward_that_writes_into_its_input_is_a_warning():
    def relu(x):
        mask = x > 0
        x *= mask
        return x, mask

    report = check_layer(relu, lambda dout, mask: dout * mask, arrays()[0])
    assert finding(report, "GC109").title == "forward writes into its input x"
    assert finding(report, "GC109").severity == "warning"


class Accumulating:
    def __init__(self):
        self.w = arrays()[1]
        self.total = np.zeros_like(self.w)

    def forward(self, x):
        self.x = x
        return x @ self.w

    def backward(self, dout):
        self.total = self.total + self.x.T @ dout
        self.dw = self.total
        return dout @ self.w.T


def test_an_accumulator_that_nobody_can_reset():
    report = check_layer(Accumulating(), arrays()[0])
    assert finding(report, "GC110").title.startswith("backward accumulates: the second call returns dw added to")
    assert not report.ok


class Stale(Accumulating):
    cache = None

    def forward(self, x):
        if self.cache is None:
            self.cache = x
        self.x = self.cache
        return x @ self.w


def test_a_stale_cache():
    class Layer(Stale):
        def backward(self, dout):
            self.dw = self.x.T @ dout
            return dout @ self.w.T

    report = check_layer(Layer(), arrays()[0])
    fault = finding(report, "GC111")
    assert fault.title == "the second call gives another answer for dw than a first call at the same inputs"
    assert fault.evidence == ("it is the gradient at the first call's inputs: a stale cache",)
    assert set(verdicts(report).values()) == {"right"}
    assert not report.ok


NONLINEAR = {
    "clipped by value": lambda d: np.clip(d, -3, 3),
    "clipped by norm": lambda d: d * min(1.0, 6 / np.linalg.norm(d)),
    "divided by its norm": lambda d: d * 4 / np.linalg.norm(d),
    "sign": np.sign,
    "a constant added": lambda d: d + 1e-3,
    "cubed": lambda d: d**3,
    "small values dropped": lambda d: np.where(abs(d) < 1e-3, 0, d),
    "inverted": lambda d: 1 / d,
}


@pytest.mark.parametrize("name", NONLINEAR)
def test_a_backward_that_is_not_linear(name):
    change = NONLINEAR[name]
    report = check_layer(forward, lambda dout, cache: backward(change(dout), cache), *arrays())
    assert finding(report, "GC112").title == "dx, dw, db is not linear in the upstream gradient"
    assert not report.ok


class SharedCache:
    cache = None

    def __init__(self):
        self.w = arrays()[1]

    def forward(self, x):
        type(self).cache = x
        return x @ self.w

    def backward(self, dout):
        self.dw = type(self).cache.T @ dout
        return dout @ self.w.T


def test_two_layers_that_share_one_cache():
    report = check_layer(SharedCache(), arrays()[0])
    fault = finding(report, "GC113")
    assert fault.severity == "error"
    assert fault.title == "two of these layers share one cache: running another changes dw"
    assert not report.ok


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_finite(value):
    def change(dout, cache, dx, dw, db):
        dw[1, 2] = value
        return dx, dw, db

    report = check_layer(forward, broken(change), *arrays())
    fault = finding(report, "GC114")
    assert fault.title == "dw has NaN or infinite entries: 1 of 15"
    assert fault.evidence == (f"the first is dw[1, 2] = {value}",)
    assert verdicts(report) == {"dx": "right", "dw": "wrong", "db": "right"}


def test_all_nan_is_wrong():
    report = check_layer(forward, broken(lambda d, c, dx, dw, db: (dx * np.nan, dw * np.nan, db * np.nan)), *arrays())
    assert set(verdicts(report).values()) == {"wrong"}


def test_a_second_call_that_raises():
    class Once:
        used = False

        def forward(self, x):
            assert not self.used, "already used"
            self.used = True
            self.x = x
            return x**2

        def backward(self, dout):
            return 2 * self.x * dout

    report = check_layer(Once(), arrays()[0])
    # the forward cannot be run at all a second time: the check says what it saw and does not pass it as fault-free
    assert not report.ok or not report.findings


def test_running_statistics_are_no_fault():
    class BatchNorm:
        def __init__(self):
            self.mean = np.zeros(3)

        def forward(self, x):
            m = x.mean(axis=0)
            self.mean *= 0.9
            self.mean += 0.1 * m
            return x - m

        def backward(self, dout):
            return dout - dout.mean(axis=0)

    report = check_layer(BatchNorm(), arrays()[0])
    assert report.findings == ()
    assert report.ok


@pytest.mark.parametrize("make", ["global", "generator", "legacy", "python"])
def test_a_dropout_mask_is_the_same_in_forward_and_backward(make):
    import random

    class Dropout:
        def __init__(self):
            self.rng = np.random.default_rng(1)
            self.old = np.random.RandomState(1)

        def draw(self, shape):
            return {
                "global": lambda: np.random.rand(*shape),
                "generator": lambda: self.rng.random(shape),
                "legacy": lambda: self.old.rand(*shape),
                "python": lambda: np.array([random.random() for _ in range(int(np.prod(shape)))]).reshape(shape),
            }[make]()

        def forward(self, x):
            self.mask = self.draw(x.shape) < 0.5
            return x * self.mask * 2

        def backward(self, dout):
            return dout * self.mask * 2

    class Redrawn(Dropout):
        def backward(self, dout):
            return dout * (self.draw(dout.shape) < 0.5) * 2

    x = np.random.default_rng(3).standard_normal((8, 6))
    assert check_layer(Dropout(), x).ok
    assert verdicts(check_layer(Redrawn(), x)) == {"dx": "wrong"}


class KeepsItsSize:
    """Right for every batch as large as the first."""

    rows = None

    def __init__(self, batch_last=False):
        self.w = arrays()[1]
        self.last = batch_last

    def forward(self, x):
        if self.rows is None:
            self.rows = np.arange(x.shape[1 if self.last else 0])
        self.x = x[:, self.rows] if self.last else x[self.rows]
        return self.w.T @ self.x if self.last else self.x @ self.w

    def backward(self, dout):
        self.dw = self.x @ dout.T if self.last else self.x.T @ dout
        return self.w @ dout if self.last else dout @ self.w.T


@pytest.mark.parametrize("last", [False, True])
def test_a_second_call_with_a_smaller_batch(last):
    x = arrays()[0]
    report = check_layer(KeepsItsSize(last), x.T.copy() if last else x)
    fault = finding(report, "GC111")
    assert fault.title.startswith("a second call with one sample fewer raises IndexError: index 3 is out of bounds")
    assert not report.ok


def test_labels_are_cut_with_the_batch():
    def loss(x, labels):
        n = np.arange(len(labels))
        return -x[n, labels].sum(), (x.shape, n, labels)

    def back(d, cache):
        shape, n, labels = cache
        out = np.zeros(shape)
        out[n, labels] = -d
        return out

    assert check_layer(loss, back, arrays()[0], np.array([0, 2, 1, 1])).findings == ()


class Leaf:
    """An array whose gradient adds up, as in a small autograd engine."""

    def __init__(self, data):
        self.data, self.grad = data, np.zeros_like(data)


def taped(x, w):
    a, b = Leaf(x), Leaf(w)

    def back(g):
        a.grad = a.grad + g @ b.data.T
        b.grad = b.grad + a.data.T @ g
        return a.grad, b.grad

    return a.data @ b.data, back


def test_a_tape_that_adds_up_within_one_forward_is_warned_of_and_right():
    rng = np.random.default_rng(0)
    report = check_layer(taped, rng.standard_normal((4, 3)), rng.standard_normal((3, 2)))
    assert report.ok
    (warning,) = [f for f in report.findings if f.severity != "info"]
    assert (warning.code, warning.severity) == ("GC110", "warning")
    assert warning.title == "a second backward for one forward gives dx, dw added to the first call's"


def test_a_mask_drawn_anew_in_the_backward_is_no_cache_written_to():
    def forward(x):
        mask = np.random.rand(*x.shape) > 0.3
        return x * mask / 0.7, mask

    def backward(d, mask):
        return d * (np.random.rand(*d.shape) > 0.3) / 0.7

    report = check_layer(forward, backward, np.random.default_rng(0).standard_normal((6, 5)))
    (error,) = [f for f in report.findings if f.severity == "error"]
    assert error.code == "GC111"
    assert error.title == "backward draws random numbers of its own: a second call gives another dx"
    assert error.help == ("keep the mask that forward drew, and use it in the backward",)
