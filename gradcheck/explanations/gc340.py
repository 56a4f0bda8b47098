"""The first loss is far above that of a network that prefers no class.

A cross-entropy over C classes begins at ln C when nothing is preferred: 2.30 for ten. Far above it the network is
sure of wrong answers, and the first steps only undo that. N times ln C is a sum over N samples in place of a mean.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    x, y = torch.randn(64, 20), torch.randint(5, (64,))
    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 5))

Wrong:

    nn.init.normal_(model[2].weight, std=8.0)

Right:

    nn.init.normal_(model[2].weight, std=0.01)

Check:

    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with watch(model, optimizer) as health:
        for step in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    print(health.report())

Why it happens: weights of the last layer drawn too large, activations before it that have grown, inputs in the
hundreds, labels that do not belong to the inputs (in a network that was trained before).
"""
