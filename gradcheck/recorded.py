"""``check_recorded``: gradients that another program wrote down, beside a reference in PyTorch or NumPy."""

from __future__ import annotations

import inspect
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.caller import calling_place
from gradcheck.check import report_of
from gradcheck.diagnosis.tolerance import Limits
from gradcheck.difference import relative_error
from gradcheck.errors import GradcheckError
from gradcheck.examine import Examination, examine
from gradcheck.layers import adapt
from gradcheck.layers.calling import called
from gradcheck.layers.layer import Layer
from gradcheck.layers.spelling import looks_like_parameter
from gradcheck.options import checked_budget, checked_name, checked_seed, checked_switch, checked_tolerance
from gradcheck.outcome import finish, shown_at_caller
from gradcheck.recordings.files import Array, read
from gradcheck.recordings.reference import as_function, close, in_layout, on_arrays
from gradcheck.recordings.roles import Recording, layers_of, recording_of
from gradcheck.recordings.rounding import rounding_of, told_of
from gradcheck.report import Finding, Report
from gradcheck.state.randomness import Randomness
from gradcheck.witnesses.numpy_subject import NumpySubject
from gradcheck.witnesses.subject import Subject
from gradcheck.witnesses.torch_reference import WithReference

__all__ = ["check_recorded"]


@shown_at_caller
def check_recorded(
    source: object,
    reference: object,
    *,
    names: Mapping[str, str] | None = None,
    layout: str | None = None,
    constants: Sequence[str] = (),
    rtol: float | None = None,
    atol: float | None = None,
    seed: int | None = None,
    budget: int | None = None,
    name: str | None = None,
    raises: bool | None = None,
) -> Report:
    """Check gradients that a program in any language wrote down, against autograd on a reference.

    Args:
        source: A ``.npz`` file, a folder of ``.npy`` files, a ``.safetensors`` file (extra ``safetensors``), or a dict
            of arrays. It holds the inputs by the names of the reference's arguments, their gradients (``dw``,
            ``grad_w``, ``w_grad``), the upstream gradient (``dout``; not needed for a scalar output) and, if it may,
            the output (``out``), which is then compared as well. In a chain every name starts with its layer's:
            ``fc1.w``.
        reference: The layer as a function of torch tensors, a ``torch.nn.Module``, or a function of NumPy arrays. For a
            chain a dict of them by layer, first layer first.
        names: What arrays are called in the recording where they are called something else:
            ``{"w": "fc.weight", "dw": "fc.weight.grad"}``; of a chain, with the layer: ``{"fc1.w": ...}``.
        layout: How the arrays are laid out: ``"as recorded"``, ``"axes reversed"`` (all arrays are transposed, as a
            column-major program writes them), ``"column-major"`` (shapes are right, numbers stand in that order),
            ``"batch last"`` (samples are columns). Default: found, where the recorded output or the shapes leave one
            possibility; the report says which.
        constants: Names of floating-point inputs that have no gradient.
        rtol, atol, seed, budget, name, raises: As in :func:`check_layer`.

    Returns:
        The :class:`Report`. A chain is judged layer by layer, each with the upstream gradient that was recorded for it.

    Raises:
        GradcheckError: Something that is needed is not recorded, or the reference cannot be run on it.
        GradientMismatch: Something is wrong and ``raises`` (see there) says so.

    Example:
        >>> import numpy as np
        >>> x, w, dout = np.ones((2, 3)), np.ones((3, 4)), np.arange(8.0).reshape(2, 4)
        >>> recorded = {"x": x, "w": w, "dout": dout, "dx": dout @ w.T, "dw": x.T @ dout}
        >>> check_recorded(recorded, lambda x, w: x @ w).ok
        True
    """
    __tracebackhide__ = True
    started = time.perf_counter()
    where = calling_place()
    checked_switch("raises", raises)
    seed, name = checked_seed(seed), checked_name(name)
    limits = Limits(checked_tolerance("rtol", rtol), checked_tolerance("atol", atol), checked_budget(budget))
    arrays, place = read(source)
    names = _checked_names(names)
    if isinstance(reference, Mapping):
        if not reference:
            raise GradcheckError("reference: it is an empty dict; give a function for each layer of the chain")
        references = {str(layer): each for layer, each in reference.items()}
        own = layers_of(arrays, list(references))
    else:
        references, own = {"": reference}, {"": arrays}
    examinations, recordings, notes = [], {}, []
    for layer, one in references.items():
        wanted, function = as_function(one, layer)
        prefix = f"{layer}." if layer else ""
        told = {role.removeprefix(prefix): key for role, key in names.items() if role.startswith(prefix)}
        everything = own[layer] | {key: arrays[key] for key in told.values() if key in arrays}
        recording = recording_of(everything, wanted, told)
        activations = frozenset(n for n in wanted if not looks_like_parameter(n.rpartition(".")[2]))
        randomness = Randomness()
        try:
            recording, note, in_numpy = in_layout(recording, layout, activations, function, layer)
        finally:
            randomness.restore()
        unused = f"recorded and not used: {', '.join(recording.unused)}" if recording.unused else ""
        notes += [f"{layer}: {told}" if layer else told for told in (note, unused) if told]
        recordings[layer] = recording
        examinations.append(_examined(recording, function, in_numpy, constants, limits, seed, layer, one))
    report = report_of(
        examinations,
        "network" if len(references) > 1 else "layer",
        where,
        seed,
        started,
        name=name or (place if len(references) > 1 else None),
        style=f"recorded in {place}, compared with the reference",
    )
    between = _broken_links(recordings)
    ran = tuple((what, n) for what, n in report.evaluations if what != "backward")
    report = replace(report, findings=(*between, *report.findings), notes=(*notes, *report.notes), evaluations=ran)
    return finish(report, raises)


