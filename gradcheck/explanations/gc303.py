"""Values so small that their digits are lost, or they become 0.

Below the smallest normal number (6e-5 in float16, 1.2e-38 in float32 and bfloat16, 2.2e-308 in float64) numbers have
fewer and fewer digits. A gradient that gets there no longer points the right way. A softmax or logistic output below
1e-38 is told too: its input is huge.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    x, y = torch.randn(4096, 20), torch.randint(5, (4096,))

Wrong:

    kind = torch.float16

Right:

    kind = torch.float32

Check:

    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 5)).to(kind)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer) as health:
        for step in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x.to(kind)), y).backward()
            optimizer.step()
    print(health.report())

Why it happens: float16 without gradient scaling: the mean over a large batch divides every gradient by its size. Use
torch.amp.GradScaler, which multiplies the loss before the backward and divides after it, or bfloat16, which has
float32's range. In float64 such numbers come from vanishing gradients or from weights that have grown.
"""
