"""A Function cannot be used under torch.vmap.

It declares a rule for it (``generate_vmap_rule = True``, or ``vmap``), or the check was asked for it, and PyTorch
raises an error.

Given:

    import torch

Wrong:

    class Product(torch.autograd.Function):
        @staticmethod
        def forward(x, w):
            return x * w

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            return g * w, g * x

        @staticmethod
        def vmap(info, in_dims, x, w):
            return Product.apply(x.movedim(in_dims[0], 0), w.movedim(in_dims[1], 0)), 0

Right:

    class Product(torch.autograd.Function):
        @staticmethod
        def forward(x, w):
            return x * w

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            return g * w, g * x

        @staticmethod
        def vmap(info, in_dims, x, w):
            x = x if in_dims[0] is None else x.movedim(in_dims[0], 0)
            w = w if in_dims[1] is None else w.movedim(in_dims[1], 0)
            return Product.apply(x, w), 0

Check:

    check_layer(Product, torch.randn(4, 3), torch.randn(4, 3))

Why it happens: ``in_dims`` has None for what is not batched, and such an input comes without the extra axis. A
Function whose forward takes ``ctx`` needs ``setup_context`` first, and a generated rule needs a forward and a
backward of torch operations alone.
"""
