"""The gradient is rescaled by its norm, or clipped to a norm.

Given:

    def forward(x, w):
        return x @ w, (x, w)

Wrong:

    def backward(dout, cache):
        x, w = cache
        dw = x.T @ dout
        return dout @ w.T, dw / np.linalg.norm(dw)

Right:

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 2)))

Why it happens: every step was to have the same length. Then no step is short, near a minimum either. Rescale after
the backward, and for all gradients together.
"""
