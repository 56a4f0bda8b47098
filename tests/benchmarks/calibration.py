"""Watching healthy and broken trainings: alarms on the healthy ones, and what is said first of the broken ones."""

from collections.abc import Iterator

import torch
from health_numpy import NumpyTraining
from health_zoo import BROKEN, HEALTHY, UNSEEN, Case, Made
from tables import Table

from gradcheck import watch
from gradcheck.report import Report

__all__ = ["broken", "healthy", "watched"]


def watched(training: Made, every: int | None = None) -> Report:
    """The report on a whole training."""
    if isinstance(training, NumpyTraining):
        with watch(training.model, every=every) as health:
            training.run(health.step)
    else:
        with watch(training.model, training.optimizer, every=every) as health:
            training.run()
    return health.report()


def healthy(seeds: int, names: str = "") -> Table:
    """Every healthy training over ``seeds`` seeds; any finding above info is an alarm."""
    made = Table(f"Healthy trainings, {seeds} seeds each", ["set", "training", "alarms", "last loss"])
    held_out = alarms_held_out = 0
    for case, seed_reports in _each(HEALTHY, seeds, names):
        alarms = 0
        for seed, report in seed_reports:
            loud = [f for f in report.findings if f.severity != "info"]
            alarms += bool(loud) or not report.ok
            made.remarks += [f"{case.name}, seed {seed}: {f.code} {f.layer} {f.title}" for f in loud]
            if not report.watched or not report.watched.steps:
                made.remarks.append(f"{case.name}, seed {seed}: nothing was watched")
        last = [
            report.watched.loss.values[-1]
            for _, report in seed_reports
            if report.watched and report.watched.loss.values
        ]
        shown = f"{max(x for x in last if x is not None):.3g}" if last else "-"
        made.rows.append([_half(case), case.name, f"{alarms} of {seeds}", shown])
        if not case.tuning:
            held_out += seeds
            alarms_held_out += alarms
    # With no alarm in n runs the rate is below 3/n with 95 % confidence (1 - 0.05^(1/n) is nearly 3/n).
    bound = (
        f"; so many without any bound the rate by {3 / held_out:.1%} (95 %)" if held_out and not alarms_held_out else ""
    )
    made.remarks.insert(0, f"held out: {alarms_held_out} alarms in {held_out} trainings{bound}")
    return made


def broken(seeds: int, names: str = "") -> Table:
    """Every broken training over ``seeds`` seeds: was anything found, and was the right thing said first?"""
    made = Table(f"Broken trainings, {seeds} seeds each", ["set", "training", "caught", "right first", "first said"])
    total = caught_all = right_all = 0
    for case, seed_reports in _each((*BROKEN, *UNSEEN), seeds, names):
        caught = right = 0
        said: dict[str, None] = {}
        for seed, report in seed_reports:
            loud = [f for f in report.findings if f.severity != "info"]
            caught += bool(loud)
            first = loud[0].code if loud else "-"
            right += first in case.first
            said.setdefault(first)
            if first not in case.first:
                made.remarks.append(
                    f"{case.name}, seed {seed}: " + "; ".join(f"{f.code} {f.layer} {f.title}" for f in loud[:4])
                )
        made.rows.append([_half(case), case.name, f"{caught} of {seeds}", f"{right} of {seeds}", ", ".join(said)])
        total, caught_all, right_all = total + seeds, caught_all + caught, right_all + right
    made.remarks.insert(
        0, f"caught {caught_all} of {total}, the right thing first {right_all} ({right_all / max(total, 1):.0%})"
    )
    return made


def _each(cases: tuple[Case, ...], seeds: int, names: str) -> Iterator[tuple[Case, list[tuple[int, Report]]]]:
    for case in cases:
        if names in case.name:
            reports = []
            for seed in range(seeds):
                training = case.make(seed)
                torch.manual_seed(1000 + seed)  # dropout and the like, apart from the initial weights
                reports.append((seed, watched(training)))
            yield case, reports


def _half(case: Case) -> str:
    return "tuning" if case.tuning else "unseen" if case in UNSEEN else "held out"
