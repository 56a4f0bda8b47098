"""The backward of a Function takes the upstream gradient for contiguous.

In a network it often is not: the gradient of a sum is one number with strides of 0, that of a transpose is
transposed. Then ``view`` raises an error, and a kernel that reads the memory in order gives wrong numbers in silence.

Given:

    import torch

Wrong:

    class Sine(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.sin()

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return (g.view(-1) * x.view(-1).cos()).view(x.shape)

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

Why it happens: a test with ``torch.randn_like(out)`` as the upstream gradient never shows it. Call ``g.contiguous()``
before anything that counts on the order in memory, or use ``reshape`` in place of ``view``.
"""
