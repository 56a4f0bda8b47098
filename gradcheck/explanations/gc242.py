"""The gradient belongs to other labels: each sample has those of its neighbour.

Given:

    def forward(z, labels):
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        rows = np.arange(len(z))
        return -np.mean(np.log(p[rows, labels])), (p, rows, labels)

Wrong:

    def backward(dout, cache):
        p, rows, labels = cache
        dz = p.copy()
        dz[rows, np.roll(labels, 1)] -= 1
        return dout * dz / len(p)

Right:

    def backward(dout, cache):
        p, rows, labels = cache
        dz = p.copy()
        dz[rows, labels] -= 1
        return dout * dz / len(p)

Check:

    check_layer(forward, backward, rng.normal(size=(6, 3)), np.array([0, 2, 1, 1, 0, 2]))

Why it happens: data and labels are shuffled or cut into batches in two places, and one of them is off by one. The loss
still falls, as far as the labels can be learnt by heart.
"""
