"""A Function returns a gradient for an argument that can have none.

Only floating-point tensors have gradients. For a tensor of integers PyTorch drops what is returned; for a number, a
string or None it raises an error.

Given:

    import torch

Wrong:

    class Scale(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, factor):
            ctx.factor = factor
            return factor * x

        @staticmethod
        def backward(ctx, g):
            return ctx.factor * g, g

Right:

    class Scale(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, factor):
            ctx.factor = factor
            return factor * x

        @staticmethod
        def backward(ctx, g):
            return ctx.factor * g, None

Check:

    check_layer(Scale, torch.randn(4, 3), 2.0)

Why it happens: the gradients are returned in the order of forward's arguments, one for each; where that order was
mistaken, a gradient stands in the place of an index or an option.
"""
