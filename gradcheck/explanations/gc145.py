"""A gradient does not follow the samples: with the batch written twice, or in another order, it is not what it must be.

If the outputs of the batch written twice are the outputs twice, the gradients of the weights must double; if they do
not depend on the order of the samples, neither may these. That holds whatever the layer computes, and is asked where
PyTorch cannot follow the forward. It needs no differences, so that it also tells where the forward is too coarse for
them.

Given:

    def forward(x, w):
        x, w = (np.frombuffer(a.tobytes()).reshape(a.shape) for a in (x, w))  # as C code would have them
        return x @ w, (x, w)

Wrong:

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout / len(x)

Right:

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout

Check:

    check_layer(forward, backward, rng.normal(size=(6, 3)), rng.normal(size=(3, 5)))

Why it happens: a mean is taken where the forward has a sum, a loop keeps the last sample, rows are in another order.
"""
