"""Activations vanish.

The outputs of the layers with weights shrink by a factor a layer, together to less than a thousandth (or a layer's
output shrinks to a thousandth of what it was at first). What is left at the end does not depend on the input enough
to learn from it.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    x, y = torch.randn(64, 20), torch.randint(5, (64,))

Wrong:

    std = 0.01

Right:

    std = 0.25  # Glorot: sqrt(2 / (16 + 16))

Check:

    pairs = [(nn.Tanh(), nn.Linear(16, 16, bias=False)) for _ in range(5)]
    model = nn.Sequential(nn.Linear(20, 16), *(layer for pair in pairs for layer in pair))
    for layer in model[::2]:
        nn.init.normal_(layer.weight, std=std)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer) as health:
        for step in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    print(health.report())

Why it happens: weights drawn too small for their number: with std s and n inputs a layer multiplies by about s ·
sqrt(n). Draw them with std sqrt(2/(fan_in+fan_out)) before tanh (Glorot), sqrt(2/fan_in) before a ReLU (He), or put a
normalisation between. Strong weight decay shrinks them over time.
"""
