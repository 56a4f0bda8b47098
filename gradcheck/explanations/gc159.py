"""The vmap rule of a Function gives something else than a loop over the samples.

``torch.vmap`` hands the whole batch to the Function's ``vmap``, with one more axis than its forward knows. Output and
gradients are compared with those of one call for each sample: everything batched along the first axis, along the
last, and each tensor alone.

Given:

    import torch

Wrong:

    class Softmax(torch.autograd.Function):
        @staticmethod
        def forward(x, dim):
            return x.softmax(dim)

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(output)
            ctx.dim = inputs[1]

        @staticmethod
        def backward(ctx, g):
            (p,) = ctx.saved_tensors
            return p * (g - (g * p).sum(ctx.dim, keepdim=True)), None

        @staticmethod
        def vmap(info, in_dims, x, dim):
            x = x.movedim(in_dims[0], 0)
            return Softmax.apply(x, dim), 0

Right:

    class Softmax(torch.autograd.Function):
        @staticmethod
        def forward(x, dim):
            return x.softmax(dim)

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(output)
            ctx.dim = inputs[1]

        @staticmethod
        def backward(ctx, g):
            (p,) = ctx.saved_tensors
            return p * (g - (g * p).sum(ctx.dim, keepdim=True)), None

        @staticmethod
        def vmap(info, in_dims, x, dim):
            x = x.movedim(in_dims[0], 0)
            return Softmax.apply(x, dim if dim < 0 else dim + 1), 0

Check:

    check_layer(Softmax, torch.randn(4, 3), 0)

Why it happens: the batch axis may be anywhere (``in_dims``) and moves every other axis by one; an input that is not
batched has None there.
"""
