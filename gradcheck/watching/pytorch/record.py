"""What is noted of one layer during one step."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Callable, Sequence

import torch

from gradcheck.health.sample import GateSample, Kind, LayerSample, Stats
from gradcheck.report import Where
from gradcheck.watched import Histogram, Spread
from gradcheck.watching.pytorch.latest import Latest
from gradcheck.watching.pytorch.sequences import OverTime
from gradcheck.watching.pytorch.slopes import Slope, merged_slopes
from gradcheck.watching.pytorch.spread import Taken
from gradcheck.watching.pytorch.stats import merged, stats_of

__all__ = ["ACTIVATIONS", "Record"]

ACTIVATIONS = ("relu", "logistic", "tanh", "softmax", "gelu", "clip", "activation", "pool")


class Record:
    """Collects the calls of one layer, and the gradients that come back to them; ``shown``: with histograms."""

    def __init__(
        self, name: str, kind: Kind, gate: bool, passes: str, where: Where | None, shown: bool = False
    ) -> None:
        self.closed = False
        self._shown = shown
        self._taken: dict[Spread, Taken] = {}
        self._name, self._kind, self._gate, self._passes, self._where = name, kind, gate, passes, where
        self._shape: tuple[int, ...] = ()
        self._activation: Stats | None = None
        self._gradient: Stats | None = None
        self._input_gradient: Stats | None = None
        self._slope: Slope | None = None
        self._calls = 0
        self._first = self._last = 0.0
        self.sequence: OverTime | None = None
        self.gates: tuple[GateSample, ...] = ()
        self._output: weakref.ref[torch.Tensor] | None = None
        self._makes_output = False

    def add(self, output: torch.Tensor, slope: Slope | None, closely: bool) -> None:
        """Note one call's output, before anything is done to it in place; ``closely``: its mean and extremes too."""
        self._shape = tuple(output.shape)
        squashed = self._kind in ("logistic", "softmax")
        found = stats_of(output, extremes=closely, mean=closely, probabilities=squashed)
        if slope is not None and slope.zeros is not None:
            found.zeros = slope.zeros
        self._last = found.rms
        self._first = self._first if self._calls else self._last
        self._calls += 1
        if self._shown:
            self.show(output, "output")
        self._activation = found if self._activation is None else merged(self._activation, found)
        self._slope = slope if self._slope is None else merged_slopes(self._slope, slope)
        self._output = weakref.ref(output)

    def show(self, tensor: torch.Tensor, of: Spread) -> None:
        """Take the entries of its histogram, of the first call in a step, where they are wanted."""
        if self._shown and of not in self._taken:
            self._taken[of] = Taken(tensor, of)

    def given(self, taken: Taken | None) -> None:
        """The entries of its input, where they were taken."""
        if taken is not None:
            self._taken["input"] = taken

    def makes(self, output: torch.Tensor) -> None:
        """Compare with the module's output."""
        own = self._output() if self._output is not None else None
        self._makes_output = own is not None and (own is output or own.data_ptr() == output.data_ptr())

    def follow(self, output: torch.Tensor, measured: Latest, failed: Callable[[Exception], None]) -> None:
        """Note the gradient when it comes, as it is ``measured``.

        At the node of the graph rather than at the tensor: what is done in place to the tensor later has a node of its
        own, and the user's tensor carries no hook.
        """
        node = output.grad_fn
        if node is None:
            return
        number = output.output_nr

        def seen(before: Stats | None, gradient: torch.Tensor | None, shown: bool = False) -> Stats | None:
            if gradient is None or self.closed:
                return before
            try:
                if shown and self._shown:
                    self.show(gradient, "gradient")
                found = measured(gradient)
                return found if before is None else merged(before, found)
            except Exception as error:  # in measuring: the backward goes on
                failed(error)
                return before

        def came(gradients: Sequence[torch.Tensor | None]) -> None:
            self._gradient = seen(self._gradient, gradients[number], shown=True)

        node.register_prehook(came)
        if self._kind in ACTIVATIONS and len(node.next_functions) == 1:

            def went(gradients: Sequence[torch.Tensor | None], _: object) -> None:
                self._input_gradient = seen(self._input_gradient, gradients[0])

            node.register_hook(went)

    def sample(self, scale: float) -> LayerSample:
        """The step's calls together."""
        slope = self._slope
        growth = self._last / self._first if self._calls > 1 and self._first > 0 else None
        over_time = self.sequence if self._calls == 1 else None
        if over_time is not None and 0 < over_time.first < over_time.last:  # after a padded end it may well be less
            growth = over_time.last / over_time.first
        return LayerSample(
            name=self._name,
            kind=self._kind,
            shape=self._shape,
            activation=self._activation,
            gradient=self._gradient if scale == 1.0 else _unscaled(self._gradient, scale),
            input_gradient=self._input_gradient if scale == 1.0 else _unscaled(self._input_gradient, scale),
            flat=slope.flat if slope else None,
            slope=slope.slope if slope else None,
            active=slope.active if slope else None,
            where=self._where,
            before_loss=self._makes_output and self._kind in ("softmax", "logistic"),
            gate=self._gate,
            passes=self._passes,
            calls=self._calls,
            growth=growth,
            times=over_time.steps if over_time is not None else 1,
            gates=self.gates,
            histograms=self._histograms(scale),
        )

    def _histograms(self, scale: float) -> tuple[Histogram, ...]:
        if not self._taken:
            return ()
        made = [taken.histogram(scale if of == "gradient" else 1.0) for of, taken in self._taken.items()]
        return tuple(histogram for histogram in made if histogram is not None)


def _unscaled(stats: Stats | None, scale: float) -> Stats | None:
    if stats is None:
        return None
    return dataclasses.replace(
        stats,
        norm=stats.norm / scale,
        low=None if stats.low is None else stats.low / scale,
        high=None if stats.high is None else stats.high / scale,
        smallest=None if stats.smallest is None else stats.smallest / scale,
    )
