# ruff: noqa: RET504  (the arguments and names that functions have are what is tested)
"""Faults of a set of gradients: wrong number, order, names, None. Found, said, and never mended in silence."""

import numpy as np
import pytest

from gradcheck.layers import adapt

RNG = np.random.default_rng(0)
X, W, B = RNG.standard_normal((3, 4)), RNG.standard_normal((4, 2)), RNG.standard_normal(2)


def affine(x, w, b):
    return x @ w + b


def parts(dout, x, w):
    return dout @ w.T, x.T @ dout, dout.sum(0)


def run(backward, forward=affine, args=(X, W, B), **options):
    problem = adapt((forward, backward, *args), **options)
    outputs = problem.forward()
    return problem, problem.backward([np.ones(np.shape(o)) for o in outputs])


def codes(result):
    return [fault.code for fault in result.faults]


def test_none_is_wrong_with_a_right_set():
    _, result = run(lambda dout, x, w: parts(dout, x, w))
    assert codes(result) == []


def test_too_few():
    _, result = run(lambda dout, x, w: parts(dout, x, w)[:2])
    assert codes(result) == ["GC101"]
    assert result.faults[0].title == "backward returns 2 gradients for 3 inputs"
    assert result.values["b"] is None
    assert result.values["x"].shape == X.shape


def test_too_many():
    _, result = run(lambda dout, x, w: (*parts(dout, x, w), 0 * dout))
    assert codes(result) == ["GC101"]
    assert result.faults[0].title == "backward returns 4 gradients for 3 inputs"


def test_order_seen_by_shape_keeps_the_order_returned():
    def backward(dout, x, w):
        return parts(dout, x, w)[0], parts(dout, x, w)[2], parts(dout, x, w)[1]

    _, result = run(backward)
    assert codes(result) == ["GC102"]
    assert result.faults[0].title == "backward returns its gradients in another order than the inputs: x, b, w"
    assert result.values["w"].shape == (2,)  # as returned
    assert "gradients=[" in " ".join(result.faults[0].help)


def test_order_seen_by_name_where_shapes_agree():
    def scale(x, gamma, beta):
        return x * gamma + beta

    def backward(dout, x, gamma):
        dx, dgamma, dbeta = dout * gamma, (dout * x).sum(0), dout.sum(0)
        return dx, dbeta, dgamma

    problem, result = run(backward, scale, (X, B.repeat(2), B.repeat(2) + 1))
    assert codes(result) == ["GC102"]
    assert "its return statement says dx, dbeta, dgamma" in result.faults[0].evidence
    np.testing.assert_allclose(result.values["gamma"], 3)  # dbeta, not mended
    assert problem.variables[1].name == "gamma"


def test_order_declared_is_no_fault():
    def backward(dout, x, w):
        dx, dw, db = parts(dout, x, w)
        return dw, db, dx

    _, result = run(backward, gradients=["dw", "db", "dx"])
    assert codes(result) == []
    assert result.values["w"].shape == W.shape


def test_none_in_the_set():
    _, result = run(lambda dout, x, w: (parts(dout, x, w)[0], None, parts(dout, x, w)[2]))
    assert codes(result) == ["GC103"]
    assert result.faults[0].title == "no gradient for w: backward returns None"
    assert result.faults[0].gradient == "dw"


def test_none_for_a_constant_is_no_fault():
    _, result = run(lambda dout, x, w: (None, *parts(dout, x, w)[1:]), constants=["x"])
    assert codes(result) == []


def test_nothing_returned():
    _, result = run(lambda dout: None)
    assert codes(result) == ["GC103"] * 3


def test_one_bare_gradient_leaves_the_others_none():
    _, result = run(lambda dout, w: dout @ w.T)
    assert result.values["w"] is None
    assert result.values["b"] is None
    assert codes(result) == []  # the engine says of each that it is undecided


def test_one_bare_gradient_goes_by_its_name():
    def backward(dout, x):
        dw = x.T @ dout
        return dw

    _, result = run(backward)
    assert result.values["x"] is None
    assert result.values["w"].shape == W.shape


