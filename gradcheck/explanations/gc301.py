"""A gradient clip hides that the gradients overflowed.

Clipping by norm multiplies by limit / norm. Where the sum of squares overflows the norm is infinite and the factor 0:
every gradient becomes 0 in silence. Where an entry is NaN, all become NaN.

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    x = torch.randn(64, 20)
    income = 1e19 * (x[:, :1] + 0.1 * torch.randn(64, 1))
    model = nn.Linear(20, 1)

Wrong:

    target = income

Right:

    target = income / income.abs().max()

Check:

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer) as health:
        for step in range(20):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(x), target).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    print(health.report())

Why it happens: the clip was put there against exploding gradients, and now keeps them from being seen. Find where
they grow. clip_grad_norm_(..., error_if_nonfinite=True) stops at such a step; gradient scaling (torch.amp.GradScaler)
leaves it out.
"""
