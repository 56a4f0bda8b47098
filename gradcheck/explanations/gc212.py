"""The gradient belongs to another array, or a block of it to another block.

Given:

    def forward(x, wi, wf, bi, bf):
        i, f = np.tanh(x @ wi + bi), np.tanh(x @ wf + bf)
        return i + 2 * f, (x, wi, wf, i, f)

Wrong:

    def backward(dout, cache):
        x, wi, wf, i, f = cache
        di, df = dout * (1 - i**2), 2 * dout * (1 - f**2)
        return di @ wi.T + df @ wf.T, x.T @ di, x.T @ df, di.sum(axis=0), di.sum(axis=0)

Right:

    def backward(dout, cache):
        x, wi, wf, i, f = cache
        di, df = dout * (1 - i**2), 2 * dout * (1 - f**2)
        return di @ wi.T + df @ wf.T, x.T @ di, x.T @ df, di.sum(axis=0), df.sum(axis=0)

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 2)), rng.normal(size=(3, 2)),
                rng.normal(size=2), rng.normal(size=2))

Why it happens: the line for one gate was copied for the next, and one name in it was not changed. The shapes are the
same, so nothing complains.
"""
