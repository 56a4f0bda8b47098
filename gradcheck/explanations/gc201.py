"""The gradient is a constant times the true one.

The direction is right, the length is not. Where the constant is the size of something (the batch, the positions of an
output, the classes), the report says of what.

Given:

    def forward(x, w, b):
        return x @ w + b, (x, w)

Wrong:

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout, dout.mean(axis=0)

Right:

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout, dout.sum(axis=0)

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 2)), rng.normal(size=2))

Why it happens: a sum in the loss and a mean in the gradient, or the reverse; the 2 of a square forgotten; a 1/N taken
in two places. In plain gradient descent such a factor hides in the learning rate, until the batch size changes. Where
it is meant, accept it: allow={"db": "GC201"}.
"""
