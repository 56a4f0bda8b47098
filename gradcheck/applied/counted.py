"""How many calls a model made and how many of them were checked, in words."""

from __future__ import annotations

from collections.abc import Sequence

from gradcheck.applied.examined import Examined
from gradcheck.applied.record import BETWEEN, Call
from gradcheck.applied.recorder import Recorder

__all__ = ["numbers_told", "remarks"]


def numbers_told(recorder: Recorder, picked: Sequence[Call], offered: int, kinds_left: int) -> str:
    """How many calls there were, how many of them were checked, and what is known of the others."""
    total = sum(group.count for group in recorder.groups.values())
    functions = len({call.function.__qualname__ for call in picked})
    places = len({call.name for call in picked})
    told = (
        f"{functions} custom {'Function' if functions == 1 else 'Functions'} in {places} "
        f"{'place' if places == 1 else 'places'}, {total} {'call' if total == 1 else 'calls'}: {len(picked)} checked"
    )
    many = any(group.count > BETWEEN + 2 for group in recorder.groups.values())
    if kinds_left:
        what = "1 kind of arguments is" if kinds_left == 1 else f"{kinds_left} kinds of arguments are"
        told += f"; {what} left out altogether (calls=)"
    elif offered > len(picked):
        told += f"; {offered - len(picked)} more that differ in values are left out (calls=)"
    elif many:
        told += (
            f"; of those from one place with arguments of one kind the first, the last and {BETWEEN} drawn from between"
        )
    return told


def remarks(
    recorder: Recorder, picked: Sequence[Call], found: Sequence[Examined], failed: Exception | None
) -> list[str]:
    """What has to be known of how they were checked, and what was not."""
    notes = []
    if failed is not None:
        notes.append(f"the model's backward raised {type(failed).__name__}: {(str(failed).splitlines() or [''])[0]}")
    unreached = [c.name for c in picked if c.upstreams is None and c.name not in recorder.transformed]
    if unreached and failed is None:
        notes.append(f"no gradient came to {', '.join(unreached[:4])}: judged with a random one")
    replaced = [c for c, e in zip(picked, found, strict=True) if e.replaced and c.upstreams is not None]
    broken = [c.name for c in replaced if not c.gets_numbers()]
    flat = [c.name for c in replaced if c.gets_numbers()]
    for names, what in ((flat, "constant or mostly zero"), (broken, "NaN or infinite")):
        if names:
            more = f" and {len(names) - 4} more" if len(names) > 4 else ""
            notes.append(
                f"judged with a random upstream gradient, as the model's is {what}: {', '.join(names[:4])}{more}"
            )
    # what ran under no_grad in a checkpoint was run again with a gradient
    without = [n for n in recorder.without_gradient if n not in {call.name for call in picked}]
    if without:
        notes.append(f"no gradient goes through {', '.join(without[:4])}: not checked")
    if recorder.transformed:
        which = ", ".join(list(recorder.transformed)[:4])
        notes.append(f"inside torch.vmap or torch.func; one sample is checked outside of it, alone: {which}")
    return notes
