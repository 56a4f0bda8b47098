"""Reports built by hand, one for each thing a view has to be able to say."""

from __future__ import annotations

from dataclasses import replace

from gradcheck.report import Entry, Finding, GradientResult, Leak, Probe, Report, Where

NAN = float("nan")
INF = float("inf")
VERSIONS = (("gradcheck", "0.1.0"), ("torch", "2.13.0"), ("numpy", "2.4.0"))
COST = (("forwards", 5), ("backwards", 3), ("traced", 2))


def right(name: str, shape: tuple[int, ...], size: float, layer: str = "", along: float = 0.7310) -> GradientResult:
    probe = Probe(numeric=along, error=4e-10, yours=along, autograd=along)
    return GradientResult(
        layer,
        name,
        name.removeprefix("d"),
        shape,
        "float64",
        "right",
        norm_yours=size,
        norm_true=size,
        relative_error=3.1e-16,
        limit=1.2e-14,
        compared_with="autograd",
        probe=probe,
    )


def wrong(name: str, shape: tuple[int, ...], layer: str = "", inherits: str = "") -> GradientResult:
    return GradientResult(
        layer,
        name,
        name.removeprefix("d"),
        shape,
        "float64",
        "wrong",
        norm_yours=3.953,
        norm_true=2.311,
        relative_error=0.7106,
        limit=1.2e-14,
        compared_with="autograd",
        probe=Probe(numeric=0.4127, error=4e-10, yours=0.9031, autograd=0.4127),
        inherits=inherits,
        worst=(
            Entry((0, 3), 1.9031, 0.4127, 0.4127, 4e-10),
            Entry((3, 1), -2.0417, -1.2206, -1.2206, 3e-10),
            Entry((2, 4), 0.69314718, 0.0, 0.0, 5e-12),
        ),
    )


def layer(subject: str, *gradients: GradientResult, **more: object) -> Report:
    report = Report(subject, "layer", "forward -> (out, cache), backward(dout, cache)", "float64", 0, gradients)
    return replace(report, evaluations=COST, versions=VERSIONS, where=Where("check.py", 14), **more)


CAUSE = Finding(
    "GC231",
    "error",
    "wrong activation derivative",
    layer="hidden",
    gradient="dW1",
    where=Where("net.py", 6, "Act.relu", "        return np.maximum(0.001, x)"),
    cause=("your backward multiplies by softplus(z1); the derivative is step(x > 0.001)",),
    evidence=("with that one change autograd gives your dW1 and db1 to 4e-16",),
    ruled_out=("scale (71% left)", "sign", "transpose", "batch mean", *(f"change {n}" for n in range(23))),
    help=("multiply by (z1 > 0.001), not by log(1 + exp(z1))",),
)
WRITES = Finding(
    "GC112",
    "error",
    "it writes into dout",
    where=Where("layers.py", 31, "linear_backward", "    dout *= mask"),
    evidence=("6 of 12 entries of dout differ after the call, by up to 2.117",),
    help=("write dout = dout * mask",),
)
LONG = "model.encoder.layers.11.cross_attention.output_projection"
FOLDER = "/home/somebody/projects/from-scratch/deep/learning/experiments/2024/transformer/src/model/layers"

