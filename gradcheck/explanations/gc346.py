"""The loss holds outputs against targets of another shape, and broadcasts.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    x = torch.randn(64, 20)
    y = x[:, 0] + 0.1 * torch.randn(64)
    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 1))

Wrong:

    def outputs():
        return model(x)

Right:

    def outputs():
        return model(x).squeeze(1)

Check:

    import warnings

    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with watch(model, optimizer) as health:
            for step in range(20):
                optimizer.zero_grad()
                nn.functional.mse_loss(outputs(), y).backward()
                optimizer.step()
    print(health.report())

Why it happens: a network with one output gives (64, 1), the targets are (64,), and their difference is (64, 64): each
output is held against every target, and what is learned is the targets' mean. PyTorch warns of it once.
"""
