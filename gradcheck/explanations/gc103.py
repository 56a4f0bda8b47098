"""An input has no gradient: None was returned for it, or nothing was stored.

Such an array cannot be judged, and an update would leave it as it is.

Given:

    def forward(x, w, b):
        return x @ w + b, (x, w)

Wrong:

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout, None

Right:

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout, dout.sum(axis=0)

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 2)), rng.normal(size=2))

Why it happens: a branch that returns early, a dictionary key spelled otherwise, a parameter added later. Where an
array is meant to have none (a mask, labels as floats), name it: constants=["b"].
"""
