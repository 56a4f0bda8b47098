"""Trainings in several threads, each under a watch of its own."""

import threading

import torch
from torch import nn
from torch.optim import optimizer as optimizers

from gradcheck import watch
from gradcheck.watching.pytorch.updates import hear_updates


def test_a_watch_may_begin_and_end_while_another_threads_optimizer_makes_its_step():
    """The other thread's watch is begun and ended inside a step, where PyTorch goes through its hooks."""
    model, other = nn.Linear(3, 2), nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    def watched():
        with watch(other):
            pass

    def elsewhere(*_):
        thread = threading.Thread(target=watched)
        thread.start()
        thread.join()

    undo = hear_updates(elsewhere, lambda *_: None)
    with watch(model, optimizer) as health:
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.ones(4, 3)).pow(2).mean().backward()
            optimizer.step()
    undo()
    assert health.report(raises=False).watched.steps == 3


def test_no_hook_is_left_behind():
    before = dict(optimizers._global_optimizer_pre_hooks), dict(optimizers._global_optimizer_post_hooks)
    model = nn.Linear(3, 2)
    first, second = watch(model), watch(nn.Linear(2, 2))
    first.start()
    second.start()
    assert len(optimizers._global_optimizer_pre_hooks) == len(before[0]) + 1
    first.stop()
    second.stop()
    assert (dict(optimizers._global_optimizer_pre_hooks), dict(optimizers._global_optimizer_post_hooks)) == before
