"""The gradient belongs to another value of an option than the forward has.

Given:

    def forward(x, lag):
        return x * np.roll(x, lag, axis=0), (x, lag)

Wrong:

    def backward(dout, cache):
        x, lag = cache
        return dout * np.roll(x, 1, axis=0) + np.roll(dout * x, -1, axis=0)

Right:

    def backward(dout, cache):
        x, lag = cache
        return dout * np.roll(x, lag, axis=0) + np.roll(dout * x, -lag, axis=0)

Check:

    check_layer(forward, backward, rng.normal(size=(9, 2)), 2)

Why it happens: the backward was written and tried with one value (stride 1, no padding, training mode), and the option
came later. Try every option at a value other than its default: a stride of 2, height unlike width.
"""
