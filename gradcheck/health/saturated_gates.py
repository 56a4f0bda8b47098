"""What GC321 says of a recurrent layer: a gate is shut, or what the gates let through is saturated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gradcheck.health.sample import GateSample, LayerSample, Sample
from gradcheck.health.symptoms import Symptoms
from gradcheck.health.words import layer_name, percent
from gradcheck.report import Finding

__all__ = ["SaturatedGates"]

_FLAT = 0.9
_FLAT_TANH = 0.95
_FLAT_ALL = 0.75
_NOTHING = 1e-3
_SHOWN = 3
_HOLDS = 0.5  # of the forget gate's entries at 1: a memory whose input gate is meant to be shut

_SHUT = {
    "input gate": "next to nothing is written to the cell",
    "forget gate": "next to nothing is remembered from one time step to the next",
    "output gate": "next to nothing leaves the cell",
    "reset gate": "the candidate sees next to nothing of the time step before",
}


@dataclass(frozen=True, slots=True)
class _Saturated:
    """Which gate of a layer, what follows from it, and all gates that are beside it."""

    layer: LayerSample
    gate: GateSample
    why: str
    beside: tuple[GateSample, ...]
    all_of_them: bool


class SaturatedGates:
    """Inside ``nn.RNN``, ``nn.LSTM`` and ``nn.GRU``: flat at 90 % of the entries, of a tanh at 95 %, of all at 75 %.

    What is let through (the tanh of the candidate, the cell or the hidden state) may be flat at more entries than a
    hidden layer of tanh: a state at one of its ends is how a network without gates remembers. Those that had learned
    to keep a sign for 12 to 25 time steps were flat at up to 89 % of them, and their gates at up to 46 %, never all at
    more than 32 %; with inputs of 0 to 255, 128 units are all flat at 79 % and more (measured here). A gate may well be
    open at 1, which keeps a memory (a large bias of the forget gate is a known way to begin: Gers et al., 2000), and
    its input gate shut meanwhile (Tallec and Ollivier, 2018). So one gate by itself counts where it is shut and that
    loses something.
    """

    def __init__(self, code: str) -> None:
        self._code = code
        self._found: Symptoms[_Saturated] = Symptoms()

    def observe(self, sample: Sample) -> None:
        """One step was sampled."""
        for layer in sample.layers:
            for place in dict.fromkeys(gate.place for gate in layer.gates):
                gates = tuple(gate for gate in layer.gates if gate.place == place)
                self._found.observe(f"{layer.name}{place}", sample.step, _worst(layer, gates))

    def findings(self) -> Iterator[Finding]:
        """What was found until now."""
        for _, seen in list(self._found)[:_SHOWN]:
            layer, gate = seen.what.layer, seen.what.gate
            name = "every gate" if seen.what.all_of_them else f"the {gate.name}"
            nothing = all(other.slope <= _NOTHING for other in seen.what.beside)
            yield Finding(
                code=self._code,
                severity=seen.severity("error" if nothing else "warning"),
                title=f"{name} of {layer_name(layer)}{gate.place and f'{gate.place},'} is saturated: {seen.what.why}",
                layer=layer.name,
                where=layer.where,
                evidence=(
                    f"entries at which each is flat, since step {seen.since}: "
                    + ", ".join(_share(other) for other in seen.what.beside),
                    "computed again from its inputs, outputs and weights, for some of the samples and time steps",
                    *seen.remark,
                ),
                help=(
                    "make what goes in smaller: inputs of mean 0 and std 1, weights within ±1/√units as PyTorch draws "
                    "them, a lower learning rate",
                    "gates should begin with biases near 0 (the forget gate's at 1)",
                ),
                step=seen.since,
            )


def _worst(layer: LayerSample, gates: Sequence[GateSample]) -> _Saturated | None:
    """What to say of one layer and direction, if anything."""
    named = {gate.name: gate for gate in gates}
    sigmoids = [gate for gate in gates if not gate.tanh]
    least = min((gate.flat for gate in gates if gate.name != "cell state"), default=0.0)  # which follows from them
    if sigmoids and least >= _FLAT_ALL:
        why = f"each is flat at {percent(least)} of its entries or more, where next to no gradient passes"
        return _Saturated(layer, sigmoids[0], why, tuple(gates), all_of_them=True)
    for gate in gates:
        why = ""
        if gate.tanh and gate.flat >= _FLAT_TANH:
            why = f"it passes {percent(gate.slope)} of the gradient and is flat at {percent(gate.flat)} of its entries"
        elif gate.name == "update gate" and gate.high >= _FLAT:
            why = f"at {percent(gate.high)} of its entries it is 1, and the hidden state stays as it is"
        elif gate.name in _SHUT and gate.low >= _FLAT and not _keeps(gate, named):
            why = f"at {percent(gate.low)} of its entries it is 0, and {_SHUT[gate.name]}"
        if why:
            return _Saturated(layer, gate, why, tuple(gates), all_of_them=False)
    return None


def _keeps(gate: GateSample, named: dict[str, GateSample]) -> bool:
    """Whether it is the input gate of a memory that is meant to last."""
    forget = named.get("forget gate")
    return gate.name == "input gate" and forget is not None and forget.high >= _HOLDS


def _share(gate: GateSample) -> str:
    ends = ((gate.low, "−1" if gate.tanh else "0"), (gate.high, "1"))
    parts = [f"{percent(share)} at {end}" for share, end in ends if share >= 0.005]
    return f"{gate.name} {' and '.join(parts) or '0 %'}"
