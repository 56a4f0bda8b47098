"""Gradients are clipped at nearly every step.

When the norm is ten times the limit or more at nine of ten steps, every step has the length lr · limit whatever the
gradient is: the learning rate and the size of the loss no longer count. Clipping now and then is what it is for, and
told as information.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    x, y = torch.randn(64, 20), torch.randint(5, (64,))
    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 5))

Wrong:

    limit = 1e-3

Right:

    limit = 5.0

Check:

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer) as health:
        for step in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            nn.utils.clip_grad_norm_(model.parameters(), limit)
            optimizer.step()
    print(health.report())

Why it happens: a limit taken from elsewhere, a loss that is a sum over the batch, gradients that explode. Set the
limit near the usual norm, which the report shows. np.clip on each entry changes the direction too.
"""
