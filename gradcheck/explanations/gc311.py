"""Activations explode.

The outputs of the layers with weights grow by a factor a layer, together more than a thousandfold (or a layer's
output grows to a thousand times what it was at first, over training, over the calls of one step, or over the time
steps of an nn.RNN). The loss and its gradients grow with them, to infinity in the end.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    x, y = torch.randn(64, 20), torch.randint(5, (64,))

Wrong:

    std = 1.5

Right:

    std = 0.25  # He: sqrt(2 / 32)

Check:

    model = nn.Sequential(nn.Linear(20, 32), *(layer for _ in range(6) for layer in (nn.ReLU(), nn.Linear(32, 32))))
    for layer in model[::2]:
        nn.init.normal_(layer.weight, std=std)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-5)
    with watch(model, optimizer) as health:
        for step in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    print(health.report())

Why it happens: weights drawn too large for their number, or weights that grew: look for an update that is too large
(GC330) at an earlier step.
"""
