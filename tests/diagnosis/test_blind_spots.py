"""Values and sizes at which right and wrong coincide: tried at others, and told where that cannot be."""

import functools

import numpy as np
import opaque
import pytest
from layers.catalogue import entries

from gradcheck import check_layer, check_network

RNG = np.random.default_rng(0)
X, W, B = (RNG.standard_normal(shape) for shape in ((1, 3), (3, 5), (5,)))
X6, W4 = RNG.standard_normal((6, 4)), RNG.standard_normal((4, 4))
SYMMETRIC = W4 + W4.T


def linear(x, w, b):
    return x @ w + b, (x, w)


def changed(**changes):
    """The backward of a linear layer with another gradient for some arrays."""

    def backward(dout, cache):
        x, w = cache
        dx, dw, db = opaque.linear_backward(dout, cache)
        made = {"x": dx, "w": dw, "b": db} | {n: change(dout, x, w) for n, change in changes.items()}
        return made["x"], made["w"], made["b"]

    return backward


FORWARDS = pytest.mark.parametrize("forward", [linear, opaque.linear], ids=["traced", "opaque"])


def codes(report):
    return [f.code for f in report.findings]


@FORWARDS
def test_a_mean_for_a_sum_over_one_sample_is_warned_of(forward):
    mean = changed(w=lambda dout, x, w: x.T @ dout / len(x), b=lambda dout, x, w: dout.mean(axis=0))
    report = check_layer(forward, mean, X, W, B)
    assert report.ok  # it is right as it is used
    [found] = report.findings
    assert (found.code, found.severity, found.gradient) == ("GC141", "warning", "dw, db")
    assert found.title == "dw and db are right for this one sample, and wrong for three"


@FORWARDS
def test_a_right_layer_at_one_sample_gets_no_remark(forward):
    assert codes(check_layer(forward, opaque.linear_backward, X, W, B)) == []


def test_a_bias_that_is_not_summed_over_one_sample_is_warned_of():
    report = check_layer(linear, changed(b=lambda dout, x, w: +dout), X, W, B[None])
    assert codes(report) == ["GC141"]
    assert "shape (3, 5)" in report.findings[0].evidence[0]


def test_gradients_at_hand_of_one_sample_cannot_be_tried():
    dout = RNG.standard_normal((1, 5))
    at_hand = {"x": dout @ W.T, "w": X.T @ dout, "b": dout[0]}
    report = check_layer(lambda x, w, b: x @ w + b, X, W, B, gradients=at_hand, upstream=dout)
    assert report.ok
    assert [(f.code, f.severity) for f in report.findings] == [("GC141", "info")]


def test_a_forward_for_one_row_alone_has_no_batch():
    def forward(x, w):
        assert x.shape[0] == 1
        return x @ w, (x, w)

    assert codes(check_layer(forward, lambda dout, c: (dout @ c[1].T, c[0].T @ dout), X, W)) == []


@FORWARDS
def test_a_transposed_weight_is_seen_though_the_weight_is_symmetric(forward):
    transposed = changed(x=lambda dout, x, w: dout @ w)
    report = check_layer(forward, transposed, X6, SYMMETRIC, np.zeros(4), budget=0)
    assert [g.verdict for g in report.gradients] == ["wrong", "right", "right"]
    assert "at other values of its arrays" in report.gradients[0].reason


@FORWARDS
@pytest.mark.parametrize("w", [W4, SYMMETRIC, np.eye(4), np.ones((4, 4))], ids=["any", "symmetric", "one", "ones"])
def test_right_layers_at_special_values_get_no_remark(forward, w):
    report = check_layer(forward, opaque.linear_backward, X6, w, np.zeros(4), upstream=np.ones((6, 4)))
    assert report.ok
    assert codes(report) == []


@FORWARDS
def test_rows_in_another_order_are_seen_though_the_upstream_gradient_is_constant(forward):
    turned = changed(w=lambda dout, x, w: x.T @ dout[::-1])
    report = check_layer(forward, turned, X6, W4, B[:4], upstream=np.ones((6, 4)), budget=0)
    assert [g.verdict for g in report.gradients] == ["right", "wrong", "right"]


def test_a_scale_left_out_is_seen_though_it_is_one_and_the_forward_opaque():
    def forward(x, gamma):
        return opaque.raw(x) ** 3 * opaque.raw(gamma), (x, gamma)

    def backward(dout, cache):
        x, _ = cache
        return 3 * x**2 * dout, (dout * x**3).sum(axis=0)

    report = check_layer(forward, backward, X6, np.ones(4))
    assert [g.verdict for g in report.gradients] == ["wrong", "right"]


def test_what_cannot_be_tried_is_told_once_and_stays_right():
    dout = np.ones((6, 4))
    at_hand = {"x": dout @ SYMMETRIC.T, "w": X6.T @ dout, "b": dout.sum(axis=0)}
    report = check_layer(lambda x, w, b: x @ w + b, X6, SYMMETRIC, np.zeros(4), gradients=at_hand, upstream=dout)
    assert report.ok
    [found] = report.findings
    assert (found.code, found.severity) == ("GC143", "info")
    told = " ".join(found.evidence)
    for words in ("w is symmetric", "b is all zeros", "the upstream gradient is constant"):
        assert words in told


