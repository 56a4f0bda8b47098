"""A clip holds many values at its bounds, or the backward ignores it.

np.clip, clamp, minimum, maximum and hardtanh are flat beyond their bounds: the derivative is 0 there, and what is
clipped does not learn. Told as a warning where half of the entries are at a bound, or where a hand-written backward
passes gradient there all the same; else as information.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    x, y = torch.randn(64, 20), torch.randint(5, (64,))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(20, 32), nn.Linear(32, 5)

        def forward(self, x):
            return self.second(bounded(self.first(x)))

Wrong:

    def bounded(h):
        return h.clamp(-0.05, 0.05)

Right:

    def bounded(h):
        return torch.tanh(h)

Check:

    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer) as health:
        for step in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    print(health.report())

Why it happens: a clip was put there against a NaN and hides where it comes from: subtract the row's maximum in a
softmax, scale the weights. A single bound at 0 is a ReLU and not meant here.
"""
