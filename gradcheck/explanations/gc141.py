"""A gradient is right for a batch of one, and wrong for three samples.

A mean is a sum there, nothing has to be summed over the samples, and their order does not show. A remark: code may be
meant for one sample at a time.

Given:

    def forward(x, w, b):
        return x @ w + b, (x, w)

Wrong:

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout / len(x), dout.mean(axis=0)

Right:

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout, dout.sum(axis=0)

Check:

    check_layer(forward, backward, rng.normal(size=(1, 3)), rng.normal(size=(3, 5)), rng.normal(size=5))

Why it happens: the layer is tried on one example, and trained on batches. The gradients are divided by their number, or
not summed, and both the loss and the step grow or shrink with the batch.
"""
