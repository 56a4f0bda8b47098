"""The loss does not fall.

After a hundred steps or more it is where it began, or where the entropy of the labels is, which is what a network
reaches that knows only how frequent each class is. Noise is allowed for: a loss that jumps too much to say is not
told.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    x, y = torch.randn(64, 20), torch.randint(5, (64,))
    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 5))

Wrong:

    def labels():
        return y[torch.randperm(64)]

Right:

    def labels():
        return y

Check:

    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    with watch(model, optimizer) as health:
        for step in range(200):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), labels()).backward()
            optimizer.step()
    print(health.report())

Why it happens: inputs and labels shuffled apart (here), a wrong gradient, parameters that do not move, dead or
saturated units, a learning rate too small or too large, targets of shape (N, 1) against outputs of shape (N,). Train
on ten samples alone: a network that can learn gets them right.
"""
