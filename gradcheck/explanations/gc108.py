"""The backward writes into what the forward kept, so that a second call gives another gradient.

The first answer is right, and whatever reads the cache afterwards (a loss that is printed, a second loss,
a check) is not.

Given:

    def forward(z):
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        return -np.log(p[:, 0]), p

Wrong:

    def backward(dout, p):
        delta = p
        delta[:, 0] -= 1
        return delta * dout[:, None]

Right:

    def backward(dout, p):
        delta = p.copy()
        delta[:, 0] -= 1
        return delta * dout[:, None]

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)))

Why it happens: "delta = p" gives the array a second name, it makes no copy.
"""
