"""The gradient is zero where the true one is not.

Given:

    def forward(x, w, b):
        return x @ w + b, (x, w, b)

Wrong:

    def backward(dout, cache):
        x, w, b = cache
        return dout @ w.T, x.T @ dout, np.zeros_like(b)

Right:

    def backward(dout, cache):
        x, w, b = cache
        return dout @ w.T, x.T @ dout, dout.sum(axis=0)

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 2)), rng.normal(size=2))

Why it happens: an array of zeros that was to be filled and was not; a loop that never runs; a result bound to another
name (db_ = ...) or to a local variable in place of the attribute.
"""
