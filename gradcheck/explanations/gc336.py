"""The gradients of one step are added to those of the steps before.

PyTorch adds to .grad; whoever does not set it to zero takes each step with the sum of all gradients so far. The steps
grow, and point to where the loss fell long ago. Several backwards before one step, to make one large batch of small
ones, are another matter and not told.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    x, y = torch.randn(64, 20), torch.randint(5, (64,))
    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 5))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

Wrong:

    def begin():
        pass

Right:

    def begin():
        optimizer.zero_grad()

Check:

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer) as health:
        for step in range(20):
            begin()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    print(health.report())

Why it happens: zero_grad() forgotten, called once before the loop, or called between the backward and the step of
another optimizer.
"""
