"""What a check says, end to end: the style it read, and the verdict on each gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcheck import check_layer, check_network

RNG = np.random.default_rng(7)


def numbers(*shape: int) -> Any:
    return RNG.standard_normal(shape)


def verdicts(*layer: object, **options: Any) -> tuple[str, dict[str, str], str]:
    """The style, the verdicts by gradient, and the notes of one check."""
    report = check_layer(*layer, raises=False, **options)
    assert report.ok == all(g.verdict in ("right", "not differentiated") for g in report.gradients)
    return report.style, {g.name: g.verdict for g in report.gradients}, " ".join(report.notes)


def network_verdicts(net: object, loss: Any, gradients: Any, **options: Any) -> tuple[str, dict[str, str], str]:
    report = check_network(net, loss=loss, gradients=gradients, raises=False, **options)
    return report.style, {g.name: g.verdict for g in report.gradients}, " ".join(report.notes)
