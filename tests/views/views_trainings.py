"""Reports on trainings built by hand: watches, steps and learning rates, one for each thing a view has to say."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from gradcheck.report import Finding, Report, Where
from gradcheck.updates import StepSize, UpdateResult
from gradcheck.watched import LayerHistory, ParameterHistory, Series, Watched

NAN = float("nan")
INF = float("inf")
VERSIONS = (("gradcheck", "0.1.0"), ("torch", "2.13.0"), ("numpy", "2.4.0"))
HERE = Where("train.py", 41)


def course(f: Callable[[float], float | None], steps: int = 300, points: int = 35) -> Series:
    """``f`` of the share of the training that is over."""
    at = [round(i * (steps - 1) / (points - 1)) for i in range(points)]
    return Series(tuple(at), tuple(f(i / (points - 1)) for i in range(points)))


def steady(x: float, wiggle: float = 0.04) -> Series:
    return course(lambda t: x * (1 + wiggle * math.sin(40 * t)))


def falling(x: float, decades: float) -> Series:
    return course(lambda t: x * 10 ** (-decades * t))


def until(x: float, end: float, then: float | None, growth: float = 0.0) -> Series:
    return course(lambda t: x * 10 ** (growth * t / end) if t < end else then, steps=49, points=15)


def layer(
    name: str, kind: str, shape: tuple[int, ...], activation: Series, gradient: Series, *codes: str, **more: float
) -> LayerHistory:
    return LayerHistory(name, kind, shape, activation, gradient, codes=codes, **more)


def parameter(
    name: str, shape: tuple[int, ...], rms: float, gradient: Series, ratio: Series, *codes: str
) -> ParameterHistory:
    return ParameterHistory(name, name.rpartition(".")[0], shape, steady(rms, 0.01), gradient, ratio, codes)


def watch(subject: str, watched: Watched, *findings: Finding, style: str = "torch.nn.Module, SGD") -> Report:
    return Report(
        subject, "watch", style, "float32", 0, (), findings, watched=watched, where=HERE, versions=VERSIONS, seconds=3.2
    )


HEALTHY = watch(
    "MLP",
    Watched(
        300,
        35,
        falling(2.31, 1.3),
        (
            layer("fc1", "linear", (128, 256), steady(0.61), falling(1.2e-3, 0.8)),
            layer("relu1", "relu", (128, 256), steady(0.42), falling(1.1e-3, 0.8), zeros=0.52, stopped=0.52),
            layer("fc2", "linear", (128, 64), steady(0.55), falling(2.3e-3, 0.9)),
            layer("relu2", "relu", (128, 64), steady(0.37), falling(2.1e-3, 0.9), zeros=0.48, stopped=0.48),
            layer("head", "linear", (128, 10), course(lambda t: 0.4 + 2 * t), falling(9e-3, 1.1)),
        ),
        (
            parameter("fc1.weight", (256, 64), 0.072, falling(1.9e-3, 0.8), steady(2.1e-3, 0.3)),
            parameter("fc1.bias", (256,), 0.071, falling(2.2e-3, 0.8), steady(2.4e-3, 0.3)),
            parameter("fc2.weight", (64, 256), 0.036, falling(2.4e-3, 0.9), steady(4.1e-3, 0.3)),
            parameter("fc2.bias", (64,), 0.033, falling(3.4e-3, 0.9), steady(5.7e-3, 0.3)),
            parameter("head.weight", (10, 64), 0.081, falling(6.4e-3, 1.1), steady(6.0e-3, 0.3)),
            parameter("head.bias", (10,), 0.069, falling(9.9e-3, 1.1), steady(8.2e-3, 0.3)),
        ),
    ),
)
BORN = watch(
    "Net",
    Watched(
        49,
        15,
        until(2.9, 0.95, NAN, 0.4),
        (
            layer("hidden", "linear", (50, 40), until(3.1, 0.95, 214.0, 1.8), until(2e-3, 0.95, NAN, 2.1)),
            layer("sigmoid", "logistic", (50, 40), until(0.7, 0.95, 0.9), until(3e-3, 0.9, NAN, 2), stopped=0.97),
            layer("softmax", "softmax", (50, 10), until(0.3, 0.95, NAN), until(0.1, 0.95, NAN), "GC300"),
        ),
        (
            parameter("W1", (40, 64), 0.58, until(2e-3, 0.95, NAN, 2.1), until(2e-3, 0.95, None, 2.1)),
            parameter("W2", (10, 40), 0.61, until(4e-2, 0.95, NAN, 1.0), until(6e-2, 0.95, None, 1.0)),
        ),
    ),
    Finding(
        "GC300",
        "error",
        "a NaN is born at step 48 in e / e.sum(axis=1, keepdims=True) (network.py:22)",
        layer="softmax",
        where=Where("network.py", 22, "Net.forward", "        p = e / e.sum(axis=1, keepdims=True)"),
        cause=("e overflowed to inf in the line above: np.exp(z) with z up to 743.2; inf / inf is NaN",),
        evidence=("3 of 500 entries are NaN, the first at [17, 4]", "e[17, 4] = inf, e.sum(axis=1)[17, 0] = inf"),
        help=("subtract the row's maximum before np.exp: z - z.max(axis=1, keepdims=True)",),
        step=48,
        consequences=("the loss is NaN", "the gradients of W2, W1 are NaN", "W2, W1 after the update of step 48"),
    ),
    Finding(
        "GC302",
        "warning",
        "np.exp(z) comes within a factor of 12 of the largest float64",
        layer="softmax",
        where=Where("network.py", 21, "Net.forward", "        e = np.exp(z)"),
        evidence=("the largest entry is 1.4e+307 at step 45",),
        help=("subtract the row's maximum first",),
        step=45,
    ),
    style="NumPy object, arrays followed",
)
VANISHING = watch(
    "DeepTanh",
    Watched(
        1000,
        24,
        course(lambda t: 2.303 - 0.01 * t, 1000),
        (
            layer("layer0", "linear", (128, 64), steady(2.6), steady(3e-9), "GC312"),
            layer("act0", "tanh", (128, 64), steady(0.96), steady(3e-8), stopped=0.91),
            layer("layer1", "linear", (128, 64), steady(4.8), steady(2e-6), "GC312"),
            layer("act1", "tanh", (128, 64), steady(0.98), steady(4e-5), "GC321", stopped=0.94),
            layer("head", "linear", (128, 10), steady(1.9), steady(8e-3)),
        ),
        (
            parameter("layer0.weight", (64, 64), 0.9, steady(6e-9), steady(6e-11), "GC331", "GC312", "GC314"),
            parameter("layer1.weight", (64, 64), 0.9, steady(5e-6), steady(6e-8), "GC331"),
            parameter("head.weight", (10, 64), 0.4, steady(7e-3), steady(2e-4)),
        ),
        ("two modules are compiled: their insides were not seen, only what goes in and comes out",),
    ),
    Finding(
        "GC321",
        "error",
        "94 % of the entries of act1 (tanh) are saturated and stop the gradient",
        layer="act1",
        where=Where("model.py", 12, "DeepTanh.forward", "x = torch.tanh(self.layer1(x))"),
        evidence=("it passes 0.04 of the gradient's rms: 4e-05 at its output, 2e-06 at its input",),
        help=("initialise layer1 with a standard deviation of 0.125 (Glorot), not 0.9",),
        step=0,
        consequences=("the gradients of layer1 and layer0 vanish behind it", "layer0.weight moves by 6e-11 of itself"),
    ),
    Finding(
        "GC312",
        "warning",
        "gradients vanish from act1 down to layer0, by a factor of 0.011 per layer",
        layer="layer0",
        evidence=("rms 4e-05, 2e-06, 3e-08, 3e-09 from act1 down",),
        cause=("the saturation of act1 (GC321)",),
        step=3,
    ),
    Finding("GC340", "info", "the first loss, 2.303, is ln 10: what guessing costs", step=0),
)
WARNED = watch(
    "conv",
    Watched(
        1,
        1,
        Series((0,), (0.71,)),
        (layer("conv1", "conv", (8, 16, 26, 26), Series((0,), (0.4,)), Series((0,), (None,)), "GC320", zeros=0.998),),
        (ParameterHistory("conv1.weight", "conv1", (16, 1, 3, 3), Series((0,), (0.3,))),),
    ),
    Finding("GC320", "warning", "5 of 16 kernels of conv1 are dead", layer="conv1", evidence=("no sample of 256",)),
)
NOTHING = watch("MLP", Watched(0, 0))
LONG_NAME = "transformer.encoder.layers.{}.self_attention.output_projection"
DEEP = watch(
    "TransformerWithCrossAttentionAndRelativePositionEmbeddings",
    Watched(
        1_000_000,
        20_005,
        falling(6.3, 0.7),
        tuple(
            layer(
                LONG_NAME.format(n),
                "linear",
                (32, 512, 1024),
                steady(0.4 + n / 50),
                steady(3e-4 * 1.1 ** (60 - n)),
                *(("GC311", "GC313", "GC302") if n in (31, 32) else ()),
            )
            for n in range(60)
        ),
        tuple(
            parameter(f"{LONG_NAME.format(n)}.weight", (1024, 1024), 0.02, steady(1e-5), steady(1e-3))
            for n in range(60)
        ),
    ),
    Finding(
        "GC311",
        "warning",
        f"activations explode from {LONG_NAME.format(31)} on, by a factor of 3.1 per layer",
        layer=LONG_NAME.format(31),
        step=50,
        consequences=tuple(f"{LONG_NAME.format(n)} follows" for n in range(32, 45)),
    ),
)


def step(subject: str, updates: tuple[UpdateResult, ...], *findings: Finding) -> Report:
    return Report(
        subject,
        "step",
        "step() with params and gradients",
        "float64",
        0,
        (),
        findings,
        updates=updates,
        where=HERE,
        versions=VERSIONS,
    )


def moved(name: str, shape: tuple[int, ...], lr: float | None = 0.01) -> UpdateResult:
    return UpdateResult(name, shape, "float64", "right", 0.0231, 2.31, 0.01, lr, 2.1e-16, 2.4e-16, 1e-13)


STEP_RIGHT = step("sgd_step", (moved("W1", (4, 5)), moved("b1", (5,)), moved("W2", (5, 3))))
STEP_WRONG = step(
    "Net.train_step",
    (
        replace(moved("W1", (4, 5), -0.01), verdict="wrong", relative_error=2.0),
        replace(moved("b1", (5,), 0.00999), verdict="wrong", relative_error=1.2e-3),
        replace(moved("W2", (5, 3), 0.0), verdict="wrong", norm_update=0.0, unexplained=None, relative_error=1.0),
        replace(moved("b2", (3,), 0.02), verdict="wrong", relative_error=1.0),
        replace(moved("scale", ()), verdict="undecided", norm_gradient=0.0, relative_error=None, effective_lr=None,
                unexplained=None, reason="its gradient is 0: any learning rate fits"),
        UpdateResult("steps", (), "int64", "not differentiated", reason="an integer"),
    ),
    Finding(
        "GC401",
        "error",
        "W1 moves up the gradient: the step has the wrong sign",
        gradient="W1",
        where=Where("net.py", 31, "Net.train_step", "        self.W1 += lr * dW1"),
        evidence=("W1 moved by +0.01·g, to 2e-16",),
        help=("self.W1 -= lr * dW1",),
    ),
    Finding("GC403", "error", "W2 did not move", gradient="W2"),
    Finding("GC404", "error", "b2 moved by twice the step: the update is applied twice", gradient="b2"),
)  # fmt: skip


def learning_rate(subject: str, size: StepSize, *findings: Finding) -> Report:
    return Report(
        subject,
        "learning rate",
        "a NumPy loss, Hessian through the trace",
        "float64",
        0,
        (),
        findings,
        step_size=size,
        where=HERE,
        versions=VERSIONS,
    )


PUZZLE = StepSize(0.25, 14.0, 3e-14, 1 / 7, 1 / 14, "diverges", True, 0.0, 50.0, 37.42, -0.75, 3)
DIVERGES = learning_rate(
    "one_neuron",
    PUZZLE,
    Finding(
        "GC410",
        "error",
        "the learning rate 0.25 is above 2/λmax = 0.1429: gradient descent diverges",
        evidence=("the loss is quadratic: each step multiplies the error along the steepest direction by -2.5",),
        help=("a learning rate of 0.07143 (1/λmax) is the best along that direction",),
    ),
)
CONVERGES = learning_rate(
    "one_neuron", replace(PUZZLE, lr=1 / 14, verdict="converges", rho=0.5), Finding("GC412", "info", "ρ is 0.5")
)
EDGE = learning_rate(
    "MLP",
    StepSize(0.31, 17.3, 0.2, 2 * 1.9 / 17.3, 1.9 / 17.3, "above the edge", False, 0.9, 2.31, 0.8, 0.93, 24),
    Finding("GC411", "warning", "the learning rate 0.31 is above the edge of stability here", evidence=("β = 0.9",)),
)
UNDECIDED_RATE = learning_rate("flat", StepSize(0.1, 0.0, 0.0, INF, INF, "undecided", False))

TRAININGS = {
    "watch_healthy": HEALTHY,
    "watch_born": BORN,
    "watch_vanishing": VANISHING,
    "watch_warned": WARNED,
    "watch_nothing": NOTHING,
    "watch_deep": DEEP,
    "step_right": STEP_RIGHT,
    "step_wrong": STEP_WRONG,
    "learning_rate_diverges": DIVERGES,
    "learning_rate_converges": CONVERGES,
    "learning_rate_edge": EDGE,
    "learning_rate_undecided": UNDECIDED_RATE,
}