def test_dict_without_one():
    _, result = run(lambda dout, x, w: {"dx": dout @ w.T, "dw": x.T @ dout})
    assert codes(result) == ["GC103"]
    assert "backward's dict has 'dx', 'dw'" in result.faults[0].title


def test_dict_with_wrong_names():
    _, result = run(lambda dout, x, w: {"dx": dout @ w.T, "dw": x.T @ dout, "dgamma": dout.sum(0)})
    assert codes(result) == ["GC102"]
    assert result.faults[0].title == "backward names gradients that belong to no input: dgamma"


def test_stray_gradients_in_a_dict_are_let_be():
    _, result = run(lambda dout, x, w: {**dict(zip(("dx", "dw", "db"), parts(dout, x, w), strict=True)), "dz": dout})
    assert codes(result) == []


def test_dict_value_none():
    _, result = run(lambda dout, x, w: {"dx": None, "dw": x.T @ dout, "db": dout.sum(0)})
    assert codes(result) == ["GC103"]
    assert "backward gives None for 'dx'" in result.faults[0].title


def test_wrong_shapes_that_no_order_mends_are_left_to_the_engine():
    _, result = run(lambda dout, x, w: (dout @ w.T, x.T @ dout, dout))
    assert codes(result) == []
    assert result.values["b"].shape == (3, 2)


def test_shapes_of_another_batch_are_not_tried_in_every_order(monkeypatch):
    monkeypatch.setattr("gradcheck.layers.matching.permutations", None)
    _, result = run(lambda dout, x, w: ((dout @ w.T)[:-1], x.T @ dout, dout.sum(0)))
    assert codes(result) == []


def test_object_that_keeps_nothing():
    class Layer:
        def __init__(self):
            self.W = W.copy()

        def forward(self, x):
            return x @ self.W

        def backward(self, dout):
            pass

    problem = adapt((Layer(), X))
    problem.forward()
    result = problem.backward([np.ones((3, 2))])
    assert codes(result) == ["GC103", "GC103"]
    assert "no attribute holds it" in result.faults[0].title
    assert {v.name for v in problem.variables} == {"x", "W"}


@pytest.mark.parametrize("given", ["dw", "grad_w", "w", "w_grad", "dL_dw", "gw", "nabla_w", "delta_w", "W"])
def test_spellings(given):
    _, result = run(lambda dout, x, w: {"dx": dout @ w.T, given: x.T @ dout, "db": dout.sum(0)})
    assert codes(result) == []
    np.testing.assert_allclose(result.values["w"], X.T @ np.ones((3, 2)))


def test_label_is_the_users_own_key():
    problem, _ = run(lambda dout, x, w: {"grad_x": dout @ w.T, "grad_w": x.T @ dout, "b": dout.sum(0)})
    assert [v.gradient for v in problem.variables] == ["grad_x", "grad_w", "db"]


def test_not_differentiated_and_why():
    def forward(x, ids, mask, scale):
        return x[ids] * scale * mask[:, None]

    problem = adapt(
        (forward, lambda dout: dout, X, np.array([0, 1, 2]), np.array([True, False, True]), np.ones(4)),
        constants=["scale"],
    )
    assert {v.name: v.reason for v in problem.variables if not v.differentiated} == {
        "ids": "integer labels or indices",
        "mask": "a boolean mask",
        "scale": "declared constant",
    }


def test_wrt_leaves_the_others_undifferentiated():
    problem, result = run(lambda dout, x, w: parts(dout, x, w), wrt="b")
    assert [v.reason for v in problem.variables] == ["not in wrt", "not in wrt", ""]
    assert codes(result) == []


def test_traced_lookalikes_are_passed_through_untouched():
    class Lookalike:
        """Says that it is an ndarray, as a traced array does; converting it would fail."""

        __class__ = np.ndarray

        def __init__(self, value):
            self.value = value

        def __matmul__(self, other):
            return Lookalike(self.value @ other)

        def __array__(self, *args, **kwargs):
            raise AssertionError("converted")

    def forward(x, w):
        return x @ w, (x, w)

    problem = adapt((forward, lambda dout, cache: (dout @ cache[1].T, cache[0].T @ dout), X, W))
    problem.arguments[0] = Lookalike(X)
    (out,) = problem.forward()
    assert type(out) is Lookalike
