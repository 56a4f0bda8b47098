"""What a replay found, told as a birth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch

from gradcheck.health.sample import ELSEWHERE, Birth
from gradcheck.watching.pytorch.replay import Replay
from gradcheck.watching.pytorch.replay.finite import is_finite
from gradcheck.watching.pytorch.replay.live import Live
from gradcheck.watching.pytorch.replay.origins import Operation, Source, memory_of
from gradcheck.watching.pytorch.replay.values import bad_entries, entry_text, number, operand_texts
from gradcheck.watching.pytorch.replay.words import argument_texts, operation_words

__all__ = ["birth_of", "elsewhere", "first_of", "gradients_text"]

_MOST = 8
Found = Replay | Live


def first_of(replay: Found, bad: Iterable[torch.Tensor]) -> Operation | Source | None:
    """The first place where non-finite values in ``bad`` were born; one that was meant only where there is no other."""
    origins = frozenset().union(*(replay.origins.of(tensor) for tensor in bad))
    births = [replay.origins.births[k] for k in sorted(origins)]
    return next((birth for birth in births if not birth.deliberate), births[0] if births else None)


def birth_of(replay: Found, born: Operation | Source, step: int, gradients: Sequence[str], remark: str) -> Birth:
    """The birth in words."""
    remarks = "; ".join(text for text in (remark, *replay.remarks) if text)
    consequences = _consequences(replay, born, gradients)
    if isinstance(born, Source):
        return _of_source(replay, born, step, consequences, remarks)
    nan = any(bool(torch.isnan(out).any()) for out in born.outputs)
    output = next(out for out in born.outputs if not nan or bool(torch.isnan(out).any()))
    entries, index = bad_entries(output, nan)
    shape = output.shape
    if operation_words(born) == "torch.einsum":  # it works on tensors with further dimensions of size 1
        index = tuple(i for i, size in zip(index, shape, strict=True) if size != 1)
        shape = output.squeeze().shape
        born = replace(born, inputs=[tensor.squeeze() for tensor in born.inputs])
    operands = _operands(replay, born, index, shape)
    return Birth(
        step=step,
        phase=born.phase,
        what="NaN" if nan else "Inf",
        operation=operation_words(born),
        where=born.place.where if born.place else None,
        layer=born.layer,
        entries=entries,
        size=output.numel(),
        first_index=index,
        operands=operands,
        consequences=consequences,
        remark=remarks,
        inputs="finite" if all(is_finite(tensor) for tensor in born.inputs) else "masked",
    )


def _of_source(replay: Found, source: Source, step: int, consequences: tuple[str, ...], remarks: str) -> Birth:
    user = source.user
    tensor = user.inputs[source.position]
    if source.role == "parameter":
        tensor = replay.model.get_parameter(source.name).detach()
    nan = bool(torch.isnan(tensor).any())
    entries, index = bad_entries(tensor, nan)
    name = source.name or _named(replay, user, tensor) or source.role
    place = user.place
    return Birth(
        step=step,
        phase=user.phase,
        what="NaN" if nan else "Inf",
        operation=source.role,
        where=place.where if place else None,
        layer=source.name.rpartition(".")[0] if source.role in ("parameter", "buffer") else "",
        entries=entries,
        size=tensor.numel(),
        first_index=index,
        operands=(entry_text(tensor, name, index),),
        consequences=consequences,
        remark=remarks,
        inputs="bad",
    )


def _operands(replay: Found, born: Operation, index: tuple[int, ...], shape: torch.Size) -> tuple[str, ...]:
    texts: dict[str, None] = {}
    if born.phase == "backward" and not born.own_backward:
        forward = born.forward
        if forward is not None:
            texts |= dict.fromkeys(operand_texts(forward, lambda t: _named(replay, forward, t), index, shape))
        if born.inputs:
            first = born.inputs[0]
            if not _named(replay, forward or born, first):
                texts |= dict.fromkeys(operand_texts(_only(born, first), lambda _: "upstream gradient", index, shape))
        return tuple(texts)
    texts |= dict.fromkeys(operand_texts(born, lambda t: _named(replay, born, t) or "operand", index, shape))
    if born.name.rstrip("_") in ("div", "pow", "mul", "add", "sub"):
        numbers = [a for a in born.arguments if isinstance(a, int | float) and not isinstance(a, bool)]
        numbers += [tensor.item() for tensor in born.inputs if tensor.ndim == 0 and not tensor.is_floating_point()]
        texts |= dict.fromkeys(f"with {number(value)}" for value in numbers)
    return tuple(texts)


def _only(operation: Operation, tensor: torch.Tensor) -> Operation:
    return replace(operation, inputs=[tensor], outputs=[])


def _named(replay: Found, operation: Operation, tensor: torch.Tensor) -> str:
    """What a tensor is called where the operation stands; "-" for a number, empty where nothing is known."""
    held = {id(own): memory for own, memory in zip(operation.inputs, operation.memories, strict=True)}
    memory = held.get(id(tensor), memory_of(tensor))
    for name, own in (*replay.model.named_parameters(), *replay.model.named_buffers()):
        if memory_of(own) == memory:
            return name
    pairs = argument_texts(operation)
    text = next((t for given, t in pairs if given is tensor or memory_of(given) == memory), None)
    if text is None and len(operation.inputs) == 1 and len(pairs) == 1 and id(tensor) in held:
        text = pairs[0][1]
    if text is None:
        text = next((text for given, text in pairs if _equal(given, tensor)), "")
    return "-" if _is_number(text) else text


def _equal(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and a.device == b.device and bool(torch.equal(a, b))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _consequences(replay: Found, born: Operation | Source, gradients: Sequence[str]) -> tuple[str, ...]:
    lines: dict[str, None] = {}
    for operation, origins, nan in replay.origins.followed:
        if born.index not in origins:
            continue
        what = "NaN" if nan else "Inf"
        if operation.phase == "backward":
            continue
        layer = f"layer {operation.layer}: " if operation.layer else ""
        lines.setdefault(f"{layer}{operation_words(operation)} gives {what}")
    for loss in replay.losses:
        if born.index in replay.origins.of(loss):
            lines.setdefault(f"the loss is {number(loss.item()) if loss.numel() == 1 else 'not finite'}")
    lines |= dict.fromkeys(gradients_text(gradients))
    texts = tuple(lines)
    return texts if len(texts) <= _MOST else (*texts[: _MOST - 2], f"… {len(texts) - _MOST + 1} more", texts[-1])


def elsewhere(step: int, gradients: Sequence[str]) -> Birth:
    """The birth in another process: this one's own gradients are finite, and their average over all is not."""
    return Birth(
        step=step,
        phase="backward",
        what="NaN",
        operation=ELSEWHERE,
        where=None,
        consequences=gradients_text(gradients),
        remark="done again, this process's own gradients are finite: it came with the average over all processes",
        inputs="unknown",
    )


def gradients_text(names: Sequence[str]) -> tuple[str, ...]:
    """Which gradients are bad, in one sentence; empty for none."""
    if not names:
        return ()
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return (f"gradients not finite: {', '.join(names[:3])}{more}",)
