"""Gradients explode on the way back.

From layer to layer the gradient grows by a factor, together more than a thousandfold, or a weight's gradient is more
than 1e4 times as large as the weight. A learning rate that suits one layer is far too large for another.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    x, y = torch.randn(64, 20), torch.randint(5, (64,))

Wrong:

    std = 1.0

Right:

    std = 0.18  # Glorot: sqrt(2 / (32 + 32))

Check:

    model = nn.Sequential(nn.Linear(20, 32), *(layer for _ in range(6) for layer in (nn.ReLU(), nn.Linear(32, 32))))
    for layer in model[::2]:
        nn.init.normal_(layer.weight, std=std)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with watch(model, optimizer) as health:
        for step in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    print(health.report())

Why it happens: weights drawn too large, or the same weight applied at many time steps of a recurrent net. Draw
weights smaller, and in a recurrent net orthogonal; clip_grad_norm_ bounds what is left.
"""
