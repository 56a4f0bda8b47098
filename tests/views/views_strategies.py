"""Any report at all, for hypothesis: every text, number and emptiness that the types allow."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from gradcheck.picture import Picture
from gradcheck.report import Entry, Finding, GradientResult, Leak, Probe, Report, Where
from gradcheck.updates import StepSize, UpdateResult
from gradcheck.watched import Histogram, LayerHistory, ParameterHistory, Series, Watched

# A busy machine is no fault of the code: how long an example takes is not judged.
UNHURRIED = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])

TEXT = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["dW", "[bold]x[/]", "\x1b[31m", "a\nb", "\u202e", "隠れ層", "nan", "x" * 90, "a_b." * 30, " ", "[/red"]
)
LINES = st.lists(TEXT, max_size=3).map(tuple)
NUMBER = st.floats()
MAYBE = st.none() | NUMBER
COUNT = st.integers(0, 10**6)
SHAPE = st.lists(st.integers(0, 4096), max_size=5).map(tuple)
PLACES = st.builds(Where, file=TEXT, line=COUNT, function=TEXT, source=TEXT)
ENTRIES = st.builds(Entry, index=SHAPE, yours=NUMBER, autograd=MAYBE, numeric=MAYBE, numeric_error=MAYBE)


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    """Any picture: its numbers have four digits, as those of all pictures."""
    shape = draw(st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4)))
    size = shape[0] * shape[1] * shape[2]
    values = st.lists(NUMBER.map(lambda x: float(f"{x:.4g}")), min_size=size, max_size=size).map(tuple)
    indices = tuple((i, 0) for i in range(shape[0])) if draw(st.booleans()) else ()
    block = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    return Picture(shape, draw(values), draw(values), draw(values), indices, block, draw(COUNT))


GRADIENTS = st.builds(
    GradientResult,
    layer=TEXT,
    name=TEXT,
    of=TEXT,
    shape=SHAPE,
    dtype=TEXT,
    verdict=st.sampled_from(["right", "wrong", "undecided", "not differentiated"]),
    reason=TEXT,
    norm_yours=MAYBE,
    norm_true=MAYBE,
    relative_error=MAYBE,
    limit=MAYBE,
    compared_with=st.sampled_from(["autograd", "reference", "numeric", ""]),
    probe=st.none() | st.builds(Probe, numeric=NUMBER, error=NUMBER, yours=MAYBE, autograd=MAYBE),
    worst=st.lists(ENTRIES, max_size=3).map(tuple),
    kinks=COUNT,
    inherits=TEXT,
    picture=st.none() | pictures(),
)
FINDINGS = st.builds(
    Finding,
    code=TEXT,
    severity=st.sampled_from(["error", "warning", "info"]),
    title=TEXT,
    layer=TEXT,
    gradient=TEXT,
    where=st.none() | PLACES,
    cause=LINES,
    evidence=LINES,
    ruled_out=LINES,
    help=LINES,
    likely=st.booleans(),
    step=st.none() | COUNT,
    consequences=st.lists(TEXT, max_size=9).map(tuple),
)
SERIES = st.lists(st.tuples(COUNT, MAYBE), max_size=20).map(
    lambda points: Series(tuple(step for step, _ in points), tuple(value for _, value in points))
)
HISTOGRAMS = st.lists(
    st.builds(
        Histogram,
        of=st.sampled_from(["input", "output", "weight", "gradient"]),
        low=NUMBER,
        high=NUMBER,
        counts=st.lists(COUNT, max_size=5).map(tuple),
        log=st.booleans(),
        zeros=COUNT,
        bad=COUNT,
        entries=COUNT,
        size=COUNT,
        step=COUNT,
    ),
    max_size=2,
).map(tuple)
LAYERS = st.builds(
    LayerHistory,
    name=TEXT,
    kind=TEXT,
    shape=SHAPE,
    activation=SERIES,
    gradient=SERIES,
    zeros=MAYBE,
    stopped=MAYBE,
    where=st.none() | PLACES,
    codes=LINES,
    histograms=HISTOGRAMS,
)
PARAMETERS = st.builds(
    ParameterHistory,
    name=TEXT,
    layer=TEXT,
    shape=SHAPE,
    weight=SERIES,
    gradient=SERIES,
    update_ratio=SERIES,
    codes=LINES,
    histograms=HISTOGRAMS,
)
WATCHED = st.builds(
    Watched,
    steps=COUNT,
    sampled=COUNT,
    loss=SERIES,
    layers=st.lists(LAYERS, max_size=4).map(tuple),
    parameters=st.lists(PARAMETERS, max_size=4).map(tuple),
    unseen=LINES,
)
UPDATES = st.builds(
    UpdateResult,
    name=TEXT,
    shape=SHAPE,
    dtype=TEXT,
    verdict=st.sampled_from(["right", "wrong", "undecided", "not differentiated"]),
    norm_update=MAYBE,
    norm_gradient=MAYBE,
    wanted_lr=MAYBE,
    effective_lr=MAYBE,
    unexplained=MAYBE,
    relative_error=MAYBE,
    limit=MAYBE,
    reason=TEXT,
)
STEP_SIZES = st.builds(
    StepSize,
    lr=NUMBER,
    lambda_max=NUMBER,
    lambda_error=NUMBER,
    limit=NUMBER,
    suggested=NUMBER,
    verdict=st.sampled_from(["converges", "diverges", "below the edge", "above the edge", "undecided"]),
    quadratic=st.booleans(),
    momentum=NUMBER,
    loss=MAYBE,
    norm_gradient=MAYBE,
    rho=MAYBE,
    products=COUNT,
    lambda_min=MAYBE,
    rho_small=MAYBE,
)
REPORTS = st.builds(
    Report,
    subject=TEXT,
    kind=st.sampled_from(["layer", "network", "comparison", "watch", "step", "learning rate"]),
    style=TEXT,
    dtype=TEXT,
    seed=st.integers(),
    gradients=st.lists(GRADIENTS, max_size=4).map(tuple),
    findings=st.lists(FINDINGS, max_size=3).map(tuple),
    leaks=st.lists(st.builds(Leak, where=PLACES, how=TEXT), max_size=2).map(tuple),
    notes=LINES,
    evaluations=st.lists(st.tuples(TEXT, COUNT), max_size=2).map(tuple),
    reproduce=TEXT,
    where=st.none() | PLACES,
    watched=st.none() | WATCHED,
    updates=st.lists(UPDATES, max_size=3).map(tuple),
    step_size=st.none() | STEP_SIZES,
    versions=st.lists(st.tuples(TEXT, TEXT), max_size=2).map(tuple),
    seconds=st.floats(0, 1e4),
)
