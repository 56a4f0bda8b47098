"""The signal grows or shrinks at initialisation.

Before the first step, the outputs change by a factor from layer to layer, or a layer's weights are drawn several
times too large for the number of its inputs. The report shows their standard deviation beside those of He,
sqrt(2/fan_in), and Glorot, sqrt(2/(fan_in+fan_out)).

Given:

    import torch
    from torch import nn
    from gradcheck import watch

    torch.manual_seed(0)
    x, y = torch.rand(64, 100), torch.randint(5, (64,))
    model = nn.Sequential(nn.Linear(100, 32), nn.Sigmoid(), nn.Linear(32, 5))

Wrong:

    nn.init.uniform_(model[0].weight)  # from 0 to 1

Right:

    nn.init.xavier_uniform_(model[0].weight)

Check:

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer) as health:
        for step in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    print(health.report())

Why it happens: np.random.rand or randn without a factor; a constant such as 0.01 whatever the layer's size; weights
from 0 to 1, whose mean adds up over all inputs. Weights before a normalisation may have any scale.
"""
