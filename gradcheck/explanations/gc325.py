"""A layer stops the gradient.

Gradient comes in from above and none, or less than 1e-7 of it, goes on below. Nothing before this layer learns from
this path.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    x, y = torch.randn(64, 20), torch.randint(5, (64,))

Wrong:

    threshold = 4.0

Right:

    threshold = 0.1

Check:

    model = nn.Sequential(nn.Linear(20, 32), nn.Hardshrink(threshold), nn.Linear(32, 5))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer) as health:
        for step in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    print(health.report())

Why it happens: a threshold that nothing reaches (here), rounding, comparisons, argmax and masks of zeros, whose
derivative is 0; an activation far in its flat part, a layer of dead units. Where rounding is meant, pass the gradient
straight through: s + (torch.round(s) - s).detach().
"""
