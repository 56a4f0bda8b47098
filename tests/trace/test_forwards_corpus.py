"""Forwards written as real code writes them: the trace's derivative against differences of the same forward."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from forwards._case import Case, on  # found because pytest puts this file's own directory on sys.path

from gradcheck.report import Leak
from gradcheck.state import State, seed_everything
from gradcheck.trace import Trace

FORWARDS = Path(__file__).parent / "forwards"
CASES = [
    (path.stem, case)
    for path in sorted(FORWARDS.glob("[!_]*.py"))
    for case in importlib.import_module(f"forwards.{path.stem}").CASES
]
NAMES = [f"{module}: {case.name}" for module, case in CASES]
SEED = 1234
# two of the forwards use np.matrix, which NumPy announces it will take away one day
pytestmark = pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
ESCAPES = "escapes"  # the file of forwards that no trace can follow: for them only silence is a fault
every_case = pytest.mark.parametrize("case", [case for _, case in CASES], ids=NAMES)


def floats(output: object) -> list[object]:
    """The parts of an output that can carry a derivative, in order; of a tuple only the first element counts."""
    if isinstance(output, tuple):
        return floats(output[0])
    if isinstance(output, list):
        return [part for item in output for part in floats(item)]
    return [output]


class Isolated:
    """Calls a case again and again from the same random state, buffers and caches, at values of one's choice."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.state = State(case.call)
        self.before = self.state.snapshot()
        self.held = {name: array.copy() for name, array in case.variables.items()}

    def reset(self) -> None:
        self.before.restore()
        for name, array in self.case.variables.items():
            array[...] = self.held[name]
        seed_everything(SEED)

    def value(self, direction: dict[str, np.ndarray] | None = None, step: float = 0.0) -> list[np.ndarray]:
        """The outputs with every variable moved by `step` along its direction, in its own memory."""
        self.reset()
        try:
            for name, array in self.case.variables.items():
                if direction is not None:
                    array += step * direction[name]
            return [np.array(part, dtype=float) for part in floats(self.case.call())]
        finally:
            self.reset()


def directions(case: Case) -> list[dict[str, np.ndarray]]:
    generator = np.random.default_rng(SEED)
    return [
        {
            name: generator.choice([-1.0, 1.0], size=array.shape) * generator.uniform(0.5, 1.5, size=array.shape)
            for name, array in case.variables.items()
        }
        for _ in range(2)
    ]


