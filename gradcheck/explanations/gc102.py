"""The gradients come in another order, or under other names, than the inputs.

Where shapes are equal (gamma and beta, three gates, square weights) nothing else would notice.

Given:

    def forward(x, gamma, beta):
        return gamma * x + beta, (x, gamma)

Wrong:

    def backward(dout, cache):
        x, gamma = cache
        dx, dgamma, dbeta = dout * gamma, (dout * x).sum(axis=0), dout.sum(axis=0)
        return dx, dbeta, dgamma

Right:

    def backward(dout, cache):
        x, gamma = cache
        dx, dgamma, dbeta = dout * gamma, (dout * x).sum(axis=0), dout.sum(axis=0)
        return dx, dgamma, dbeta

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=3), rng.normal(size=3))

Why it happens: the lines of a backward are written from the output down, the last parameter first, and returned as
they were written. An order that is meant can be declared: gradients=["x", "beta", "gamma"].
"""
