"""Trainings on several processes: real ones, which meet over gloo.

They are forked from one server that has loaded PyTorch already: loading it in each would take most of the time.
"""

import multiprocessing
import pickle
import socket
import tempfile
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn

__all__ = ["SIZE", "batches", "net", "on_ranks", "train", "wrapped"]

SIZE = 16  # of a whole batch
_LIMIT = 100  # seconds

Loop = Iterator[tuple[int, torch.Tensor, torch.Tensor]]


def on_ranks(job: Callable[..., Any], count: int, *args: Any) -> list[Any]:
    """What ``job(rank, count, *args)`` gives in each of ``count`` processes; None for one that has died.

    Raises:
        AssertionError: one of them raised, or did not end.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch.distributed.fsdp", "gradcheck.watching.pytorch.distributed.watch"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        processes = [
            context.Process(target=_run, args=(job, rank, count, port, folder, args), daemon=True)
            for rank in range(count)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(_LIMIT)
        assert not any(process.is_alive() for process in processes), "a process hangs"
        found = [Path(folder, str(rank)) for rank in range(count)]
        results = [pickle.loads(path.read_bytes()) if path.exists() else None for path in found]
    for result in results:
        assert not isinstance(result, _Failure), result.text
    return results


class _Failure:
    def __init__(self, text: str) -> None:
        self.text = text


def _run(job: Callable[..., Any], rank: int, count: int, port: int, folder: str, args: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    store = distributed.TCPStore("127.0.0.1", port, count, is_master=rank == 0)
    limit = timedelta(seconds=_LIMIT // 2)
    distributed.init_process_group("gloo", store=store, rank=rank, world_size=count, timeout=limit)
    try:
        result = job(rank, count, *args)
    except BaseException:
        result = _Failure(traceback.format_exc())
    Path(folder, str(rank)).write_bytes(pickle.dumps(result))
    distributed.destroy_process_group()


def net() -> nn.Sequential:
    """The same in every process."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(10, 33), nn.ReLU(), nn.Linear(33, 16), nn.Tanh(), nn.Linear(16, 3))


def wrapped(model: nn.Module, kind: str, count: int) -> nn.Module:
    """As ``kind`` has it: "DDP" or "FSDP2", whose layers do not divide evenly; "" for one process."""
    if kind == "DDP":
        return nn.parallel.DistributedDataParallel(model)
    if kind == "FSDP2":
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh("cpu", (count,))
        for layer in model.children():
            if list(layer.parameters()):
                fully_shard(layer, mesh=mesh)
        fully_shard(model, mesh=mesh)
    return model


def batches(rank: int, count: int, begin: int, end: int) -> Loop:
    """Step, inputs and labels: of each batch this process's share."""
    for step in range(begin, end):
        generator = torch.Generator().manual_seed(step)
        x = torch.randn(SIZE, 10, generator=generator)
        y = torch.randint(3, (SIZE,), generator=generator)
        yield step, x[rank::count], y[rank::count]


def train(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loop: Loop,
    change: Callable[[int, torch.Tensor], torch.Tensor] | None = None,
) -> None:
    """An ordinary loop; ``change`` may do something to the outputs."""
    for step, x, y in loop:
        optimizer.zero_grad()
        out = model(x)
        if change is not None:
            out = change(step, out)
        nn.functional.cross_entropy(out, y).backward()
        optimizer.step()
