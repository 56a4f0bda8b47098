"""A backward is right in float32, and fails or is far off with the bfloat16 inputs that it was given.

The formula is judged in float64 and float32, where the digits show what it does. The Function or module is also run
as it was given, and held to what rounding to bfloat16's 2 digits allows.

Given:

    import torch

Wrong:

    class Centred(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.kind = x.dtype
            return x - x.mean(0)

        @staticmethod
        def backward(ctx, g):
            if ctx.kind == torch.bfloat16:
                return g + g.mean(0)
            return g - g.mean(0)

Right:

    class Centred(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x - x.mean(0)

        @staticmethod
        def backward(ctx, g):
            return g - g.mean(0)

Check:

    check_layer(Centred, torch.randn(2, 5).to(torch.bfloat16))

Why it happens: a sum of thousands of terms that stops growing because each term is below half a unit of it, a branch
for one dtype that nobody ran, a constant of another dtype that a product does not take, 1 - p where p rounds to 1.
"""
