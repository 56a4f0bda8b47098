"""Two functions and less plain arguments: dicts, lists, numbers, partial functions."""

import functools

from layers_sample import Sample, affine, numbers, product, sample

X, W, B = numbers(3, 4), numbers(4, 2), numbers(2)
HALF = "forward -> out, backward(dout"


@sample
def parameters_in_a_dict_argument():
    def forward(x, params):
        return x @ params["W"] + params["b"]

    def backward(dout, x, params):
        return dout @ params["W"].T, {"W": x.T @ dout, "b": dout.sum(0)}

    return Sample((forward, backward, X, {"W": W, "b": B}), f"{HALF}, x, params)", affine)


@sample
def parameters_in_a_list_argument():
    def forward(x, weights):
        return x @ weights[0] + weights[1]

    def backward(dout, x, weights):
        return dout @ weights[0].T, [x.T @ dout, dout.sum(0)]

    return Sample((forward, backward, X, [W, B]), f"{HALF}, x, weights)", affine)


@sample
def python_numbers():
    return Sample((lambda a, b: a * b, lambda dout, a, b: (dout * b, dout * a), 2.5, -0.5), f"{HALF}, a, b)", product)


@sample
def partial_functions():
    def forward(x, w, scale):
        return x @ w * scale

    def backward(dout, x, w, scale):
        return scale * dout @ w.T, scale * x.T @ dout

    def truth(v, ups):
        return affine(v, [2 * ups[0]])

    # what partial fixes is the caller's own constant; backward gets it from its own partial
    return Sample(
        (functools.partial(forward, scale=2), functools.partial(backward, scale=2), X, W), f"{HALF}, x, w)", truth
    )


@sample
def both_in_one_tuple():
    pair = (lambda x, w: x @ w, lambda dout, x, w: (dout @ w.T, x.T @ dout))
    return Sample((pair, X, W), f"{HALF}, x, w)", affine)


@sample
def same_array_twice():
    def truth(v, ups):
        return {"a": ups[0] * v["b"], "b": ups[0] * v["a"]}

    return Sample(
        (lambda a, b: a * b, lambda dout, a, b: (dout * b, dout * a), X, X), f"{HALF}, a, b)", truth, note="same array"
    )
