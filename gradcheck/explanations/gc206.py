"""The gradient is moved along an axis: rolled, or shifted with zeros coming in.

Given:

    def forward(x):
        return np.tanh(x[1:]), x

Wrong:

    def backward(dout, x):
        dx = np.zeros_like(x)
        dx[:-1] = dout * (1 - np.tanh(x[1:]) ** 2)
        return dx

Right:

    def backward(dout, x):
        dx = np.zeros_like(x)
        dx[1:] = dout * (1 - np.tanh(x[1:]) ** 2)
        return dx

Check:

    check_layer(forward, backward, rng.normal(size=(6, 3)))

Why it happens: an index that counts from 1, a padding that is cut off at the wrong side, a step of time too early or
too late.
"""
