"""One of the paths through a line of the forward is not followed back.

Given:

    def forward(x, w):
        h = np.tanh(x @ w)
        return x + h, (x, w, h)

Wrong:

    def backward(dout, cache):
        x, w, h = cache
        delta = dout * (1 - h**2)
        return delta @ w.T, x.T @ delta

Right:

    def backward(dout, cache):
        x, w, h = cache
        delta = dout * (1 - h**2)
        return delta @ w.T + dout, x.T @ delta

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 3)))

Why it happens: a residual connection is one plus sign in the forward and one in the backward, and the second is
easily forgotten. The same with the mean of a normalisation, or a query that is the key as well.
"""
