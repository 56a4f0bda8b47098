"""A product's derivative is taken with another array than the forward multiplied by.

Flipped, transposed, one step late, through the activation once more, or left out.

Given:

    def correlate(x, w):
        kh, kw = w.shape
        out = np.zeros((x.shape[0] - kh + 1, x.shape[1] - kw + 1))
        for i, j in np.ndindex(out.shape):
            out[i, j] = np.sum(x[i : i + kh, j : j + kw] * w)
        return out

    def forward(x, w):
        return correlate(x, w), (x, w)

    def padded(dout, w):
        kh, kw = w.shape
        return np.pad(dout, ((kh - 1, kh - 1), (kw - 1, kw - 1)))

Wrong:

    def backward(dout, cache):
        x, w = cache
        return correlate(padded(dout, w), w), correlate(x, dout)

Right:

    def backward(dout, cache):
        x, w = cache
        return correlate(padded(dout, w), w[::-1, ::-1]), correlate(x, dout)

Check:

    check_layer(forward, backward, rng.normal(size=(6, 7)), rng.normal(size=(3, 2)))

Why it happens: the array at hand in the backward is not the one of the forward: the kernel as it stands where it has
to be rotated, the input after its activation, the hidden state after the step in place of before.
"""
