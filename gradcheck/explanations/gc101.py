"""The backward returns more or fewer gradients than the forward has inputs.

Gradients are told apart by their place: the first belongs to the first input, and so on. With one too few
nobody can say which one is missing.

Given:

    def forward(x, w, b):
        return x @ w + b, (x, w)

Wrong:

    def backward(dout, cache):
        x, w = cache
        return x.T @ dout, dout.sum(axis=0)

Right:

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout, dout.sum(axis=0)

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 2)), rng.normal(size=2))

Why it happens: the first layer of a network needs no gradient of its input, so it was never computed. Return None for
it and name it in constants=["x"], or compute it: another layer may come below one day.
"""
