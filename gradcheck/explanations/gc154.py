"""Two calls of a Function share what is kept for the backward.

In a model every call is followed by others before its own backward. What is kept on the class, in a global or in a
module is then that of the last call; ``ctx`` is each call's own.

Given:

    import torch

Wrong:

    class Sine(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            Sine.x = x
            return x.sin()

        @staticmethod
        def backward(ctx, g):
            return g * Sine.x.cos()

Right:

    class Sine(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.sin()

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * x.cos()

Check:

    check_layer(Sine, torch.randn(4, 3))

Why it happens: one call and its backward, as a test has them, are right. A buffer that is used again to save memory
is the same fault.
"""
