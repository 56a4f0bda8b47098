"""A gradient is right at these inputs, which have one sign only, and wrong at others.

A remark: whether it matters depends on what the layer is given.

Given:

    def forward(x):
        return np.abs(x), x

Wrong:

    def backward(dout, x):
        return dout

Right:

    def backward(dout, x):
        return dout * np.sign(x)

Check:

    check_layer(forward, backward, rng.random(size=(5, 3)) + 0.1)

Why it happens: the layer was tried on images with values between 0 and 1. A right cross-entropy that clips its
probabilities to (0, 1) gets this remark too, and nothing is wrong with it.
"""
