"""The loss diverges.

It grows to ten times its first value, or stays above three times of it, or is not finite where no birth was seen.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    x = torch.randn(64, 20)
    y = x @ torch.randn(20, 1)
    model = nn.Linear(20, 1)

Wrong:

    rate = 0.6

Right:

    rate = 0.05

Check:

    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    with watch(model, optimizer) as health:
        for step in range(30):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(x), y).backward()
            optimizer.step()
    print(health.report())

Why it happens: a learning rate above 2/λmax (here), a sign turned round in the gradient or in the update, gradients
that are added up from step to step.
"""
