"""The weights hardly move.

A step changes a weight by less than 1e-7 of its size (or by less than 1e-4 of what the others move by): a million
such steps come to a tenth. A loss that has come down to a tenth of its first value is exempt, and a learning rate
that is being warmed up.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    x, y = torch.randn(64, 20), torch.randint(5, (64,))
    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 5))

Wrong:

    lr = 1e-9

Right:

    lr = 0.1

Check:

    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    with watch(model, optimizer) as health:
        for step in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    print(health.report())

Why it happens: a learning rate too small by powers of ten, or decayed too far; gradients that vanish before they get
here; a loss that is divided twice.
"""
