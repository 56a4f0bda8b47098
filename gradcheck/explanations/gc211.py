"""The gradient is rounded to fewer digits than it was computed with.

Given:

    def forward(x, w):
        return x @ w, (x, w)

Wrong:

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, (x.T @ dout).astype(np.float16).astype(w.dtype)

Right:

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 2)))

Why it happens: a buffer of integers or of a lower precision on the way, np.round left over from printing. Small
gradients become zero.
"""
