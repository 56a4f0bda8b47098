"""A layer passes the gradient to few positions by design.

A max-pool over 4×4 windows passes all of the gradient to the largest of 16 positions. That is its derivative and no
fault; it is told because the layers below learn from these positions alone, which can be slow.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    x, y = torch.randn(32, 1, 10, 10), torch.randint(5, (32,))

Wrong:

    pool = nn.MaxPool2d(4)

Right:

    pool = nn.AvgPool2d(4)

Check:

    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), pool, nn.Flatten(), nn.Linear(16, 5))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer) as health:
        for step in range(10):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    print(health.report())

Why it happens: it always does with a max-pool. Smaller windows, a stride in the convolution or an average pass
gradient to more positions.
"""
