"""ReLU units that are 0 for every sample.

Where a ReLU's input is negative its derivative is 0. A unit for which it is negative for every sample (of 256 or
more, over several batches) gets no gradient, and mostly stays so. Zeros themselves are healthy: 27 to 59 % of the
entries.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    x, y = torch.randn(64, 20), torch.randint(5, (64,))
    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 5))

Wrong:

    nn.init.constant_(model[0].bias, -10.0)

Right:

    nn.init.zeros_(model[0].bias)

Check:

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer) as health:
        for step in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    print(health.report())

Why it happens: a step that was too large and pushed biases far below 0, a bias that begins there, inputs of one sign
with weights of the other. Lower the learning rate, draw anew, or take LeakyReLU or GELU, which let a unit come back.
"""
