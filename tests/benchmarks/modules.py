"""Custom Functions in real models: who is guilty, who is blamed in vain, and what it costs beside a training step."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from modules_zoo import FAULTS, MODELS, Model, planted
from tables import Table, times

from gradcheck import check_module
from gradcheck.witnesses.torch_arrays import flat_outputs

__all__ = ["table"]


def table(seeds: int) -> Table:
    """Each model right, and with each fault in each of the places, ``seeds`` times with other weights and inputs."""
    made = Table(
        f"check_module: custom Functions in real models, {seeds} {'run' if seeds == 1 else 'runs'} each, float32",
        ["model", "Functions in", "right: ok", "wrong: named", "right ones blamed", "a step", "right", "wrong"],
    )
    for name, model in MODELS.items():
        right = named = cases = blamed = 0
        took: dict[str, list[float]] = {"step": [], "right": [], "wrong": []}
        for seed in range(seeds):
            whole, inputs = _made(model, seed)
            took["step"].append(_step(whole, inputs))
            report, seconds = _checked(whole, inputs, seed)
            took["right"].append(seconds)
            places = len({g.layer.partition(" (")[0] for g in report.gradients})
            right += report.ok
            if not report.ok:
                made.remarks.append(f"{name}, seed {seed}: {_said(report)}")
            for place, attribute in model.places:
                for fault, change in FAULTS.items():
                    whole, inputs = _made(model, seed)
                    holder = whole.get_submodule(place)
                    wrong = planted(getattr(holder, attribute), change)
                    setattr(holder, attribute, wrong)
                    report, seconds = _checked(whole, inputs, seed)
                    took["wrong"].append(seconds)
                    guilty = f"{place or type(whole).__name__}: {wrong.__name__}"
                    found = {g.layer.partition(" (")[0] for g in report.gradients if g.verdict == "wrong"}
                    others = {
                        g.layer.partition(" (")[0] for g in report.gradients if g.verdict in ("wrong", "undecided")
                    } | {f.layer.partition(" (")[0] for f in report.findings if f.severity == "error"}
                    cases += 1
                    named += guilty in found
                    blamed += len(others - {guilty})
                    if found != {guilty} or others != {guilty}:
                        made.remarks.append(f"{name}, {guilty} {fault}, seed {seed}: {_said(report)}")
        middle = {what: statistics.median(found) for what, found in took.items()}
        made.rows.append(
            [
                name,
                f"{places} {'place' if places == 1 else 'places'}",
                f"{right} of {seeds}",
                f"{named} of {cases}",
                str(blamed),
                f"{1e3 * middle['step']:.1f} ms",
                times(middle["right"] / middle["step"]),
                times(middle["wrong"] / middle["step"]),
            ]
        )
    return made


def _made(model: Model, seed: int) -> tuple[Any, object]:
    torch.manual_seed(seed)
    return model.make(), model.inputs()


def _checked(model: Any, inputs: object, seed: int) -> tuple[Any, float]:
    started = time.process_time()
    report = check_module(model, inputs, seed=seed, raises=False)
    return report, time.process_time() - started


def _step(model: Any, inputs: object) -> float:
    """A forward, a backward and an update of the same model on the same batch."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.0)

    def one() -> None:
        optimizer.zero_grad()
        given = inputs if isinstance(inputs, tuple) else (inputs,)
        output = model(**inputs) if isinstance(inputs, dict) else model(*given)
        sum(o.float().square().mean() for o in flat_outputs(output) if o.requires_grad).backward()
        optimizer.step()

    one()
    return statistics.median(_seconds(one) for _ in range(5))


def _seconds(call: Callable[[], object]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started


def _said(report: Any) -> str:
    rows = [
        f"{g.layer}.{g.name} {g.verdict} {g.reason}" for g in report.gradients if g.verdict in ("wrong", "undecided")
    ]
    return "; ".join([*rows, *[f"{f.layer} {f.code} {f.title}" for f in report.findings if f.severity == "error"]])[
        :300
    ]
