"""Gradients vanish on the way back.

From layer to layer the gradient shrinks by a factor, together to less than a thousandth: the first layers stand still
while the last ones learn. It is judged by the layers beside one another, so that small gradients of a loss that has
converged are none.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    x, y = torch.randn(64, 20), torch.randint(5, (64,))

Wrong:

    activation, draw = nn.Sigmoid, nn.init.xavier_normal_

Right:

    activation, draw = nn.ReLU, nn.init.kaiming_normal_

Check:

    model = nn.Sequential(nn.Linear(20, 32), *(layer for _ in range(7) for layer in (activation(), nn.Linear(32, 32))))
    for layer in model[::2]:
        draw(layer.weight)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with watch(model, optimizer) as health:
        for step in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    print(health.report())

Why it happens: each logistic layer multiplies the gradient by its derivative, at most 1/4, and tanh by less than 1
away from 0. ReLU with weights of std sqrt(2/fan_in), a normalisation, or a skip connection around each pair of layers
keeps the size.
"""
