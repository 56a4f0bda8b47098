"""The backward writes into an input or a parameter.

The gradient it returns may be right; the weights or the data are no longer what they were.

Given:

    def forward(x, w):
        return x @ w, (x, w)

Wrong:

    def backward(dout, cache):
        x, w = cache
        dw = x.T @ dout
        w -= 0.1 * dw
        return dout @ (w + 0.1 * dw).T, dw

Right:

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 2)))

Why it happens: the update has moved into the backward, or a shorthand (+=, *=, x[mask] = 0, out=) works on an array
that belongs to somebody else.
"""