def _checked_names(names: object) -> dict[str, str]:
    if names is None:
        return {}
    if not isinstance(names, Mapping) or not all(isinstance(x, str) for pair in names.items() for x in pair):
        raise GradcheckError(f'names={names!r}: give a dict of names, as in names={{"w": "fc.weight"}}')
    return dict(names)


def _examined(
    recording: Recording,
    function: Callable[..., Any],
    in_numpy: bool,
    constants: Sequence[str],
    limits: Limits,
    seed: int,
    layer: str,
    reference: object,
) -> Examination:
    inputs = recording.inputs
    plain = {name: f"{name.replace('.', '_')}" for name in inputs}
    forward = function if in_numpy and list(plain) == list(plain.values()) else on_arrays(function, in_numpy)
    if forward is not function:
        forward.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # inspect reads it
            [inspect.Parameter(p, inspect.Parameter.POSITIONAL_OR_KEYWORD) for p in plain.values()]
        )
        forward.__name__ = forward.__qualname__ = layer or called(reference)
    arrays = {name: np.array(value) for name, value in inputs.items()}
    gradients = {plain[name]: value for name, value in recording.gradients.items()}
    upstream = recording.upstream
    rounding = rounding_of(recording)

    def examined(widened: bool) -> tuple[Examination, Array]:
        problem = adapt(
            (forward, *arrays.values()),
            gradients=gradients,
            constants=[plain.get(c, c) for c in constants],
            name=layer or None,
            seed=seed,
            upstream=upstream,
        )
        assert isinstance(problem, Layer)
        inner = NumpySubject(problem, seed=seed)
        subject: Subject = inner if in_numpy else WithReference(inner, function, problem.arguments, seed)
        subject.notes[:] = [note for note in subject.notes if "no backward was called" not in note]
        try:
            output = subject.forward(subject.values())[0]
            held = limits
            if widened and rounding is not None:
                upstreams = [np.ones(output.shape) if upstream is None else upstream]
                inner.recorded_rounding = rounding.of_gradients(subject, plain, upstreams)
                if rounding.hides_causes(inner.recorded_rounding):
                    held = replace(limits, budget=0)
            found = examine(subject, upstream=upstream, limits=held, seed=seed, layer=layer)
        finally:
            subject.restore()
        return (told_of(found, rounding, inner.recorded_rounding) if widened and rounding else found), output

    found, output = examined(False)
    if rounding is not None and any(g.verdict in ("wrong", "undecided") for g in found.gradients):
        found, output = examined(True)
    if recording.output is not None and not close(recording.output, output, recording.coarseness):
        found.findings.insert(0, _other_output(recording.output, output, layer))
    return found


def _other_output(recorded: Array, output: Array, layer: str) -> Finding:
    if recorded.shape != output.shape:
        what = f"the recorded output has shape {recorded.shape}, the reference's {output.shape}"
    else:
        what = f"the recorded output and the reference's differ by {relative_error(recorded, output):.1e}"
    return Finding(
        "GC120",
        "error",
        what,
        layer=layer,
        help=(
            "make the reference compute what the program does: the gradients compared are those of two functions",
            "check the order of axes (layout=), the names (names=), and that all arrays are from one step",
        ),
    )


def _broken_links(recordings: Mapping[str, Recording]) -> list[Finding]:
    """Where a chain does not hold together: what a layer gives is not what the next one takes."""
    findings = []
    layers = list(recordings)
    for lower, upper in itertools.pairwise(layers):
        below, above = recordings[lower], recordings[upper]
        first = next(iter(above.inputs), "")
        links = [
            (f"{lower}.out", below.output, f"{upper}.{first}", above.inputs.get(first)),
            (f"{lower}.dout", below.upstream, f"{upper}.d{first}", above.gradients.get(first)),
        ]
        for a_name, a, b_name, b in links:
            if (
                a is None
                or b is None
                or a.size != b.size
                or close(a.reshape(b.shape), b, max(below.coarseness, above.coarseness))
            ):
                continue
            error = relative_error(a.reshape(b.shape).astype(np.float64), b.astype(np.float64))
            findings.append(
                Finding(
                    "GC121",
                    "error",
                    f"{a_name} and {b_name} are not the same array: they differ by {error:.1e}",
                    layer=lower,
                    evidence=("in a chain what one layer gives is what the next one takes, forward and backward",),
                    help=("record both in the same step; if they are, something changes the array between the layers",),
                )
            )
    return findings
