"""Two functions, forward and backward."""

import numpy as np
from layers_sample import Sample, affine, numbers, product, sample

X, W, B = numbers(3, 4), numbers(4, 2), numbers(2)
HALF = "forward -> out, backward(dout"


@sample
def cache_is_a_tuple():
    def affine_forward(x, w, b):
        out = x @ w + b
        cache = (x, w, b)
        return out, cache

    def affine_backward(dout, cache):
        x, w, _ = cache
        return dout @ w.T, x.T @ dout, dout.sum(0)

    return Sample((affine_forward, affine_backward, X, W, B), "forward -> (out, cache), backward(dout, cache)", affine)


@sample
def cache_comes_first():
    def backward(cache, dz):
        return dz @ cache["w"].T, cache["x"].T @ dz

    return Sample(
        (lambda x, w: (x @ w, {"x": x, "w": w}), backward, X, W), "forward -> (out, cache), backward(cache, dz)", affine
    )


@sample
def several_values_kept():
    def forward(x, w):
        out = x @ w
        return out, x, w

    return Sample(
        (forward, lambda dout, a, c: (dout @ c.T, a.T @ dout), X, W),
        "forward -> (out, x, w), backward(dout, a, c)",
        affine,
    )


@sample
def inputs_in_their_order():
    return Sample((lambda x, w: x @ w, lambda dout, x, w: (dout @ w.T, x.T @ dout), X, W), f"{HALF}, x, w)", affine)


@sample
def inputs_in_another_order():
    def backward(w, x, grad_output):
        return grad_output @ w.T, x.T @ grad_output

    return Sample((lambda x, w: x @ w, backward, X, W), "forward -> out, backward(w, x, grad_output)", affine)


@sample
def a_subset_of_inputs():
    def forward(x, b):
        return np.tanh(x) + b

    def backward(dout, x):
        return dout * (1 - np.tanh(x) ** 2), dout.sum(0)

    def truth(v, ups):
        return {"x": ups[0] * (1 - np.tanh(v["x"]) ** 2), "b": ups[0].sum(0)}

    return Sample((forward, backward, X, numbers(4)), f"{HALF}, x)", truth)


@sample
def the_output_is_asked_for():
    def truth(v, ups):
        return {"x": ups[0] * np.exp(v["x"])}

    return Sample((lambda x: np.exp(x), lambda dout, out: dout * out, X), f"{HALF}, out)", truth)


@sample
def state_in_a_closure():
    kept = {}

    def forward(x, w):
        kept["x"], kept["w"] = x, w
        return x @ w

    def backward(dout):
        return dout @ kept["w"].T, kept["x"].T @ dout

    return Sample((forward, backward, X, W), f"{HALF})", affine)


@sample
def state_on_the_function():
    def forward(x):
        forward.mask = x > 0
        return np.where(forward.mask, x, 0)

    return Sample(
        (forward, lambda delta: delta * forward.mask, X),
        "forward -> out, backward(delta)",
        lambda v, ups: {"x": ups[0] * (v["x"] > 0)},
    )


@sample
def closure_with_parameters_returned_by_name():
    w = W.copy()
    kept = []

    def forward(x):
        kept[:] = [x]
        return x @ w

    def backward(dout):
        dx, dw = dout @ w.T, kept[0].T @ dout
        return dx, dw

    return Sample((forward, backward, X), f"{HALF})", affine)


@sample
def parameters_declared():
    w = W.copy()

    def backward(x, dout):
        return dout @ w.T, x.T @ dout

    return Sample(
        (lambda x: x @ w, backward, X), "forward -> out, backward(x, dout)", affine, {"params": {"weight": w}}
    )


@sample
def options_in_a_dict():
    def conv_forward(x, param):
        return x * param["scale"], (x, param)

    return Sample(
        (conv_forward, lambda dout, cache: dout * cache[1]["scale"], X, {"scale": 3, "mode": "train"}),
        "forward -> (out, cache), backward(dout, cache)",
        lambda v, ups: {"x": 3 * ups[0]},
    )


@sample
def options_asked_for_by_the_backward():
    return Sample(
        (lambda x, scale: x * scale, lambda dout, scale: dout * scale, X, 3),
        f"{HALF}, scale)",
        lambda v, ups: {"x": 3 * ups[0]},
    )


