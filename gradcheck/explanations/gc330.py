"""A step changes the weights by about as much as they are.

The ratio ‖update‖ / ‖weights‖ is usually near 1e-3. Above 0.3 step after step, or above 2 once, what was learned, or
how the weights were drawn, is gone after it. Biases, norms, embeddings and weights near 0 are not judged by this.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    x, y = torch.randn(64, 20), torch.randint(5, (64,))
    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 5))

Wrong:

    lr = 100.0

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

Why it happens: a learning rate that is too large, a loss that is a sum over the batch, momentum that adds up to 1 /
(1 - momentum) times the step, a gradient added up over steps because it was never set to zero.
"""
