"""The backward of a Function computes gradients that nobody needs.

A frozen weight or an input without a gradient is named by ``ctx.needs_input_grad``; what is computed for it all the
same is dropped. Nothing is wrong, and the time is lost. It is told where matrix products or convolutions are spent on
it.

Given:

    import torch

Wrong:

    class MatMul(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            return x @ w

        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            return g @ w.T, x.T @ g

Right:

    class MatMul(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            return x @ w

        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            dx = g @ w.T if ctx.needs_input_grad[0] else None
            dw = x.T @ g if ctx.needs_input_grad[1] else None
            return dx, dw

Check:

    check_layer(MatMul, torch.randn(4, 3), torch.randn(3, 2))

Why it happens: the first layer's input needs no gradient, and fine-tuning freezes most weights: half of such a
backward is then for nothing.
"""
