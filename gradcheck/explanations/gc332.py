"""A parameter has a gradient and does not change.

The update is exactly 0, at five samples running, while the gradient is not.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    x, y = torch.randn(64, 20), torch.randint(5, (64,))
    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 5))

Wrong:

    def warm_up(step):
        return min(1, step // 1000)

Right:

    def warm_up(step):
        return min(1, (step + 1) / 1000)

Check:

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, warm_up)
    with watch(model, optimizer) as health:
        for step in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
            schedule.step()
    print(health.report())

Why it happens: a learning rate of 0 (here by a division of integers); an update that is left out (a NumPy backward
computes dW, and no line takes it); one that goes into a copy (W = W - lr * dW in a function, model =
copy.deepcopy(model) after the optimizer was made); weights in bfloat16 or float16, where an update below half of the
last digit is rounded away.
"""
