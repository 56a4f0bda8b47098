"""Of a loop in the forward, only one round counts in the gradient.

Given:

    def forward(x, w):
        out = np.zeros(w.shape[1])
        for t in range(len(x)):
            out = np.tanh(out + x[t] @ w)
        return out, (x, w)

Wrong:

    def backward(dout, cache):
        x, w = cache
        outs = [np.zeros(w.shape[1])]
        for row in x:
            outs.append(np.tanh(outs[-1] + row @ w))
        dx = np.zeros_like(x)
        for t in reversed(range(len(x))):
            dout = dout * (1 - outs[t + 1] ** 2)
            dx[t], dw = w @ dout, np.outer(x[t], dout)
        return dx, dw

Right:

    def backward(dout, cache):
        x, w = cache
        outs = [np.zeros(w.shape[1])]
        for row in x:
            outs.append(np.tanh(outs[-1] + row @ w))
        dx, dw = np.zeros_like(x), np.zeros_like(w)
        for t in reversed(range(len(x))):
            dout = dout * (1 - outs[t + 1] ** 2)
            dx[t] = w @ dout
            dw += np.outer(x[t], dout)
        return dx, dw

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 2)))

Why it happens: "dw = ..." inside a loop keeps what the last round gives. A weight that is used in every round gets a
gradient from every round: start from zeros, and add.
"""
