"""A second call gives another answer than a first one at the same inputs.

Something of the first call is kept and used again: a cache that is never renewed, buffers of the first batch's size.

Given:

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout

    kept = {}

Wrong:

    def forward(x, w):
        if "x" not in kept:
            kept["x"] = x.copy()
        return x @ w, (kept["x"], w)

Right:

    def forward(x, w):
        kept["x"] = x.copy()
        return x @ w, (kept["x"], w)

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 2)))

Why it happens: "if self.cols is None: self.cols = ..." saves time in a script with one batch, and goes wrong with the
second one.
"""
