"""The gradient has its axes in another order: transposed, permuted, or reshaped by mistake.

For a square matrix the shape does not show it.

Given:

    def forward(x, w):
        return x @ w, (x, w)

Wrong:

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, dout.T @ x

Right:

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 3)))

Why it happens: formulas for column vectors (W x) used with rows (x W); a reshape to the right shape, which leaves the
numbers in their old order, where .T moves them.
"""
