"""What comes back to windows that slide over an array is put elsewhere than the forward read it.

Given:

    def forward(x, w, stride):
        count = (len(x) - len(w)) // stride + 1
        return np.array([x[i * stride : i * stride + len(w)] @ w for i in range(count)]), (x, w, stride)

Wrong:

    def backward(dout, cache):
        x, w, stride = cache
        dx, dw = np.zeros_like(x), np.zeros_like(w)
        for i, d in enumerate(dout):
            dx[i : i + len(w)] += d * w
            dw += d * x[i * stride : i * stride + len(w)]
        return dx, dw

Right:

    def backward(dout, cache):
        x, w, stride = cache
        dx, dw = np.zeros_like(x), np.zeros_like(w)
        for i, d in enumerate(dout):
            dx[i * stride : i * stride + len(w)] += d * w
            dw += d * x[i * stride : i * stride + len(w)]
        return dx, dw

Check:

    check_layer(forward, backward, rng.normal(size=11), rng.normal(size=3), 2)

Why it happens: with a stride of one, and height and width alike, the mistakes give the right numbers: rows taken for
columns, the height for the width, the stride left out. Try a stride of two, and an image that is wider than high.
"""
