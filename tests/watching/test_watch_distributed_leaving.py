"""A process that stops sampling has no other wait for it, and the report says so."""

import os
import tempfile
import time

import pytest
import torch
from ranks import batches, net, on_ranks, train, wrapped

from gradcheck import watch

pytestmark = pytest.mark.slow

COUNT = 2


def prepared(kind: str, count: int) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    model = wrapped(net(), kind, count)
    return model, torch.optim.SGD(model.parameters(), lr=0.1)


def left_by_error(rank: int, count: int, kind: str) -> str:
    """Rank 1 leaves its watch by an error and trains on without."""
    model, optimizer = prepared(kind, count)
    health = watch(model, optimizer, every=1)
    try:
        with health:
            train(model, optimizer, batches(rank, count, 0, 6))
            if rank == 1:
                raise ValueError("of rank 1")
            train(model, optimizer, batches(rank, count, 6, 12))
    except ValueError:
        train(model, optimizer, batches(rank, count, 6, 12))
    return str(health.report())


def never_watched(rank: int, count: int, kind: str) -> str:
    model, optimizer = prepared(kind, count)
    if rank == 1:
        train(model, optimizer, batches(rank, count, 0, 12))
        return ""
    with watch(model, optimizer) as health:
        train(model, optimizer, batches(rank, count, 0, 12))
    return str(health.report())


def first_ends_early(rank: int, count: int, kind: str) -> str:
    """The others' training needs rank 0, which must not wait for them at the end of its watch."""
    model, optimizer = prepared(kind, count)
    health = watch(model, optimizer, every=1)
    with health:
        train(model, optimizer, batches(rank, count, 0, 6))
        if rank > 0:
            train(model, optimizer, batches(rank, count, 6, 12))
    if rank > 0:
        return str(health.report())
    text = str(health.report())
    train(model, optimizer, batches(rank, count, 6, 12))
    return text


def uneven(rank: int, count: int) -> str:
    """Rank 1 has fewer batches, and PyTorch's join stands in for it."""
    model, optimizer = prepared("DDP", count)
    with model.join(), watch(model, optimizer, every=1) as health:
        train(model, optimizer, batches(rank, count, 0, 12 if rank == 0 else 6))
    return str(health.report())


def fails_to_measure(rank: int, count: int) -> str:
    model, optimizer = prepared("DDP", count)
    with watch(model, optimizer, every=1) as health:
        train(model, optimizer, batches(rank, count, 0, 6))
        if rank == 1:
            health.measured(lambda: 1 / 0)
        train(model, optimizer, batches(rank, count, 6, 40))
    return str(health.report())


def everything(rank: int, count: int) -> dict[str, str]:
    jobs = {
        "error": lambda: left_by_error(rank, count, "DDP"),
        "error FSDP2": lambda: left_by_error(rank, count, "FSDP2"),
        "never": lambda: never_watched(rank, count, "DDP"),
        "first": lambda: first_ends_early(rank, count, "DDP"),
        "uneven": lambda: uneven(rank, count),
        "blind": lambda: fails_to_measure(rank, count),
    }
    found = {}
    for name, job in jobs.items():
        torch.distributed.barrier()
        found[name] = job()
    return found


@pytest.fixture(scope="module")
def found():
    return on_ranks(everything, COUNT)


def told(found, name: str, rank: int = 0) -> str:
    return " ".join(found[rank][name].split())


@pytest.mark.parametrize("name", ["error", "error FSDP2"])
def test_who_left_by_an_error_is_told(found, name):
    assert "rank 1 stopped at step 6 by ValueError; what follows is of the others" in told(found, name)
    assert "12 steps · 12 sampled" in told(found, name)
    other = told(found, name, rank=1)
    early = "which was not there yet" in other and "the report on all is that of rank 0, and not there yet" in other
    # rank 0 goes on meanwhile, and may have come to its end before rank 1 has put its own report together
    assert "6 steps watched; rank 0 holds the report" in other
    assert early or "rank 0 holds the report (nothing above info)" in other


def test_who_was_never_watched_is_told(found):
    assert "nothing was heard of rank 1: it was not watched, or did not reach the store" in told(found, "never")
    assert "12 steps" in told(found, "never")


def test_the_first_may_end_early(found):
    assert "rank 1 had not ended when rank 0 did, after 6 steps" in told(found, "first")
    assert "the report on all of them is that of rank 0" in told(found, "first", rank=1)


def test_uneven_numbers_of_batches_are_told(found):
    assert "rank 1 stopped at step 6; what follows is of the others" in told(found, "uneven")
    assert "12 steps · 12 sampled" in told(found, "uneven")


def test_who_can_measure_no_more_is_told(found):
    text = told(found, "blind")
    assert "rank 1: after 6 steps an error of gradcheck's own ended the measuring (ZeroDivisionError" in text
    assert "40 steps · 40 sampled" in text


def killed(rank: int, count: int) -> str:
    model, optimizer = prepared("DDP", count)
    health = watch(model, optimizer)
    try:
        with health:
            train(model, optimizer, batches(rank, count, 0, 6))
            if rank == 1:
                os._exit(1)
            train(model, optimizer, batches(rank, count, 6, 12))
    except RuntimeError:  # of gloo: the training itself cannot go on
        pass
    return str(health.report())


def test_who_has_died_is_told():
    first, second = on_ranks(killed, COUNT)
    assert second is None
    assert "rank 1 had not ended when rank 0 did, after 6 steps" in " ".join(first.split())


def ends_late(rank: int, count: int) -> tuple[str, str]:
    """Rank 1 is so late that rank 0's process has ended, and with it the store; and what it prints on stderr."""
    with tempfile.TemporaryFile() as printed:
        if rank == 1:
            os.dup2(printed.fileno(), 2)
        model, optimizer = prepared("DDP", count)
        with watch(model, optimizer) as health:
            train(model, optimizer, batches(rank, count, 0, 12))
            if rank == 1:
                time.sleep(4)
        text = str(health.report())
        with watch(model, optimizer) as again:  # a store that is gone from the start
            pass
        text += str(again.report()) if rank == 1 else ""
        printed.seek(0)
        return text, printed.read().decode()


def test_a_store_that_is_gone_is_told_and_nothing_is_printed():
    (first, _), (second, printed) = on_ranks(ends_late, COUNT)
    assert "rank 1 had not ended when rank 0 did, after 12 steps" in " ".join(first.split())
    told_title, *_ = second.splitlines()
    assert "12 steps watched; the report is that of rank 0, which could not be asked" in told_title
    assert "the store through which the processes meet was gone (its server has ended)" in " ".join(second.split())
    assert "no symptom" not in second
    assert printed == ""
