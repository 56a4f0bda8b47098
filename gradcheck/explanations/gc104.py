"""A gradient has another shape than its array.

An update w - lr * dw then fails, or worse: it broadcasts, and w changes its shape.

Given:

    def forward(x, w, b):
        return x @ w + b, (x, w)

Wrong:

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout, dout

Right:

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout, dout.sum(axis=0)

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 2)), rng.normal(size=2))

Why it happens: what a forward broadcasts, its backward has to sum. The bias was added to every row, so its gradient
is the sum over the rows. PyTorch's engine does that sum for a torch.autograd.Function; nobody else does.
"""
