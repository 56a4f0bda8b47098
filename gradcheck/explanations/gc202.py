"""The gradient has the wrong sign.

Each step climbs where it should descend.

Given:

    def forward(y, t):
        return 0.5 * np.sum((y - t) ** 2), (y, t)

Wrong:

    def backward(dout, cache):
        y, t = cache
        return dout * (t - y)

Right:

    def backward(dout, cache):
        y, t = cache
        return dout * (y - t)

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(5, 3)), constants=["t"])

Why it happens: some books write the update as w += lr * (t - y) * x, others as w -= lr * (y - t) * x. Half of each
climbs.
"""
