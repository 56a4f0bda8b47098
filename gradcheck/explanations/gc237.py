"""Entries that the forward reads more than once are overwritten in the backward, where they should be added up.

Given:

    def forward(w, ids):
        return w[ids], (w.shape, ids)

Wrong:

    def backward(dout, cache):
        shape, ids = cache
        dw = np.zeros(shape)
        dw[ids] += dout
        return dw

Right:

    def backward(dout, cache):
        shape, ids = cache
        dw = np.zeros(shape)
        np.add.at(dw, ids, dout)
        return dw

Check:

    check_layer(forward, backward, rng.normal(size=(6, 3)), np.array([0, 4, 4, 1, 4, 2]))

Why it happens: dw[ids] += dout looks as if it added up, but NumPy reads dw[ids], adds, and writes back: of a repeated
index the last one stays. Windows that overlap (pooling, convolution) need += in place of = for the same reason.
"""
