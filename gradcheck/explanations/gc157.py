"""The double backward of a Function is silently wrong.

With ``create_graph=True`` (a gradient penalty, meta-learning, a Hessian) PyTorch differentiates the backward itself.
What it computes through NumPy, ``detach`` or ``data``, or from values that the forward computed and kept, is a
constant then: part of the second derivative is missing, and nothing says so.

Given:

    import torch

Wrong:

    class Sine(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x.cos())
            return x.sin()

        @staticmethod
        def backward(ctx, g):
            (slope,) = ctx.saved_tensors
            return g * slope

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

Why it happens: the first derivative is right, and few look at the second. Save inputs and outputs and compute the
rest from them in the backward; or, where no second derivative is meant, decorate the backward with
``torch.autograd.function.once_differentiable``: then it is refused aloud.
"""
