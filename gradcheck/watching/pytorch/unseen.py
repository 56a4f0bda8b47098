"""What a watch of a module says it could not see."""

from __future__ import annotations

__all__ = ["NOT_CALLED", "UNDER_TRANSFORM", "WITHOUT_OTHERS"]

UNDER_TRANSFORM = (
    "{} was called under torch.func (vmap, grad, ...): its layers were not looked at there, and where a NaN is born "
    "inside of it cannot be told"
)
NOT_CALLED = (
    "{} itself was not called, only parts of it, or what torch.compile made of it: where a NaN is born inside of it "
    "cannot be told"
)
WITHOUT_OTHERS = (
    "{} is trained by several processes, and this is what one of them saw: give watch the DistributedDataParallel "
    "model for a report on all of them"
)
