"""The loss jumps to and fro and does not come down.

It turns at nine of ten steps with a swing of a tenth or more, or differs from step to step by more than batches can
differ, for 128 steps, and stays above half of where it began.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    x, y = torch.randn(64, 20), torch.randint(5, (64,))
    model = nn.Linear(20, 5)

Wrong:

    lr = 7.0

Right:

    lr = 1.0

Check:

    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    with watch(model, optimizer) as health:
        for step in range(200):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    print(health.report())

Why it happens: a learning rate above 2/λmax, where λmax is the largest curvature: each step overshoots the valley
(check_learning_rate finds the limit). Also very small batches, and batches that differ in kind from one another.
"""
