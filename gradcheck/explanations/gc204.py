"""The gradient is flipped along some of its axes; a kernel's is rotated by 180°.

Given:

    def correlate(x, w):
        kh, kw = w.shape
        out = np.zeros((x.shape[0] - kh + 1, x.shape[1] - kw + 1))
        for i, j in np.ndindex(out.shape):
            out[i, j] = np.sum(x[i : i + kh, j : j + kw] * w)
        return out

    def forward(x, w):
        return correlate(x, w), (x, w)

    def below(dout, w):
        kh, kw = w.shape
        return correlate(np.pad(dout, ((kh - 1, kh - 1), (kw - 1, kw - 1))), w[::-1, ::-1])

Wrong:

    def backward(dout, cache):
        x, w = cache
        return below(dout, w), correlate(x, dout)[::-1, ::-1]

Right:

    def backward(dout, cache):
        x, w = cache
        return below(dout, w), correlate(x, dout)

Check:

    check_layer(forward, backward, rng.normal(size=(6, 7)), rng.normal(size=(3, 2)))

Why it happens: a layer that correlates is called a convolution, and a true convolution flips its kernel. If the
forward correlates, the kernel's gradient is the correlation of the input with the upstream gradient, nothing flipped;
it is on the way to the layer below that the kernel is rotated.
"""
