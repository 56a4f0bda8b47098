"""GC333: a parameter that is trained gets no gradient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from gradcheck.health.losses import Progress
from gradcheck.health.rule import Rule
from gradcheck.health.sample import ParameterSample, Sample
from gradcheck.health.symptoms import Symptoms
from gradcheck.health.words import listed
from gradcheck.report import Finding

__all__ = ["MissingGradients"]

_STOPPED = (
    "the gradient is stopped between here and the loss: a unit that is 0 for every sample, a mask, a rounding, a "
    "saturated activation",
)
_NOWHERE = (
    "in PyTorch, no path leads from the loss to it: detach(), .item(), .data, no_grad(), a conversion to NumPy, or a "
    "layer whose output is not used",
    "in NumPy, the backward does not compute it and the update leaves it out",
)


class MissingGradients(Rule):
    """gradient = None or exactly 0, at five samples running.

    An error where no parameter has one. Exempt: what is frozen or not trained, a bias before a normalisation (its
    gradient is 0 in truth), what moves by a gradient that is not seen, embeddings (rows that are not in use have none),
    and a loss that has come down to a tenth of its first value.
    """

    code: ClassVar[str] = "GC333"

    def __init__(self) -> None:
        self._found: Symptoms[ParameterSample] = Symptoms(enough=5)
        self._progress = Progress()
        self._have: set[str] = set()
        self._unseen: set[str] = set()

    def observe(self, sample: Sample) -> None:
        self._progress.observe(sample)
        for parameter in sample.parameters:
            exempt = parameter.before_norm or parameter.sparse or parameter.role == "embedding"
            if exempt or parameter.frozen or not parameter.trained:
                continue
            g = parameter.gradient
            moves = parameter.update is not None and parameter.update.norm > 0
            if g is None and moves:
                self._unseen.add(parameter.name)  # it has one, which is not seen; in the end it may stand still
            none = parameter.name not in self._unseen if g is None else g.bad == 0 and g.norm == 0
            if not none:
                self._have.add(parameter.name)
            holds = none and not self._progress.converged
            self._found.observe(parameter.name, sample.step, parameter if holds else None)

    def findings(self) -> Iterator[Finding]:
        found = list(self._found)
        if not found:
            return
        first, seen = found[0]
        names = [name for name, _ in found]
        zero = seen.what.gradient is not None
        everything = not self._have
        gets = "gets" if len(names) == 1 else "get"
        title = f"{listed(names)} {gets} no gradient"
        if everything:
            title = f"no parameter gets a gradient (the first is {first})"
        stored = "its gradient is exactly 0" if zero else "nothing is stored as its gradient"
        yield Finding(
            code=self.code,
            severity=seen.severity("error" if everything else "warning"),
            title=title,
            layer=seen.what.layer,
            gradient=first,
            evidence=(
                f"{stored}, since step {seen.since}",
                *([f"{len(names)} parameters in all: {listed(names, 12)}"] if len(names) > 1 else []),
                *seen.remark,
            ),
            help=_STOPPED if zero else _NOWHERE,
            step=seen.since,
        )
