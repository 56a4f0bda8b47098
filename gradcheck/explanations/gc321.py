"""An activation is saturated.

It works where it is flat: its derivative there is (nearly) 0, and what comes from above does not get through. Judged
by the gradient that passes, not by the values. Gates, attention, and the softmax or logistic in front of a
cross-entropy saturate by design. Inside nn.RNN, nn.LSTM and nn.GRU, whose gates are computed again from their inputs
and outputs, a gate that is shut nearly everywhere is told all the same, and gates that are all flat.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    raw, y = 255 * torch.rand(64, 100), torch.randint(5, (64,))
    model = nn.Sequential(nn.Linear(100, 32), nn.Sigmoid(), nn.Linear(32, 5))

Wrong:

    x = 10 * raw

Right:

    x = raw / 255 - 0.5

Check:

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer) as health:
        for step in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    print(health.report())

Why it happens: inputs of 0 to 255, weights that are too large or have a mean that is not 0, a step that was too
large. Scale inputs to mean 0 and std 1, draw weights with Glorot's std. For a squared error on a softmax, take
cross-entropy.
"""
