"""The backward writes into the upstream gradient.

The array belongs to the caller, who may hand it to a second branch (a residual connection) afterwards.

Given:

    def forward(x):
        return np.maximum(x, 0), x

Wrong:

    def backward(dout, x):
        dout[x < 0] = 0
        return dout

Right:

    def backward(dout, x):
        return dout * (x > 0)

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)))

Why it happens: dout is used as scratch paper to save memory. Copy it first: dx = dout.copy().
"""
