"""An activation's derivative is another function's.

The report says which function yours is, of the input x or the output y, and which is wanted.

Given:

    def forward(x, w):
        z = x @ w
        return np.tanh(z), (x, w, z)

Wrong:

    def backward(dout, cache):
        x, w, z = cache
        delta = dout * (1 - z**2)
        return delta @ w.T, x.T @ delta

Right:

    def backward(dout, cache):
        x, w, z = cache
        delta = dout * (1 - np.tanh(z) ** 2)
        return delta @ w.T, x.T @ delta

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 2)))

Why it happens: many derivatives are short when written with the output: s (1 - s), 1 - t². Given the input, or the
output a second time through the function, they are something else. The derivative of ReLU is a step, and softplus is
what ReLU itself resembles.
"""
