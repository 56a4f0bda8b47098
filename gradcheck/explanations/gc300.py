"""The birth of a NaN or an infinity.

The first operation whose output is not finite while all its inputs are: from there it spreads to the loss, the
gradients and the weights. What turned bad after it is listed under it.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    x, y = torch.randn(64, 20), torch.randint(5, (64,))
    x[:, 3] = 0  # a pixel at the border, 0 in every picture

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.out = nn.Linear(20, 5)

        def forward(self, x):
            return self.out(standard(x))

Wrong:

    def standard(x):
        return (x - x.mean(0)) / x.std(0)

Right:

    def standard(x):
        return (x - x.mean(0)) / (x.std(0) + 1e-6)

Check:

    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer) as health:
        for step in range(5):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    print(health.report())

Why it happens: 0/0 in a column without variance; log of a probability that was rounded to 0; exp of more than 88
(float32) or 709 (float64) in a softmax without its maximum subtracted; the derivative of sqrt or of a norm at 0; a
step so large that the next product overflows. torch.where does not help behind the fact: its backward multiplies the
branch not taken by 0, and 0 · inf is NaN.
"""
