"""The gradient is that of one sample or time step alone, or lacks that of one.

Given:

    def forward(x, w):
        return x @ w, (x, w)

Wrong:

    def backward(dout, cache):
        x, w = cache
        for n in range(len(x)):
            dw = np.outer(x[n], dout[n])
        return dout @ w.T, dw

Right:

    def backward(dout, cache):
        x, w = cache
        dw = np.zeros_like(w)
        for n in range(len(x)):
            dw += np.outer(x[n], dout[n])
        return dout @ w.T, dw

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 2)))

Why it happens: = for += in a loop over the samples; a code for one sample that was given a batch and takes x[0]; a
range that ends one too early.
"""
