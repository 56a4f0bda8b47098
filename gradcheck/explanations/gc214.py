"""The gradient is the same along an axis: summed or averaged over it, and broadcast back.

Given:

    def forward(x):
        return np.tanh(x), x

Wrong:

    def backward(dout, x):
        dx = dout * (1 - np.tanh(x) ** 2)
        return np.broadcast_to(dx.sum(axis=0, keepdims=True), x.shape).copy()

Right:

    def backward(dout, x):
        return dout * (1 - np.tanh(x) ** 2)

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)))

Why it happens: a sum with keepdims=True that belongs to a parameter's gradient was used for the input's as well;
NumPy stretches it to the shape that is wanted, in silence.
"""
