"""An activation's derivative is used for some gradients and missing in others.

Given:

    def forward(x, w, b):
        h = np.tanh(x @ w + b)
        return h, (x, w, h)

Wrong:

    def backward(dout, cache):
        x, w, h = cache
        delta = dout * (1 - h**2)
        return dout @ w.T, x.T @ delta, delta.sum(axis=0)

Right:

    def backward(dout, cache):
        x, w, h = cache
        delta = dout * (1 - h**2)
        return delta @ w.T, x.T @ delta, delta.sum(axis=0)

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 2)), rng.normal(size=2))

Why it happens: a tutorial multiplies by the derivative in the line that updates the weights, and not in the line that
computes what goes to the layer below. One layer on its own then trains, a stack of them does not.
"""
