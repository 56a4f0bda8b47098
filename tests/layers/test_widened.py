"""NumPy arrays of bfloat16: checked in float32 and float64, and once as they were given."""

import numpy as np
import pytest

from gradcheck import check_layer, check_network, gradient
from gradcheck.layers.widened import Widened

ml_dtypes = pytest.importorskip("ml_dtypes")
BFLOAT16 = ml_dtypes.bfloat16


def arrays(*shapes):
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype(BFLOAT16) for shape in shapes]


def forward(x, w, b):
    return np.dot(x, w) + b, (x, w)


def backward(d, cache):
    x, w = cache
    return np.dot(d, w.T), np.dot(x.T, d), d.sum(0)


SHAPES = (5, 4), (4, 3), (3,)


def test_a_right_layer_passes_and_its_rows_say_bfloat16():
    given = arrays(*SHAPES)
    before = [a.copy() for a in given]
    report = check_layer(forward, backward, *given)
    assert report.ok
    assert report.dtype == "bfloat16"
    assert all(1e-4 < g.relative_error < 2e-2 for g in report.gradients[:2])
    assert all(a.dtype == BFLOAT16 and np.array_equal(a, b) for a, b in zip(given, before, strict=True))


WRONG = {
    "dw twice": lambda dx, dw, db: (dx, 2 * dw, db),
    "db a mean": lambda dx, dw, db: (dx, dw, db / 5),
    "5 % in one entry of dx": lambda dx, dw, db: (dx * np.where(np.arange(20).reshape(5, 4) == 7, 1.05, 1), dw, db),
}


@pytest.mark.parametrize("how", WRONG)
def test_a_wrong_one_does_not(how):
    def spoilt(d, cache):
        return WRONG[how](*backward(d, cache))

    report = check_layer(forward, spoilt, *arrays(*SHAPES), raises=False)
    assert [g.verdict for g in report.gradients].count("wrong") == 1
    assert report.dtype == "bfloat16"


def test_what_is_wrong_in_bfloat16_alone_is_found():
    def spoilt(d, cache):
        dx, dw, db = backward(d, cache)
        return dx, -dw if dw.dtype == BFLOAT16 else dw, db

    report = check_layer(forward, spoilt, *arrays(*SHAPES), raises=False)
    assert {g.name: g.verdict for g in report.gradients} == {"dx": "right", "dw": "wrong", "db": "right"}
    assert [f.code for f in report.findings] == ["GC163"]


def test_what_numpy_cannot_do_in_bfloat16_is_told():
    def through_einsum(x, w):
        return np.einsum("ij,jk->ik", x, w), (x, w)

    def its_backward(d, cache):
        x, w = cache
        return d @ w.T, x.T @ d

    report = check_layer(through_einsum, its_backward, *arrays((5, 4), (4, 3)), raises=False)
    assert not report.ok
    [finding] = [f for f in report.findings if f.code == "GC163"]
    assert "fails with bfloat16 inputs" in finding.title


class Linear:
    def __init__(self):
        self.w, self.b = arrays((4, 3), (3,))

    def forward(self, x):
        self.x = x
        return np.dot(x, self.w) + self.b

    def backward(self, d):
        self.dw, self.db = np.dot(self.x.T, d), d.sum(0)
        return np.dot(d, self.w.T)


def test_the_parameters_of_an_object_are_as_they_were():
    layer = Linear()
    kept = layer.w, layer.b
    report = check_layer(layer, arrays((5, 4))[0])
    assert report.ok
    assert report.dtype == "bfloat16"
    assert layer.w is kept[0]
    assert layer.b is kept[1]


def test_a_view_goes_on_being_one_meanwhile():
    [vector] = arrays(12)
    held = {"all": vector, "w": vector[2:8].reshape(3, 2).T}
    was = dict(held)
    widened = Widened(held)
    assert held["w"].dtype == held["all"].dtype == np.float32
    assert np.array_equal(held["w"], was["w"].astype(np.float32))
    held["all"][2] = 100
    assert held["w"][0, 0] == 100
    widened.close()
    assert held["w"] is was["w"]
    assert held["all"] is was["all"]


def test_they_are_put_back_where_a_check_does_not_begin():
    layer = Linear()
    with pytest.raises(Exception, match="submodules"):
        check_layer(layer, arrays((5, 4))[0], submodules=True)
    assert layer.w.dtype == BFLOAT16


def test_a_chain_of_layers():
    class Tanh:
        def forward(self, x):
            self.y = np.tanh(x)
            return self.y

        def backward(self, d):
            return d * (1 - self.y * self.y)

    linear = Linear()
    report = check_network([("linear", linear), ("tanh", Tanh())], arrays((5, 4))[0])
    assert report.ok
    assert report.gradients[0].dtype == "bfloat16"
    assert linear.w.dtype == BFLOAT16


def test_the_gradient_of_a_forward():
    x, w = arrays((5, 4), (4, 3))
    found = gradient(lambda x, w: np.tanh(x @ w).sum(), x, w)
    exact = gradient(lambda x, w: np.tanh(x @ w).sum(), x.astype(float), w.astype(float))
    assert all(np.allclose(found[n], exact[n], rtol=1e-5, atol=1e-6) for n in exact)
