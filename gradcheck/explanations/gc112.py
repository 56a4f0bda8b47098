"""A gradient is not linear in the upstream gradient.

A derivative is a linear map: twice the upstream gradient gives twice the gradient. What is clipped, normalised or has
a constant added is no derivative.

Given:

    def forward(x, w):
        return x @ w, (x, w)

Wrong:

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, np.clip(x.T @ dout, -1, 1)

Right:

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 2)))

Why it happens: clipping was put into the layer. It belongs between the backward and the update, where it can be seen
and taken out. Also: a gradient that forgets to multiply by dout, and weight decay added without it.
"""
