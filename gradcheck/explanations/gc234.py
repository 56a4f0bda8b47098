"""The derivative of a line of the forward is applied twice.

Given:

    def forward(x, w):
        h = np.tanh(x @ w)
        return h, (x, w, h)

Wrong:

    def backward(dout, cache):
        x, w, h = cache
        delta = dout * (1 - h**2)
        delta = delta * (1 - h**2)
        return delta @ w.T, x.T @ delta

Right:

    def backward(dout, cache):
        x, w, h = cache
        delta = dout * (1 - h**2)
        return delta @ w.T, x.T @ delta

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 2)))

Why it happens: the layer applies its activation's derivative at the end of its backward, and the layer above had done
so already. Decide whether a delta is taken before or after the activation, everywhere alike.
"""