@sample
def keyword_options():
    def forward(x, *, scale=1.0, shift=0.0):
        return x * scale + shift

    def backward(dout, *, scale):
        return dout * scale

    return Sample(
        (forward, backward, X),
        f"{HALF}, scale)",
        lambda v, ups: {"x": 4 * ups[0]},
        {"kwargs": {"scale": 4, "shift": 2}},
    )


@sample
def two_outputs_two_upstreams():
    def cell_forward(x, w):
        h = x @ w
        c = h * h
        return h, c, (x, w, h)

    def cell_backward(dh, dc, cache):
        x, w, h = cache
        d = dh + 2 * h * dc
        return d @ w.T, x.T @ d

    def truth(v, ups):
        return affine(v, [ups[0] + 2 * (v["x"] @ v["w"]) * ups[1]])

    # the cache is an expression without a name
    return Sample((cell_forward, cell_backward, X, W), "forward -> (h, c, cache), backward(dh, dc, cache)", truth)


@sample
def upstreams_unpacked_from_one_tuple():
    def forward(a, b):
        return a * b, a + b

    def backward(dout, a, b):
        dp, ds = dout
        return dp * b + ds, dp * a + ds

    def truth(v, ups):
        return {"a": ups[0] * v["b"] + ups[1], "b": ups[0] * v["a"] + ups[1]}

    return Sample((forward, backward, X, numbers(3, 4, seed=1)), "forward -> (out, out2), backward(dout, a, b)", truth)


@sample
def middle_output_without_upstream():
    def rnn_cell_forward(xt, w):
        a_next = np.tanh(xt @ w)
        yt_pred = a_next * 2
        cache = (xt, w, a_next)
        return a_next, yt_pred, cache

    def rnn_cell_backward(da_next, cache):
        xt, w, a_next = cache
        dz = da_next * (1 - a_next**2)
        return {"dxt": dz @ w.T, "dw": xt.T @ dz}

    def truth(v, ups):
        return affine(v, [ups[0] * (1 - np.tanh(v["xt"] @ v["w"]) ** 2)])

    return Sample(
        (rnn_cell_forward, rnn_cell_backward, X, W),
        "forward -> (a_next, yt_pred, cache), backward(da_next, cache)",
        truth,
        note="yt_pred",
    )


@sample
def value_and_penalty():
    def forward(x, w):
        out = x @ w
        penalty = float((w**2).sum())
        return out, penalty

    return Sample(
        (forward, lambda dout, x, w: (dout @ w.T, x.T @ dout), X, W),
        "forward -> (out, penalty), backward(dout, x, w)",
        affine,
        note="penalty",
    )


@sample
def none_for_labels_and_options():
    def forward(x, ids, scale):
        return x[ids] * scale

    def backward(dout, x, ids, scale):
        dx = np.zeros_like(x)
        np.add.at(dx, ids, dout * scale)
        return dx, None, None

    def truth(v, ups):
        dx = np.zeros_like(v["x"])
        np.add.at(dx, [0, 2, 2], 2 * ups[0])
        return {"x": dx}

    return Sample((forward, backward, X, np.array([0, 2, 2]), 2), f"{HALF}, x, ids, scale)", truth)


@sample
def order_declared_by_the_caller():
    return Sample(
        (lambda a, b: a * b, lambda dout, a, b: (dout * a, dout * b), X, numbers(3, 4, seed=2)),
        f"{HALF}, a, b)",
        product,
        {"gradients": ["b", "a"]},
    )


@sample
def constant_declared():
    return Sample(
        (lambda x, mask: x * mask, lambda dout, mask: dout * mask, X, 2 * np.ones((3, 4))),
        f"{HALF}, mask)",
        lambda v, ups: {"x": 2 * ups[0]},
        {"constants": ["mask"]},
    )


@sample
def only_some_are_wanted():
    return Sample(
        (lambda x, w: x @ w, lambda dout, x, w: (dout @ w.T, x.T @ dout), X, W),
        f"{HALF}, x, w)",
        lambda v, ups: {"w": X.T @ ups[0]},
        {"wrt": ["w"]},
    )
