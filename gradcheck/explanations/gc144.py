"""A gradient is right where windows lie side by side, and wrong where they overlap.

With a stride of the window's size every input belongs to one window; with a smaller one to several, and what they give
has to be added. It was tried with a smaller stride; a layer that refuses one gets no such remark.

Given:

    def pool(x, size=2, stride=2):
        rows, columns = (x.shape[0] - size) // stride + 1, (x.shape[1] - size) // stride + 1
        out = np.zeros((rows, columns))
        for i in range(rows):
            for j in range(columns):
                out[i, j] = x[i * stride : i * stride + size, j * stride : j * stride + size].mean()
        return out, (x, size, stride)

Wrong:

    def give(dx, at, value):
        dx[at] = value

Right:

    def give(dx, at, value):
        dx[at] += value

Check:

    def backward(dout, cache):
        x, size, stride = cache
        dx = np.zeros_like(x)
        for i in range(dout.shape[0]):
            for j in range(dout.shape[1]):
                at = slice(i * stride, i * stride + size), slice(j * stride, j * stride + size)
                give(dx, at, dout[i, j] / size**2)
        return dx

    check_layer(pool, backward, rng.normal(size=(6, 8)), kwargs={"size": 2, "stride": 2})

Why it happens: pooling is tried with windows of two and a stride of two, as it is mostly used.
"""
