"""A gradient that a Function returns has another dtype, or is on another device, than its input.

PyTorch casts a gradient of another floating-point dtype without a word: one of more digits costs time for nothing.
One on another device is refused with an error, once a model is moved.

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
            return g.double() * x.double().cos()

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

Why it happens: ``torch.zeros(shape)`` is on the CPU and float32 whatever the input is: write ``torch.zeros_like(x)``
or ``x.new_zeros(shape)``. A float64 constant tensor widens all that it meets. Sums in a wider dtype on the way are
good: cast the result back yourself.
"""
