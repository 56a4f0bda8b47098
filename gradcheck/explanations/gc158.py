"""The double backward of a Function is refused, or raises an error.

It was asked for (``gradgrad=True``) and could not be looked at. A backward that is marked ``once_differentiable``
refuses it as it should: that is no fault, and a remark. Any other error is one.

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
            return g * torch.from_numpy(np.cos(x.numpy()))

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

    check_layer(Sine, torch.randn(4, 3), gradgrad=True)

Why it happens: in a second derivative the saved inputs require a gradient themselves, and ``numpy()`` refuses them.
Mark the backward with ``torch.autograd.function.once_differentiable`` where it is not made to be differentiated.
"""
