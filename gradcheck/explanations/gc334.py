"""A parameter is not in the optimizer.

It gets a gradient at every step, and nothing ever uses it.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    x, y = torch.randn(64, 20), torch.randint(5, (64,))
    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 5))

Wrong:

    trained = [*model[0].parameters(), *model[4].parameters()]

Right:

    trained = [*model.parameters()]

Check:

    optimizer = torch.optim.SGD(trained, lr=0.1)
    with watch(model, optimizer) as health:
        for step in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    print(health.report())

Why it happens: a layer that was added after the optimizer was made, layers kept in a plain list (model.parameters()
does not look into it; nn.ModuleList is looked into), a parameter replaced by a new one. Where it is meant,
requires_grad_(False) says so and saves the gradient.
"""
