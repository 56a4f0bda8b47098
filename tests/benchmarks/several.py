"""What it costs to watch a training on several processes: a rank's step, and what the ranks tell each other."""

import multiprocessing
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import torch
from tables import Table
from torch import distributed, nn
from watching import NETWORKS, PERIOD, Training

from gradcheck import watch

__all__ = ["table"]

PROCESSES = (1, 2, 4)
KINDS = ("DDP", "FSDP2")
BEGIN = 5  # steps that are not timed
LIMIT = 600  # seconds
NEVER = 10**9
Measured = dict[str, float]


def _wrapped(model: nn.Module, kind: str, count: int) -> nn.Module:
    if count == 1:
        return model
    if kind == "DDP":
        return nn.parallel.DistributedDataParallel(model)
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh("cpu", (count,))
    for module in _layers(model):
        fully_shard(module, mesh=mesh)
    fully_shard(model, mesh=mesh)
    return model


def _layers(module: nn.Module) -> Iterator[nn.Module]:
    """What has weights, a block of a transformer as a whole: it uses the weights of its parts without calling them."""
    for child in module.children():
        if isinstance(child, nn.TransformerEncoderLayer) or (list(child.parameters()) and not list(child.children())):
            yield child
        else:
            yield from _layers(child)


def _times(training: Training, steps: int) -> float:
    """Of the process for one step: where processes share cores, what passes on the clock is the others' doing."""
    taken = []
    for _ in range(steps):
        started = time.process_time()
        training.step()
        taken.append(time.process_time() - started)
    return statistics.median(taken)


def _measure(rank: int, count: int, name: str, kind: str, rounds: int, steps: int) -> Measured:
    """Blocks of bare steps, of steps without a sample and of sampled ones, in turn; the whole batch is shared out."""
    training = Training(NETWORKS[name])
    share = slice(rank, None, count)
    training.x, training.y = training.x[share], training.y[share]
    training.net = _wrapped(training.net, kind, count)
    training.optimizer = torch.optim.Adam(training.net.parameters(), lr=1e-6)
    found: dict[str, list[float]] = {"bare": [], "births": [], "sampled": []}
    told: Measured = {"bytes": 0.0, "notes": 0.0, "asked": 0.0}
    for _ in range(BEGIN):
        training.step()
    for _ in range(rounds):
        found["bare"].append(_times(training, steps))
        for way, every in (("births", NEVER), ("sampled", 1)):
            with watch(training.net, training.optimizer, every=every) as health:
                for _ in range(BEGIN):
                    training.step()
                board: Any = getattr(health, "_board", None)
                before = (board.sent, board.messages, board.asked) if board else (0, 0, 0)
                found[way].append(_times(training, steps))
                after = (board.sent, board.messages, board.asked) if board else (0, 0, 0)
            if way == "sampled":
                told = {key: (b - a) / steps for key, a, b in zip(told, before, after, strict=True)}
    return told | {way: statistics.median(times) for way, times in found.items()}


def _process(rank: int, count: int, port: int, results: Any, job: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    store = distributed.TCPStore("127.0.0.1", port, count, is_master=rank == 0)
    limit = timedelta(seconds=LIMIT)
    distributed.init_process_group("gloo", store=store, rank=rank, world_size=count, timeout=limit)
    results.put((rank, _measure(rank, count, *job)))
    distributed.barrier()
    distributed.destroy_process_group()


def _on(count: int, *job: Any) -> list[Measured]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch.distributed.fsdp", "gradcheck.watching.pytorch.distributed.watch"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    results = context.Queue()
    processes = [context.Process(target=_process, args=(r, count, port, results, job)) for r in range(count)]
    for process in processes:
        process.start()
    found = dict(results.get(timeout=LIMIT) for _ in processes)
    for process in processes:
        process.join()
    return [found[rank] for rank in range(count)]


def _row(name: str, kind: str, count: int, found: list[Measured]) -> list[str]:
    def slower(way: Callable[[Measured], float]) -> str:
        return f"{max(way(rank) / rank['bare'] for rank in found):.2f}"

    others = found[1:]
    size = f"{others[0]['bytes']:,.0f}" if others else "–"
    notes = f"{sum(rank['notes'] for rank in others):.0f}" if others else "–"
    asked = f"{found[0]['asked']:.1f}" if others else "–"
    return [
        name, kind if others else "one process", str(count), f"{1e3 * found[0]['bare']:.2f} ms",
        slower(lambda rank: rank["births"] + (rank["sampled"] - rank["births"]) / PERIOD),
        slower(lambda rank: rank["births"]),
        slower(lambda rank: rank["sampled"]),
        notes, size, asked,
    ]  # fmt: skip


def table(rounds: int, steps: int = 30) -> Table:
    """Every network on one process and on several, by each way of sharing the work."""
    made = Table(
        f"Watching several processes: a step of the slowest as a multiple of its bare one, medians of {rounds} blocks",
        ["network", "shared by", "processes", "bare step", "watch", "watch, no step sampled", "watch(every=1)",
         "messages a sampled step", "bytes of each", "questions of rank 0"],
        remarks=[
            "times are those that a process works, whoever else has the cores; a bare step is rank 0's",
            "the whole batch is shared out, so that more processes have less to do each: the multiple grows with that",
            "FSDP2: each layer, or block of a transformer, is sharded by itself, over gloo on a CPU",
            "messages go from all other ranks to the store, and rank 0 asks for them all at once",
        ],
    )  # fmt: skip
    names = list(NETWORKS) if rounds > 1 else list(NETWORKS)[:1]
    for name in names:
        for count in PROCESSES:
            for kind in KINDS if count > 1 else ("",):
                made.rows.append(_row(name, kind, count, _on(count, name, kind, rounds, steps)))
    return made
