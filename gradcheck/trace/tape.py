"""The trace of one forward: its variables, what left it, which branches it took, and the gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any, Literal

import numpy as np
import torch

from gradcheck.report import Leak
from gradcheck.trace import entrances, overlay, reads
from gradcheck.trace.agreement import agree
from gradcheck.trace.array import Traced, TracedArray, TracedNumber
from gradcheck.trace.deadline import Deadline
from gradcheck.trace.memory import Memory, owner_of
from gradcheck.trace.node import Array, Node, values_of
from gradcheck.trace.objective import Weighed, own_array, summed
from gradcheck.trace.operation import Operation
from gradcheck.trace.randomness import is_random_source
from gradcheck.trace.sites import current_site
from gradcheck.trace.texts import Texts
from gradcheck.trace.wengert.codes import Light
from gradcheck.trace.wengert.entries import Entries

__all__ = ["Trace"]

Hook = Callable[[Operation], torch.Tensor]

_DTYPES: dict[Any, torch.dtype] = {
    np.dtype(np.float64): torch.float64,
    np.dtype(np.float32): torch.float32,
    np.dtype(np.float16): torch.float16,
    np.dtype(np.complex64): torch.complex64,
    np.dtype(np.complex128): torch.complex128,
}
_NUMPY_DTYPES: dict[torch.dtype, np.dtype[Any]] = {theirs: ours for ours, theirs in _DTYPES.items()}
_NOW_AND_THEN = 1023  # the clock is looked at with every array, and with every 1024th number


class Trace:
    """Records what a forward computes from its variables, on PyTorch.

    Args:
        precision: ``"float64"``: derivatives are carried in float64 whatever dtype the values have;
            ``"native"``: in the dtype of the values.
        verify: compare every single result of PyTorch with NumPy's, and name the functions that disagree.
        hook: called with every :class:`Operation`; may return another result with the same value and another
            derivative in the place of the operation's own.
        seen_as: what the derivatives take the value of a variable for, given its name and its value.
        once: only gradients of first order will be asked for: single numbers and small windows need no tensors then.

    Attributes:
        leaks: where values left the trace, in order, each place once.
        named: what gradients are taken of, by the names of the variables.
        deadline: when the run is to end at the latest, if there is such a time.
        enters: whether single numbers and small windows are entered in a Wengert list, ``entries``.
        texts: the numbers that were written as text.
        mismatch: whether an output computed by PyTorch was not the value NumPy computed (set by :meth:`gradients`):
            run again with ``verify=True`` to learn which operation did it.
    """

    def __init__(
        self,
        *,
        precision: Literal["float64", "native"] = "float64",
        verify: bool = False,
        hook: Hook | None = None,
        seen_as: Callable[[str, Array], Array] | None = None,
        once: bool = False,
    ) -> None:
        self.precision = precision
        self.verify = verify
        self.hook = hook
        self.seen_as = seen_as
        self.leaks: list[Leak] = []
        self.mismatch = False
        self.is_watching = hook is not None or verify
        self._native = precision == "native"
        self.enters = once and not self._native and not self.is_watching and seen_as is None
        self.entries = Entries()
        self.texts = Texts()
        self.deadline: Deadline | None = None
        self._branches: list[int] = []
        self._leaked: set[tuple[object, ...]] = set()
        self._wrapped: dict[int, TracedArray] = {}
        self._memories: dict[int, Memory] = {}
        self._overlays: dict[str, overlay.ModuleOverlay] = {}
        self._leaves: dict[int, torch.Tensor] = {}
        self.named: dict[str, torch.Tensor] = {}

    # -- what enters -----------------------------------------------------------------------------------------------

    def variable(self, array: Array, name: str = "", kept: Array | None = None) -> TracedArray:
        """A traced array over ``array``'s own memory, with respect to which gradients can be taken.

        The same array again gives the same traced array; one that shares memory with an earlier variable is its view.

        Args:
            array: what the forward works on, and may write to.
            name: how it is called.
            kept: the same numbers in an array that nobody writes to while the trace lives.

        Raises:
            TypeError: ``array`` is not an ndarray of floating point numbers.
        """
        if type(array) is not np.ndarray or array.dtype.kind not in "fc":
            raise TypeError(f"a variable is an ndarray of floats, not {getattr(array, 'dtype', type(array).__name__)}")
        node = self._over(array)
        if not node._depends():
            memory = node._own_memory()
            if self.seen_as is None and kept is not None and self._can_hold(kept, array):
                shadow = torch.from_numpy(kept).requires_grad_()
            else:
                seen = array if self.seen_as is None else self.seen_as(name, array)
                shadow = self.constant_tensor(seen).requires_grad_()
            memory.replace(node._place(memory), shadow)
            node._set(shadow)
            node._version = memory.version
        self.named.setdefault(name, self._leaves.setdefault(id(node), node._tensor()))
        return node

    def leaf(self, value: object) -> object:
        """What stands in the place of ``value`` while the forward is traced; ``value`` itself where nothing has to.

        Arrays of floats become constants of the trace over their own memory, one for each array; NumPy, SciPy and math,
        their modules, functions and random generators become overlays that know the trace.
        """
        if type(value) is np.ndarray:
            return self._over(value) if value.dtype.kind in "fc" else value
        if isinstance(value, (Node, type)):
            return value
        return overlay.overlaid(self, value)

    def entrances(self, namespaces: Iterable[dict[str, Any]]) -> AbstractContextManager[None]:
        """A context in which imports inside functions and ``float()`` in these module globals know the trace too."""
        return entrances.entrances(self, namespaces)

    def adopt(self, result: Any, args: Sequence[Any]) -> Any:
        """A constant of the trace for what a NumPy function gave for plain ``args``."""
        if type(result) is np.ndarray:
            if result.dtype.kind not in "fc":
                return result
            aliased = result.base is not None or any(result is arg for arg in args)
            return self._over(result) if aliased else TracedArray(self, result, None)
        if type(result) in (tuple, list):
            return type(result)([self.adopt(item, args) for item in result])
        return overlay.overlaid(self, result) if is_random_source(result) else result

    def overlay_of(self, module: ModuleType) -> overlay.ModuleOverlay:
        """The one overlay of ``module``."""
        found = self._overlays.get(module.__name__)
        if found is None:
            found = self._overlays[module.__name__] = overlay.ModuleOverlay(self, module)
        return found

    def target(self, array: Any) -> Node:
        """The traced array over ``array``, which the forward writes to."""
        return array if isinstance(array, Node) else self._over(array)

    def _over(self, array: Array) -> TracedArray:
        """The one traced array over this very ndarray, sharing its memory with others that were made so."""
        node = self._wrapped.get(id(array))
        if node is None:
            node = TracedArray(self, array, None)
            owner = owner_of(array)
            memory = self._memories.get(id(owner))
            if memory is None:
                whole = owner if type(owner) is np.ndarray and owner.dtype == array.dtype else array
                memory = self._memories[id(owner)] = Memory(whole)
            node._memory = memory
            node._version = -1 if memory.varies else memory.version
            self._wrapped[id(array)] = node
        return node

    def wrap(self, value: Any, shadow: torch.Tensor | None) -> TracedArray:
        """A traced array for a value NumPy computed, its derivative carried by ``shadow`` (None: a constant)."""
        if self.deadline is not None:
            self.deadline.look()
        return TracedArray(self, value, shadow)

    def carried(self, value: Any, light: Light) -> Traced:
        """A traced array or number for a value whose derivative is carried by the Wengert list."""
        if type(light) is not int:
            return TracedArray(self, value, None, light)
        if not light & _NOW_AND_THEN and self.deadline is not None:
            self.deadline.look()
        return TracedNumber(self, value, light)

    def array(self, nested: Any, dtype: Any = None) -> Any:
        """``np.array(nested)`` with the traced arrays in nested lists kept; ``nested`` itself where there are none."""
        from gradcheck.trace.creation import array_of

        return array_of(self, nested, dtype)

    def constant_tensor(self, value: Any) -> torch.Tensor:
        """A copy of ``value`` as a tensor in the precision of the trace."""
        return torch.from_numpy(np.array(value, dtype=_NUMPY_DTYPES[self.dtype_for(value)], order="C", copy=True))

    def _can_hold(self, kept: Array, array: Array) -> bool:
        """Whether a tensor over the memory of ``kept`` is what a copy of ``array`` would be."""
        is_alike = kept.shape == array.shape and kept.dtype == _NUMPY_DTYPES[self.dtype_for(array)]
        return is_alike and kept.flags.c_contiguous and kept.flags.writeable

    def dtype_for(self, value: Any) -> torch.dtype:
        """The dtype of the tensor beside ``value``."""
        dtype = getattr(value, "dtype", None)
        if type(value) is complex:
            return torch.complex128
        if dtype is None or dtype.kind != "c":
            if not self._native or dtype is None:
                return torch.float64
            return _DTYPES.get(dtype, torch.float64)
        return _DTYPES.get(dtype, torch.complex128) if self._native else torch.complex128

    # -- what is recorded ------------------------------------------------------------------------------------------

    def accept(
        self,
        name: str,
        inputs: tuple[object, ...],
        shadow: torch.Tensor,
        value: Any,
        again: Callable[[], torch.Tensor] | None = None,
        rule: Callable[..., Any] | None = None,
        keywords: Mapping[str, object] | None = None,
    ) -> torch.Tensor | None:
        """Take ``shadow`` as what carries the derivative of ``value``; None (and a leak) where it is another value.

        ``again`` computes it once more from NumPy's own inputs, ``rule(*inputs, **keywords)`` from other inputs.
        """
        shape = getattr(value, "shape", ())
        if shadow.shape != shape:
            self.leak(f"{name}: the PyTorch counterpart gives another shape, {tuple(shadow.shape)} for {shape}")
            return None
        dtype = self.dtype_for(value)
        if shadow.dtype != dtype:
            shadow = shadow.real.to(dtype) if shadow.is_complex() and not dtype.is_complex else shadow.to(dtype)
        if not self.is_watching:
            return shadow
        if self.verify and not self.agrees(shadow, value):
            # Rounding that the inputs carry along is not this operation's fault: ask it about NumPy's own inputs.
            rounded = getattr(value, "itemsize", 8) < 8 and again is not None
            if not (rounded and again is not None and self.agrees(again(), value)):
                self.leak(f"{name}: the PyTorch counterpart gives another value")
                return None
        if self.hook is not None:
            shadow = self.hook(Operation(current_site(), name, inputs, keywords or {}, shadow, value, rule))
        return shadow

    def agrees(self, shadow: torch.Tensor, value: Any) -> bool:
        """Whether a tensor holds what NumPy computed, up to the rounding of both."""
        return agree(shadow, value, self._native)

    def leak(self, how: str) -> None:
        """A value that depends on a variable leaves the trace here."""
        site = current_site()
        key = (site.file, site.line, how)
        if key not in self._leaked:
            self._leaked.add(key)
            self.leaks.append(Leak(where=site.where, how=how))

    def branch(self, digest: int) -> None:
        """A decision that depends on the data was taken."""
        self._branches.append(digest)

    def branch_signature(self) -> tuple[int, ...]:
        """All decisions so far, in order, as numbers."""
        return tuple(self._branches)

    # -- what comes out --------------------------------------------------------------------------------------------

    def value(self, x: object) -> object:
        """``x`` with traced arrays replaced by what NumPy computed, in tuples, lists and dicts too."""
        return values_of(x)

    def depends(self, x: object) -> bool:
        """Whether ``x`` is a traced array (or number) that depends on a variable."""
        return isinstance(x, Node) and x._depends()

    def gradients(
        self,
        outputs: Sequence[object],
        upstreams: Sequence[Array],
        variables: Mapping[str, TracedArray],
        last: bool = False,
    ) -> dict[str, Array]:
        """The gradient of Σ outputs · upstreams with respect to each variable, zeros where nothing depends on it.

        Args:
            outputs: what the forward returned.
            upstreams: one array for each output, of its shape.
            variables: by name, as :meth:`variable` gave them.
            last: nothing more will be asked: what the operations kept is let go on the way.

        Raises:
            ValueError: an upstream gradient has another shape than its output.
        """
        leaves = {name: self.leaf_of(variable) for name, variable in variables.items()}
        found: Sequence[torch.Tensor | None] = [None] * len(leaves)
        terms = [Weighed.apply(shadow, seed) for shadow, seed in self._weighed(outputs, upstreams)]  # type: ignore[no-untyped-call]  # torch leaves apply untyped
        if terms and leaves:
            reads.new_pass()
            found = torch.autograd.grad(summed(terms), list(leaves.values()), retain_graph=not last, allow_unused=True)
        taken: set[int] = set()  # where several variables have one gradient, each gets a copy of its own
        return {
            name: np.zeros(leaf.shape, _NUMPY_DTYPES[leaf.dtype]) if gradient is None else own_array(gradient, taken)
            for (name, leaf), gradient in zip(leaves.items(), found, strict=True)
        }

    def let_go(self) -> None:
        """Drop every array and tensor: as parts of a cycle they would stay until the next collection."""
        for kept in (self._wrapped, self._memories, self._leaves, self.named, self._overlays):
            kept.clear()
        self.enters = False
        self.entries = Entries()

    def leaf_of(self, variable: TracedArray) -> torch.Tensor:
        """The tensor that gradients with respect to ``variable`` are taken of."""
        return self._leaves[id(variable)]

    def objective(self, outputs: Sequence[object], upstreams: Sequence[Array]) -> torch.Tensor | None:
        """Σ outputs · upstreams as one number to differentiate; None where nothing depends on a variable.

        Raises:
            ValueError: an upstream gradient has another shape than its output.
        """
        terms = [torch.sum(shadow * seed).real for shadow, seed in self._weighed(outputs, upstreams)]
        return summed(terms) if terms else None

    def _weighed(
        self, outputs: Sequence[object], upstreams: Sequence[Array]
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """The outputs that depend on a variable, each with its upstream gradient."""
        for output, upstream in zip(outputs, upstreams, strict=True):
            if not isinstance(output, Node) or not output._depends():
                continue
            shadow = output._tensor()
            if np.shape(upstream) != tuple(shadow.shape):
                raise ValueError(
                    f"an upstream gradient of shape {np.shape(upstream)} for an output of {tuple(shadow.shape)}"
                )
            if not self.agrees(shadow, output.value):
                self.mismatch = True
            if shadow.requires_grad:
                yield shadow, torch.from_numpy(np.array(upstream, dtype=_NUMPY_DTYPES[shadow.dtype]))