def upstreams_for(outputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    generator = np.random.default_rng(SEED + 1)
    return [np.asarray(generator.normal(size=part.shape)) for part in outputs]


def slope(case: Isolated, direction: dict[str, np.ndarray], upstreams: Sequence[np.ndarray], step: float) -> float:
    """d/dt u·f(x + t v) at t = 0, to fourth order: (8(f₁ − f₋₁) − (f₂ − f₋₂)) / 12h."""
    total = 0.0
    for multiple, weight in [(1, 8.0), (-1, -8.0), (2, -1.0), (-2, 1.0)]:
        moved = case.value(direction, multiple * step)
        total += weight * sum(float(np.vdot(u, part)) for u, part in zip(upstreams, moved, strict=True))
    return total / (12 * step)


@dataclass
class Verdict:
    right: bool
    leaks: list[Leak]
    detail: str
    raised: bool = False


def traced_gradients(
    case: Isolated, upstreams: Sequence[np.ndarray], trace: Trace
) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
    variables = {name: trace.variable(array, name) for name, array in case.case.variables.items()}
    by_identity = {id(array): variables[name] for name, array in case.case.variables.items()}

    def leaf(value: object) -> object:
        return by_identity[id(value)] if id(value) in by_identity else trace.leaf(value)

    case.reset()
    try:
        with case.state.substituted(leaf):
            outputs = floats(case.case.call())
        gradients = trace.gradients(outputs, list(upstreams), variables)
        return gradients, [np.array(trace.value(part), dtype=float) for part in outputs]
    finally:
        case.reset()


def judge(case: Case, make: type[Trace] = Trace) -> Verdict:
    trace = make()
    isolated = Isolated(case)
    plain = isolated.value()
    upstreams = upstreams_for(plain)
    try:
        gradients, values = traced_gradients(isolated, upstreams, trace)
    except Exception as error:  # whatever it is, it is one forward's failure and not the corpus's
        return Verdict(False, trace.leaks, f"{type(error).__name__}: {error}", raised=True)
    for ours, theirs in zip(values, plain, strict=True):
        if not np.allclose(ours, theirs, rtol=1e-12, atol=1e-14):
            return Verdict(False, trace.leaks, f"value {ours} is not {theirs}")
    right, detail = True, ""
    gradient_norm = np.sqrt(sum(float(np.vdot(g, g)) for g in gradients.values()))
    for direction in directions(case):
        numeric = slope(isolated, direction, upstreams, case.step)
        ours = sum(float(np.vdot(gradients[name], v)) for name, v in direction.items())
        direction_norm = np.sqrt(sum(float(np.vdot(v, v)) for v in direction.values()))
        limit = case.tolerance * gradient_norm * direction_norm
        if not abs(ours - numeric) <= limit:
            right, detail = False, f"trace {ours:.10g}, numeric {numeric:.10g}, limit {limit:.2g}"
    return Verdict(right, trace.leaks, detail)


@pytest.fixture(scope="module")
def verdicts() -> dict[str, Verdict]:
    return {}


def verdict_on(name: str, case: Case, known: dict[str, Verdict]) -> Verdict:
    if name not in known:
        known[name] = judge(case)
    return known[name]


class DoubledTrace(Trace):
    """Tells every gradient twice as large."""

    def gradients(self, *arguments: object, **keywords: object) -> dict[str, np.ndarray]:
        return {name: 2 * g for name, g in super().gradients(*arguments, **keywords).items()}


def cubic() -> Case:
    x = np.array([1.0, -2.0, 0.5])
    return on(lambda x: (x**3).sum(), x, wrt="x", name="cubic")


def test_slope_of_a_cubic_is_exact_and_its_memory_is_put_back() -> None:
    case = cubic()
    direction = {"x": np.array([1.0, 1.0, -2.0])}
    assert slope(Isolated(case), direction, [np.array(2.0)], 1e-4) == pytest.approx(2 * (3 + 12 - 1.5), rel=1e-9)
    np.testing.assert_array_equal(case.variables["x"], [1.0, -2.0, 0.5])


def test_a_wrong_gradient_without_a_leak_is_not_called_right() -> None:
    assert judge(cubic()).right
    verdict = judge(cubic(), DoubledTrace)
    assert not verdict.right
    assert not verdict.leaks


def test_the_corpus_is_large_and_its_names_are_unique() -> None:
    assert len(CASES) >= 110
    assert len(set(NAMES)) == len(NAMES)


@every_case
def test_forward_is_repeatable_and_smooth_where_it_is_asked(case: Case) -> None:
    isolated = Isolated(case)
    first, second = isolated.value(), isolated.value()
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert sum(array.size for array in case.variables.values()) < 500
    upstreams = upstreams_for(first)
    slopes = []
    for direction in directions(case):
        coarse, fine = (slope(isolated, direction, upstreams, factor * case.step) for factor in (1.0, 0.5))
        slopes.append(coarse)
        assert np.isfinite(coarse)
        assert abs(coarse - fine) <= 0.1 * case.tolerance * max(abs(coarse), 1e-2)
    assert max(map(abs, slopes)) > 1e-3


@pytest.mark.parametrize(("name", "case"), [(n, c) for n, (_, c) in zip(NAMES, CASES, strict=True)], ids=NAMES)
def test_trace_is_right_or_says_where_it_lost_the_value(name: str, case: Case, verdicts: dict[str, Verdict]) -> None:
    verdict = verdict_on(name, case, verdicts)
    # a C function that refuses a traced array raises, which is not silence: the caller falls back on differences
    if verdict.raised and name.startswith(f"{ESCAPES}:"):
        return
    assert not verdict.raised, f"runs on NumPy, breaks under the trace: {verdict.detail}"
    if not verdict.right:
        assert verdict.leaks, verdict.detail
        own = [leak for leak in verdict.leaks if Path(leak.where.file).parent == FORWARDS]
        assert own, f"no leak lies in the forward's own file: {verdict.leaks}"
        assert all(leak.where.line > 0 for leak in own)


def test_at_least_95_of_100_forwards_are_traced_whole(verdicts: dict[str, Verdict]) -> None:
    failing = []
    counted = [(name, case) for name, (module, case) in zip(NAMES, CASES, strict=True) if module != ESCAPES]
    for name, case in counted:
        verdict = verdict_on(name, case, verdicts)
        if not verdict.right or verdict.leaks:
            lost = [f"{Path(leak.where.file).name}:{leak.where.line} {leak.how}" for leak in verdict.leaks[:2]]
            failing.append(f"  {name}: {verdict.detail} {'; '.join(lost)}")
    if len(failing) > 0.05 * len(counted):
        pytest.fail(f"{len(failing)} of {len(counted)} are not:\n" + "\n".join(failing), pytrace=False)
