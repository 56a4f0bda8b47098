"""Outputs or gradients share memory with inputs or with one another.

Nothing was written into either of the two during the check, so nothing is wrong yet. The next += on one of them changes
the other.

Given:

    def backward(dout, shape):
        return dout.reshape(shape).copy()

Wrong:

    def forward(x):
        return x.reshape(len(x), -1), x.shape

Right:

    def forward(x):
        return x.reshape(len(x), -1).copy(), x.shape

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3, 2)))

Why it happens: reshape, transpose and slices are views, and "return dout" is the array itself. Harmless while nobody
writes into them.
"""
