"""A parameter gets no gradient.

Nothing is stored as its gradient, or it is exactly 0 at five samples running. A bias before a normalisation has
gradient 0 in truth, an embedding's unused rows have none, and neither is told.

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
            return self.second(hidden(self.first(x)))

Wrong:

    def hidden(z):
        return torch.relu(z).detach()

Right:

    def hidden(z):
        return torch.relu(z)

Check:

    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer) as health:
        for step in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    print(health.report())

Why it happens: detach(), .data, .item(), no_grad() or a conversion to NumPy on the way; a layer that is made and not
used; units that are 0 for every sample; in NumPy, a backward that leaves the weights out. What is not meant to learn
is better frozen: requires_grad_(False).
"""