def test_gradients_at_hand_at_ordinary_values_get_no_remark():
    dout = RNG.standard_normal((6, 4))
    at_hand = {"x": dout @ W4.T, "w": X6.T @ dout}
    assert codes(check_layer(lambda x, w: x @ w, X6, W4, gradients=at_hand, upstream=dout)) == []


@pytest.mark.parametrize("opaquely", [True, False])
def test_a_mask_that_is_forgotten_is_remarked_where_all_inputs_are_positive(opaquely):
    def forward(x):
        return np.maximum(opaque.raw(x) if opaquely else x, 0), x

    report = check_layer(forward, lambda dout, x: +dout, np.abs(X6) + 0.1)
    assert report.ok
    assert codes(report) == ["GC117"]
    right = check_layer(forward, lambda dout, x: dout * (x > 0), np.abs(X6) + 0.1)
    assert codes(right) == []


def test_inputs_of_one_sign_are_told_of_gradients_at_hand():
    x, dout = np.abs(X6) + 0.1, RNG.standard_normal((6, 4))
    report = check_layer(lambda x: np.maximum(x, 0), x, gradients={"x": dout}, upstream=dout)
    assert report.ok
    assert report.findings[0].title.startswith("all entries of x have one sign: a sign or a mask that is forgotten")


def test_a_sum_over_one_channel_too_many_is_warned_of():
    def pool(x):
        return x.mean(axis=(2, 3)), x

    def shares(dout, x):
        return np.broadcast_to((dout / x[0, 0].size)[:, :, None, None], x.shape).copy()

    def summed(dout, x):
        return shares(dout.sum(axis=1, keepdims=True), x)

    images = RNG.standard_normal((3, 1, 4, 5))
    assert codes(check_layer(pool, shares, images)) == []
    report = check_layer(pool, summed, images)
    assert report.ok
    assert report.findings[0].title == "dx is right for this one channel, and wrong for two"


def windows(shape, size, stride):
    return [
        (i, j, slice(i * stride, i * stride + size), slice(j * stride, j * stride + size))
        for i in range((shape[0] - size) // stride + 1)
        for j in range((shape[1] - size) // stride + 1)
    ]


def pool(x, size=2, stride=2):
    out = np.zeros(tuple((n - size) // stride + 1 for n in x.shape))
    for i, j, rows, columns in windows(x.shape, size, stride):
        out[i, j] = x[rows, columns].mean()
    return out, (x, size, stride)


def pool_backward(dout, cache, added=False):
    x, size, stride = cache
    dx = np.zeros_like(x)
    for i, j, rows, columns in windows(x.shape, size, stride):
        dx[rows, columns] = dout[i, j] / size**2 + (dx[rows, columns] if added else 0)
    return dx


@pytest.mark.parametrize("given", [{"kwargs": {"size": 2, "stride": 2}}, {"kwargs": {"size": 3, "stride": 3}}])
def test_assigning_what_should_be_added_is_warned_of_where_windows_do_not_overlap(given):
    x = RNG.standard_normal((6, 9))
    report = check_layer(pool, lambda dout, cache: pool_backward(dout, cache), x, **given)
    assert report.ok
    assert codes(report) == ["GC144"]
    assert "wrong where they overlap" in report.findings[0].title
    assert codes(check_layer(pool, lambda dout, cache: pool_backward(dout, cache, True), x, **given)) == []


def test_a_layer_of_a_network_is_looked_at_like_any_other():
    def loss(y):
        return float(np.sum(y)), np.ones_like(y)

    turned = changed(w=lambda dout, x, w: x.T @ dout[::-1])
    report = check_network([("fc", linear, turned, W4, B[:4])], X6, loss=loss)
    assert {g.name: g.verdict for g in report.gradients if g.layer == "fc"}["dw"] == "wrong"


@pytest.mark.parametrize("layer", entries(), ids=lambda layer: layer.name)
def test_right_layers_of_the_catalogue_get_no_remark(layer):
    report = check_layer(layer.forward, layer.backward, *layer.inputs, kwargs=layer.options, raises=False)
    assert not {"GC140", "GC141", "GC142", "GC143", "GC144", "GC145"} & set(codes(report))


@pytest.mark.parametrize("layer", entries(), ids=lambda layer: layer.name)
@pytest.mark.parametrize("opaquely", [False, True], ids=["traced", "opaque"])
def test_right_layers_of_the_catalogue_get_no_remark_at_one_sample(layer, opaquely):
    @functools.wraps(layer.forward)
    def forward(*inputs, **options):
        seen = (opaque.raw(a) if opaquely and a.dtype.kind == "f" else a for a in inputs)
        return layer.forward(*seen, **options)

    count = layer.inputs[0].shape[0]
    one = [a[:1] if a.ndim and a.shape[0] == count else a for a in layer.inputs]
    report = check_layer(forward, layer.backward, *one, kwargs=layer.options, raises=False)
    assert not {"GC141", "GC142", "GC143", "GC145"} & set(codes(report))
