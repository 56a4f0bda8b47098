"""The network says one class for every sample.

All of a batch are given the same class while the labels have several, and the loss is not below that of a guess.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    x, y = torch.randn(64, 20), torch.randint(5, (64,))
    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 5))

Wrong:

    nn.init.constant_(model[2].bias[2:3], 30.0)

Right:

    nn.init.zeros_(model[2].bias)

Check:

    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with watch(model, optimizer, every=10) as health:
        for step in range(100):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    print(health.report())

Why it happens: a last bias far from 0; dead or saturated units below, so that the output does not depend on the
input; a step that was too large; a mean over the wrong axis. One class that is most of the labels is another matter,
and not told.
"""
