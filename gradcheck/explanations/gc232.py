"""The derivative of a line of the forward is left out.

What comes back to that line is handed on unchanged, as if the line were not there.

Given:

    def forward(x, w):
        z = x @ w
        return np.maximum(z, 0), (x, w, z)

Wrong:

    def backward(dout, cache):
        x, w, z = cache
        return dout @ w.T, x.T @ dout

Right:

    def backward(dout, cache):
        x, w, z = cache
        delta = dout * (z > 0)
        return delta @ w.T, x.T @ delta

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 2)))

Why it happens: the derivative cancels elsewhere and was taken over from there (sigmoid with cross-entropy, where the
delta is y - t, used with a squared error); ReLU's mask taken from outputs with >=, which is true everywhere; a scale
or a dropout mask that the forward multiplies by and the backward forgot.
"""
