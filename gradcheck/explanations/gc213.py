"""The gradient is multiplied by an array too much, too little, or by another one.

Given:

    def forward(x, w):
        return x @ w, (x, w)

Wrong:

    def backward(dout, cache):
        x, w = cache
        return (dout @ w.T) * x, x.T @ dout

Right:

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 2)))

Why it happens: the derivative of the layer below is applied here already, or a mask, gamma or scale twice; the
derivative of a product multiplies by the other factor, and the one at hand was taken.
"""
