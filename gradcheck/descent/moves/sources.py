"""Where the gradients of a step come from: given, computed by a callable, stored by the step, or taken from a loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcheck.descent.found import arrays_below
from gradcheck.descent.given import Given
from gradcheck.descent.gradients import named_gradients
from gradcheck.descent.landscape import Landscape, joined, parted
from gradcheck.descent.moves.weights import Array, Parameter, plain, values_of, weights_of
from gradcheck.errors import GradcheckError
from gradcheck.layers.calling import user_code
from gradcheck.layers.pairing import match_paths
from gradcheck.layers.reach import Path
from gradcheck.layers.values import is_tensor

__all__ = ["Found", "Gradients", "GradientsOfLoss", "GradientsRead", "source_of", "stored_gradients"]

Found = dict[str, Array]


class Gradients:
    """A source of gradients that are asked for around a step, each at its own time."""

    said: str
    """What the gradients are, for the report."""
    is_anew = True
    """Whether the gradients of a second step can be had as well."""

    def before(self) -> Found:
        """Those that are known before the step."""
        return {}

    def after(self) -> Found:
        """Those that stand there after it."""
        return {}

    def at(self, values: Mapping[str, Array]) -> Found | None:  # noqa: ARG002
        """The gradients at any weights, once everything is as it was; None where this source cannot tell."""
        return None


class GradientsOfLoss(Gradients):
    """The true gradients of a loss."""

    said = "the true gradients of the loss"

    def __init__(self, landscape: Landscape, parameters: Mapping[str, Parameter]) -> None:
        self.landscape, self.parameters = landscape, parameters

    def at(self, values: Mapping[str, Array]) -> Found | None:
        """By autograd; zeros for a parameter that the loss does not use."""
        shapes = self.landscape.shapes
        # a loss that takes its parameters calls them by the names of its arguments, in their order
        names = list(shapes) if set(shapes) <= set(values) else list(values)
        start = joined([values[name] for name in names])
        parts = parted(self.landscape.gradient(start), dict(zip(names, shapes.values(), strict=True)))
        return {name: np.array(parts[name]) if name in parts else np.zeros(v.shape) for name, v in values.items()}


class GradientsRead(Gradients):
    """Gradients that were given, that a callable gives, or that stand beside the parameters.

    ``read`` gives them as they stand now, None where there are none yet.
    """

    def __init__(
        self, said: str, read: Callable[[], Found | None], make: Callable[[], None] | None, changes: bool
    ) -> None:
        self.said, self._read, self._make = said, read, make
        self.is_anew = changes or make is not None

    def before(self) -> Found:
        if self._make is not None:
            self._make()
        return self._read() or {}

    def after(self) -> Found:
        return self._read() or {}


def source_of(
    gradients: Any, landscape: Landscape | None, given: Given, parameters: Mapping[str, Parameter]
) -> Gradients | None:
    """Choose: what was given, then the loss, then what is stored; None where nothing is in sight.

    Raises:
        GradcheckError: what was given fits no parameter.
    """
    shapes = {name: p.shape for name, p in parameters.items()}
    places = {name: p.path for name, p in parameters.items() if p.path is not None}

    def named(raw: Any) -> Found:
        return named_gradients("gradients", raw, shapes, places if len(places) == len(shapes) else None)

    if callable(gradients) and not is_tensor(gradients):
        return _called(gradients, named, given, parameters)
    if gradients is not None:
        named(gradients)  # refused now, if it has to be

        def read() -> Found | None:
            return named(gradients)

        return GradientsRead("the gradients that were given", read, None, changes=False)
    if landscape is not None:
        return GradientsOfLoss(landscape, parameters)
    return _stored(given, parameters)


def _called(
    function: Callable[[], Any], named: Callable[[Any], Found], given: Given, parameters: Mapping[str, Parameter]
) -> Gradients:
    held: list[Found] = []
    stored = _stored(given, parameters)

    def make() -> None:
        standing = values_of(parameters)
        with user_code("gradients()"):
            raw = function()
        for name, value in values_of(parameters).items():
            if not np.array_equal(value, standing[name], equal_nan=True):
                raise GradcheckError(
                    f"gradients: calling it moved {name}; give one that only computes them, and the update as step"
                )
        found = named(raw) if raw is not None and not _is_scalar(raw) else stored.after() if stored is not None else {}
        if not found:
            raise GradcheckError(
                "gradients: it returned nothing, and no gradients were found beside the parameters; let it return a "
                "dict of them by name"
            )
        held[:] = [found]

    return GradientsRead("the gradients that gradients() gives", lambda: held[0] if held else None, make, changes=True)


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, Mapping | list | tuple) and np.ndim(plain(value) if is_tensor(value) else value) == 0


def stored_gradients(given: Given) -> Found:
    """What a backward has left beside the parameters, or in ``.grad``.

    Raises:
        GradcheckError: nothing was found there.
    """
    listed = weights_of(given, None, None, ())
    source = _stored(given, {p.name: p for p in listed})
    found = source.after() if source is not None else {}
    if not found:
        raise GradcheckError(
            "gradient: it returned nothing, and no gradients were found beside the parameters; let it return a dict of "
            "them by name"
        )
    return found


def _stored(given: Given, parameters: Mapping[str, Parameter]) -> Gradients | None:
    if given.kind == "tensors":

        def grads() -> Found | None:
            found = {name: p.now().grad for name, p in parameters.items()}
            return {n: plain(g) for n, g in found.items() if g is not None} or None

        return GradientsRead("the gradients in .grad", grads, None, changes=True)
    if given.kind != "object":
        return None
    holder, own = given.whole, [p.path for p in parameters.values() if p.path is not None]

    def beside() -> Found | None:
        places = [path for path in arrays_below(holder).values() if path not in own]
        matched = match_paths(own, places)
        found: Found = {}
        for name, p in parameters.items():
            place = matched.get(p.path) if isinstance(p.path, Path) else None
            if place is not None and np.shape(place.get()) == p.shape:
                found[name] = plain(place.get())
        return found or None

    return GradientsRead("the gradients that are stored beside the parameters", beside, None, changes=True)
