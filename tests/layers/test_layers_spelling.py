"""Names of upstream gradients, caches, and of the gradient of a thing called W."""

import pytest

from gradcheck.layers.spelling import (
    gradient_bases,
    is_cache_name,
    is_rate_name,
    is_target_name,
    is_upstream_name,
    looks_like_parameter,
    match_names,
)


@pytest.mark.parametrize(
    "name",
    [
        "dout",
        "dy",
        "dz",
        "dZ",
        "dA",
        "dL_dy",
        "d_L_d_out",
        "dLdy",
        "grad",
        "grads",
        "grad_output",
        "grad_out",
        "output_grad",
        "output_gradient",
        "accum_grad",
        "upstream",
        "upstream_grad",
        "delta",
        "delta_out",
        "error",
        "output_error",
        "top_diff",
        "dvalues",
        "d_out",
        "dnext_h",
        "da_next",
        "dh",
        "dscores",
        "gy",
        "gys",
        "g",
        "cotangent",
        "dloss",
        "incoming",
    ],
)
def test_upstream(name):
    assert is_upstream_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "data",
        "dim",
        "depth",
        "dilation",
        "decay",
        "dtype",
        "dropout",
        "x",
        "w",
        "b",
        "cache",
        "lr",
        "weights",
        "mask",
        "groups",
        "eps",
    ],
)
def test_no_upstream(name):
    assert not is_upstream_name(name)


@pytest.mark.parametrize(
    "name", ["cache", "caches", "linear_cache", "ctx", "saved", "saved_tensors", "memory", "tape", "residuals"]
)
def test_cache(name):
    assert is_cache_name(name)


@pytest.mark.parametrize("name", ["lr", "learning_rate", "learn_rate", "alpha", "eta", "step_size", "l_rate"])
def test_rate(name):
    assert is_rate_name(name)


@pytest.mark.parametrize("name", ["y", "t", "target", "targets", "labels", "y_true", "ground_truth", "one_hot"])
def test_target(name):
    assert is_target_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "W",
        "W1",
        "Wx",
        "W_ih",
        "U",
        "V",
        "w",
        "b",
        "b1",
        "bh",
        "weight",
        "weights",
        "kernel",
        "gamma",
        "beta",
        "bias",
        "biases",
        "filters",
        "theta",
    ],
)
def test_parameter(name):
    assert looks_like_parameter(name)


@pytest.mark.parametrize(
    "name",
    [
        "x",
        "out",
        "running_mean",
        "W_velocity",
        "vW",
        "mW",
        "grad_W",
        "weights_grad",
        "mask",
        "best",
        "cache",
        "z",
        "lr",
    ],
)
def test_no_parameter(name):
    assert not looks_like_parameter(name)


@pytest.mark.parametrize(
    "key",
    [
        "dW",
        "d_W",
        "grad_W",
        "gradW",
        "W_grad",
        "W_gradient",
        "dLdW",
        "dL_dW",
        "d_L_d_W",
        "nabla_W",
        "delta_W",
        "gW",
        "W_delta",
        "d_loss_d_W",
    ],
)
def test_bases(key):
    assert "W" in gradient_bases(key)


@pytest.mark.parametrize(
    ("names", "keys", "found"),
    [
        (["W", "b"], ["dW", "db"], {"W": "dW", "b": "db"}),
        (["W", "b"], ["W", "b"], {"W": "W", "b": "b"}),
        (["W", "w"], ["dw", "dW"], {"W": "dW", "w": "dw"}),  # case tells two apart
        (["W"], ["dw"], {"W": "dw"}),  # and is let go where it need not
        (["weights", "biases"], ["dW", "db"], {"weights": "dW", "biases": "db"}),
        (["W1", "W2"], ["dweight1", "dweight2"], {"W1": "dweight1", "W2": "dweight2"}),
        (["x"], ["x", "dx"], {"x": "dx"}),
        (["gamma", "beta"], ["dbeta", "dgamma"], {"gamma": "dgamma", "beta": "dbeta"}),
        (["W"], ["dW", "grad_W"], {}),  # two fit: neither is taken
        (["A_prev"], ["dA_prev"], {"A_prev": "dA_prev"}),
    ],
)
def test_matches(names, keys, found):
    assert match_names(names, keys) == found


def test_a_plain_name_can_be_refused():
    assert match_names(["w"], ["w"], plain=False) == {}
