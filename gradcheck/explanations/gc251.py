"""The gradient is right, for another loss than the one that is computed.

Given:

    def softmax(z):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def forward(x, w, t):
        p = softmax(x @ w)
        return 0.5 * np.sum((p - t) ** 2), (x, w, p, t)

Wrong:

    def backward(dout, cache):
        x, w, p, t = cache
        delta = dout * (p - t)
        return delta @ w.T, x.T @ delta

Right:

    def backward(dout, cache):
        x, w, p, t = cache
        dp = dout * (p - t)
        delta = p * (dp - (dp * p).sum(axis=1, keepdims=True))
        return delta @ w.T, x.T @ delta

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 3)), np.eye(3)[[0, 2, 1, 1, 0]],
                constants=["t"])

Why it happens: p - t is the gradient of softmax with cross-entropy, by what goes into the softmax, and looks like
that of a squared error by what comes out. Decide which loss is meant, and compute that one, or take its gradient.
"""
