"""The processes of a training have different weights.

Under DistributedDataParallel every rank has a copy of the model. The copies begin alike, and gradients are averaged,
so that all of them take the same step. Here they do not: each rank trains a model of its own, with gradients that are
the average over different models, and what is saved is that of one rank.

Given:

    import os, tempfile, torch
    from torch import distributed, nn
    from gradcheck import watch

    meeting = tempfile.mktemp()

Wrong:

    def learning_rate(rank):
        return 0.1 / (1 + rank)

Right:

    def learning_rate(rank):
        return 0.1

Check:

    def train(rank):
        distributed.init_process_group("gloo", store=distributed.FileStore(meeting, 2), rank=rank, world_size=2)
        torch.manual_seed(rank)
        x, y = torch.randn(32, 20), torch.randint(5, (32,))
        model = nn.parallel.DistributedDataParallel(nn.Linear(20, 5))
        optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate(rank))
        with watch(model, optimizer) as health:
            for step in range(6):
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(x), y).backward()
                optimizer.step()
        if rank == 0:
            print(health.report())
        distributed.destroy_process_group()

    if os.fork() == 0:  # the second process, which torchrun starts otherwise
        try:
            train(1)
        finally:
            os._exit(0)
    train(0)

Why it happens: a learning rate, a schedule or a seed that depends on the rank; a checkpoint that is loaded on rank 0
after the model was wrapped; an update that one rank skips, because its own loss was not finite, say; parameters that
are left out of the averaging. Methods that average weights now and then in place of gradients (local SGD) do so on
purpose.
"""
