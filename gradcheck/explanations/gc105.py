"""A gradient is of integers, or of a lower precision than its array.

Integers cut off what stands behind the point; float16 keeps three digits.

Given:

    def forward(x):
        return np.maximum(x, 0), x

Wrong:

    def backward(dout, x):
        dx = np.zeros(x.shape, dtype=int)
        dx[x > 0] = dout[x > 0]
        return dx

Right:

    def backward(dout, x):
        dx = np.zeros_like(x)
        dx[x > 0] = dout[x > 0]
        return dx

Check:

    check_layer(forward, backward, 3 * rng.normal(size=(5, 3)))

Why it happens: an array made of a list of ints, np.zeros_like of labels, or a buffer in another precision, into which
the gradient is written.
"""
