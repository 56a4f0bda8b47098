"""The backward of a Function raises an error in a model.

Alone, at the same inputs and upstream gradient, it does not. It is the backward that was begun last when the model's
ended; PyTorch's own message names no module.

Given:

    import torch
    from gradcheck import check_module

Wrong:

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

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = torch.nn.Linear(3, 4)

        def forward(self, x):
            return Exp.apply(self.fc(x)).mul_(2)

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

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = torch.nn.Linear(3, 4)

        def forward(self, x):
            return Exp.apply(self.fc(x)) * 2

Check:

    check_module(Net(), torch.randn(4, 3))

Why it happens: a saved output is changed in place by the layer that follows (PyTorch counts that, and refuses to go
on), or the backward meets strides, a dtype or a state there that it does not meet alone.
"""
