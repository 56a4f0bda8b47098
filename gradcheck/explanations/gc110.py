"""The backward adds to the gradients of the call before.

The second step is taken with the sum of two gradients, the hundredth with the sum of a hundred.

Given:

    def forward(x, w):
        return x @ w, (x, w)

    total = np.zeros((3, 2))

Wrong:

    def backward(dout, cache):
        x, w = cache
        total[...] += x.T @ dout
        return dout @ w.T, total.copy()

Right:

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 2)))

Why it happens: PyTorch accumulates gradients, and has zero_grad() for it. Where += is meant, zero the gradients
before each backward.
"""