ALL_RIGHT = layer(
    "affine_backward",
    right("dx", (2, 6), 3.953),
    replace(right("dw", (6, 3), 2.311, along=-1.2206), kinks=3),
    replace(right("db", (3,), 0.88), kinks=1, reason="zero, as the numeric derivative says too"),
)
ONE_WRONG = layer(
    "affine_backward",
    right("dx", (2, 6), 3.953),
    wrong("dw", (6, 3)),
    right("db", (3,), 0.88),
    findings=(
        Finding(
            "GC201",
            "error",
            "dw is scaled by a constant: yours is 1.71 × the gradient",
            gradient="dw",
            likely=True,
            evidence=("with that one change autograd gives your dw to 4e-16",),
            help=("divide dw by 1.71",),
        ),
    ),
    reproduce="check_layer(affine_forward, affine_backward, x, w, b, seed=0)",
)
BARELY_WRONG = layer(
    "scale_backward",
    replace(
        wrong("dgamma", (128,)),
        norm_yours=3.953,
        norm_true=3.953,
        relative_error=7.1e-7,
        probe=Probe(0.4127, 4e-10, 0.41270013, 0.4127),
        worst=(Entry((7,), 0.9031, 0.90310002, 0.90310002, 4e-10),),
    ),
)
CONTRACT = layer("linear_backward", right("dx", (2, 6), 3.953), right("dw", (6, 3), 2.311), findings=(WRITES,))
AT_A_KINK = layer("max_pool", replace(right("dx", (2, 6), 0.241), norm_true=0.253, probe=None, kinks=2))
UNDECIDED = layer(
    "histogram_backward",
    right("dw", (6, 3), 2.311),
    replace(
        right("dx", (2, 6), 3.953),
        verdict="undecided",
        reason="yours and autograd agree, but the numeric derivative lies outside its error bar of both, "
        "and the branch pattern does not change within the step",
        probe=Probe(0.4127, 4e-10, 0.9031, 0.9031),
    ),
    leaks=(
        Leak(Where("layers.py", 12, "histogram", "    low = float(x.min())"), "float() of an array"),
        Leak(Where("layers.py", 12, "histogram", "    low = float(x.min())"), "float() of an array"),
    ),
)
NETWORK = Report(
    "Net",
    "network",
    "one backward for the whole network",
    "float32",
    3,
    (
        wrong("dW1", (4, 5), "hidden"),
        wrong("db1", (5,), "hidden", inherits="dW1"),
        right("dW2", (5, 3), 1.84, "output", along=1.2206),
        right("db2", (3,), 0.52, "output", along=-0.05013),
    ),
    findings=(
        Finding("GC150", "info", "the gradients are summed over the batch, not averaged", help=("divide by 20",)),
        Finding(
            "GC120",
            "warning",
            "the backward keeps a cache between calls",
            likely=True,
            where=Where("net.py", 19, "Net.backward", "if self.cols is None:"),
        ),
        CAUSE,
    ),
    notes=("y: an array of integers, passed on as it is",),
    evaluations=(("forwards", 1), ("backwards", 1), ("traced", 1)),
    reproduce="check_network(net, loss=lambda: net.loss(X, y), gradients=lambda: net.backward(X, y), seed=3)",
    versions=VERSIONS,
)
CHAIN = replace(
    NETWORK,
    subject="fc1 → tanh → relu → fc2",
    style="layer by layer, each with the true upstream gradient, from the loss down",
    gradients=(
        replace(right("dx", (2, 4), 1.31, "fc1"), inherits="relu"),
        replace(right("dW", (4, 5), 0.76, "fc1"), inherits="relu"),
        replace(right("dx", (2, 5), 0.55, "tanh"), inherits="relu"),
        wrong("dx", (2, 5), "relu"),
        right("dx", (2, 5), 0.939, "fc2"),
    ),
    findings=(),
)
BIG_NETWORK = Report(
    "ResNet",
    "network",
    "torch.nn.Module",
    "float32",
    0,
    tuple(
        wrong("weight", (64, 64, 3, 3), f"block{n}.conv")
        if n in (11, 12)
        else right("weight", (64, 64, 3, 3), 1.5 + n, f"block{n}.conv")
        for n in range(60)
    ),
    versions=VERSIONS,
)
NOT_DIFFERENTIATED = layer(
    "dropout_backward",
    right("dx", (2, 6), 3.953),
    GradientResult("", "dmask", "mask", (2, 6), "bool", "not differentiated", "an array of booleans"),
    GradientResult("", "dseed", "seed", (), "int64", "not differentiated", "an integer: it has no derivative, and "
                   "a forward that draws its mask from it is started from the same state every time"),
)  # fmt: skip
NOTHING = layer("f", GradientResult("", "dk", "k", (3,), "int64", "not differentiated", "an array of integers"))
LONG_NAMES = Report(
    "TransformerDecoderLayerWithCrossAttentionAndRelativePositionEmbeddings.backward_through_everything",
    "network",
    "object with forward(x, memory, mask), backward(dout); parameters in the dictionary .params, gradients in .grads",
    "float64",
    0,
    (
        wrong("d_relative_position_embedding_table_for_heads", (512, 3, 224, 224), LONG),
        right("d_output_bias", (1024,), 12345.678, LONG),
    ),
    findings=(
        Finding(
            "GC231",
            "error",
            "the derivative of gaussian_error_linear_unit_with_tanh_approximation is that of another function",
            layer=LONG,
            gradient="d_relative_position_embedding_table_for_heads",
            where=Where(
                f"{FOLDER}/attention.py",
                1234,
                "RelativePositionAttention.forward_with_cache",
                "scores = np.einsum('bhqd,bhkd->bhqk', query, key) * scale + relative_position_embedding[offset]",
            ),
            cause=(f"see {FOLDER}/attention.py",),
        ),
    ),
    leaks=(Leak(Where(f"{FOLDER}/positions.py", 77, "bucket", "n = int(d.max())"), "int() of an array"),),
    versions=VERSIONS,
    where=Where(f"{FOLDER}/train.py", 9, "main"),
)
UNICODE = layer(
    "слой_[red]β[/]\x1b[31m_назад",
    replace(wrong("dσ", (3, 4)), layer="隠れ層", worst=(Entry((0, 3), 1.9, 0.4, None, None),)),
    right("d🔥", (3, 4), 1.0, "出力層"),
    findings=(
        Finding(
            "GC240",
            "warning",
            "dσ: \u202e隠れ層 [bold]reads[/bold] a stale cache",
            gradient="dσ",
            where=Where("модель.py", 3, "f", "\tσ = β\t* 隠れ層 # [link=x]\x07"),
            help=("σ\n= 1",),
        ),
    ),
)
NOT_FINITE = layer(
    "log_backward",
    replace(
        wrong("dx", (2, 6)),
        norm_yours=NAN,
        norm_true=INF,
        relative_error=NAN,
        probe=Probe(NAN, NAN, INF, -INF),
        worst=(Entry((1, 2), NAN, 0.25, 0.25, 1e-11), Entry((0, 0), -INF, 1e300, 1e300, INF)),
    ),
    findings=(Finding("GC130", "error", "dx holds 3 NaN and 1 infinity"),),
)
WITNESSES = layer(
    "conv_backward",
    replace(wrong("dx", (2, 3, 8, 8)), compared_with="reference"),
    replace(wrong("dw", (4, 3, 3, 3)), compared_with="numeric", probe=Probe(0.4127, 4e-10, 0.9031), worst=()),
)

REPORTS = {
    "all_right": ALL_RIGHT,
    "one_wrong": ONE_WRONG,
    "barely_wrong": BARELY_WRONG,
    "contract": CONTRACT,
    "undecided": UNDECIDED,
    "network": NETWORK,
    "big_network": BIG_NETWORK,
    "not_differentiated": NOT_DIFFERENTIATED,
    "nothing": NOTHING,
    "long_names": LONG_NAMES,
    "unicode": UNICODE,
    "not_finite": NOT_FINITE,
    "witnesses": WITNESSES,
}
