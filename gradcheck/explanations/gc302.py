"""Values close to overflow.

The square of a float32 or bfloat16 number above 1.8e19 is infinite (float64: 1.3e154), and so is the norm of an array
that holds it. In float16, which ends at 65504, values above an eighth of that are told.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    raw, y = 1e20 * torch.rand(64, 20), torch.randint(5, (64,))
    model = nn.Linear(20, 5)

Wrong:

    x = raw

Right:

    x = raw / raw.abs().max()

Check:

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer) as health:
        for step in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    print(health.report())

Why it happens: inputs in their physical units, weights that grew under too large a learning rate, a product of many
factors without logarithms. Numbers put in as masks (-1e4, -1e9, the type's own largest) are not meant here, nor are
float16 gradients, which are scaled up on purpose.
"""
