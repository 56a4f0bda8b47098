"""Nothing goes back through a line of the forward: the backward treats it as a constant.

Given:

    def forward(x, w):
        h = np.zeros((len(x) + 1, len(w)))
        for t in range(len(x)):
            h[t + 1] = np.tanh(x[t] + h[t] @ w)
        return h[1:], (w, h)

Wrong:

    def backward(dout, cache):
        w, h = cache
        dx, dw = np.zeros_like(dout), np.zeros_like(w)
        for t in reversed(range(len(dout))):
            dx[t] = dout[t] * (1 - h[t + 1] ** 2)
            dw += np.outer(h[t], dx[t])
        return dx, dw

Right:

    def backward(dout, cache):
        w, h = cache
        dx, dw, dh = np.zeros_like(dout), np.zeros_like(w), 0
        for t in reversed(range(len(dout))):
            dx[t] = (dout[t] + dh) * (1 - h[t + 1] ** 2)
            dw += np.outer(h[t], dx[t])
            dh = w @ dx[t]
        return dx, dw

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 3)) / 2)

Why it happens: a value has several ways into the loss, and one was forgotten: the hidden state of the step before,
the mean and the variance of a normalisation, the maximum that is subtracted. Draw every arrow out of the value; each
gives a term.
"""
