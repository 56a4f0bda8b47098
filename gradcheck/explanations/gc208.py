"""The entries of the gradient are cut off at a bound.

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

Why it happens: clipping was a remedy for exploding gradients, in the layer itself. It changes the direction, and
hides how large the gradients are. Clip between the backward and the update, where it can be seen.
"""
