"""The forward and the reference compute two different functions.

A comparison of their gradients would say nothing: it is the forward, or the reference, that has to be mended first.

Given:

    import torch

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout

Wrong:

    def forward(x, w):
        return 2 * x @ w, (2 * x, 2 * w)

Right:

    def forward(x, w):
        return x @ w, (x, w)

Check:

    check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(3, 2)), reference=torch.matmul)

Why it happens: another padding, a mean in place of a sum, a kernel that is flipped in one of the two, an epsilon
inside the square root in the one and outside in the other.
"""
