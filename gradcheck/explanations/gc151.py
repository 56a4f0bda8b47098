"""The backward of a Function cannot do without an upstream gradient that may be None.

``ctx.set_materialize_grads(False)`` asks PyTorch for None in place of zeros where an output is not used. The backward
has to look.

Given:

    import torch

Wrong:

    class Both(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            ctx.save_for_backward(x)
            return x.sin(), x.cos()

        @staticmethod
        def backward(ctx, g, h):
            (x,) = ctx.saved_tensors
            return g * x.cos() - h * x.sin()

Right:

    class Both(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            ctx.save_for_backward(x)
            return x.sin(), x.cos()

        @staticmethod
        def backward(ctx, g, h):
            (x,) = ctx.saved_tensors
            dx = torch.zeros_like(x)
            if g is not None:
                dx = dx + g * x.cos()
            if h is not None:
                dx = dx - h * x.sin()
            return dx

Check:

    check_layer(Both, torch.randn(4, 3))

Why it happens: as long as every output is used in the loss nothing is None. Without ``set_materialize_grads(False)``
PyTorch fills in zeros, which costs a little and needs no test.
"""
