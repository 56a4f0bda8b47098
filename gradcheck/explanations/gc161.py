"""In a model a Function gives another gradient than alone at the same inputs.

The very call was made again by itself, with the inputs, the random state and the upstream gradient that it had in the
model. What differs was changed between its forward and its backward.

Given:

    import torch
    from gradcheck import check_module

Wrong:

    class Exp(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.out = x.exp()
            return ctx.out

        @staticmethod
        def backward(ctx, g):
            return g * ctx.out

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

Why it happens: an output that ``ctx`` holds as an attribute is changed in place by the next layer, a buffer is used
again, or something is kept on the class and overwritten by another call. With ``ctx.save_for_backward`` PyTorch
notices the first of them itself.
"""
