"""The cross-entropy takes the softmax of what is a softmax already.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    x, y = torch.randn(64, 20), torch.randint(5, (64,))

Wrong:

    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 5), nn.Softmax(dim=1))

Right:

    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 5))

Check:

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer) as health:
        for step in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    print(health.report())

Why it happens: nn.CrossEntropyLoss and F.cross_entropy take logits, and apply the softmax themselves. Of probabilities
it gives at most e / (C - 1 + e) for a class, so that the loss of ten classes cannot fall below 1.46, and its gradient
is small: the network learns slowly and seems to stop.
"""
