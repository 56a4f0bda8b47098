"""A tensor that the backward of a Function needs is changed in place, or can be without notice.

Tensors that go through ``ctx.save_for_backward`` are watched: PyTorch raises an error where one was changed in place
between forward and backward. An input or output kept as an attribute of ``ctx`` is not, and an in-place operation
after the function makes the gradient wrong in silence. A forward that changes its input must say so with
``ctx.mark_dirty``.

Given:

    import torch

Wrong:

    class Exp(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.out = x.exp()
            return ctx.out

        @staticmethod
        def backward(ctx, g):
            return g * ctx.out

Right:

    class Exp(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            out = x.exp()
            ctx.save_for_backward(out)
            return out

        @staticmethod
        def backward(ctx, g):
            (out,) = ctx.saved_tensors
            return g * out

Check:

    check_layer(Exp, torch.randn(4, 3))

Why it happens: ``ctx.out = out`` is shorter and works in every test; then somebody writes ``F.relu_(Exp.apply(x))``.
An output kept so also keeps itself alive: the memory is freed late. A backward that works in a saved tensor itself
(``out.mul_(g)``) leaves nothing for a second backward.
"""
