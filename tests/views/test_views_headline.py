from dataclasses import replace

import pytest
from views_reports import ALL_RIGHT, CONTRACT, NETWORK, NOTHING, ONE_WRONG, UNDECIDED, WRITES, layer, right, wrong

from gradcheck.report import Finding
from gradcheck.views.headline import headline, mark, outcome

BROKEN = "the backward breaks its contract: it writes into dout"
UNSURE = replace(right("dx", (2,), 1.0), verdict="undecided")
REMARK = Finding("GC150", "info", "summed, not averaged")
OTHER = Finding("GC120", "error", "forward and the reference differ by 1.8e+00 in the output")
SHARED = Finding("GC113", "error", "two of these layers share one cache: running another changes dx")
WARNING = Finding("GC111", "warning", "keeps its cache")


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (ONE_WRONG, "✗ affine_backward: 1 of 3 gradients is wrong (dw)"),
        (NETWORK, "✗ Net: 2 of 4 gradients are wrong (dW1; db1 inherits it)"),
        (ALL_RIGHT, "✓ affine_backward: all 3 gradients are right"),
        (CONTRACT, f"✗ linear_backward: the gradients are right, but {BROKEN}"),
        (UNDECIDED, "? histogram_backward: undecided: 1 of 2 gradients could not be judged (dx)"),
        (NOTHING, "✗ f: nothing was compared"),
        (layer("f"), "✗ f: nothing was compared"),
        (layer(""), "✗ nothing was compared"),
        (layer("f", findings=(WRITES,)), f"✗ f: nothing was compared, and {BROKEN}"),
        (layer("f", right("dx", (2,), 1.0)), "✓ f: the gradient is right"),
        (layer("f", right("dx", (2,), 1.0), right("dw", (2,), 1.0)), "✓ f: both gradients are right"),
        (layer("f", right("dx", (2,), 1.0), findings=(REMARK,)), "✓ f: the gradient is right"),
        (layer("f", right("dx", (2,), 1.0), findings=(WARNING,)), "✓ f: the gradient is right (1 warning)"),
        (layer("f", wrong("dx", (2,))), "✗ f: the gradient is wrong (dx)"),
        (layer("f", right("dx", (2,), 1.0), findings=(OTHER,)), f"✗ f: {OTHER.title}; the gradient is right"),
        (
            layer("f", wrong("dx", (2,)), right("dw", (2,), 1.0), findings=(OTHER, WRITES)),
            f"✗ f: {OTHER.title}; 1 of 2 gradients is wrong (dx)",
        ),
        (
            layer("f", right("dx", (2,), 1.0), findings=(SHARED,)),
            f"✗ f: the gradient is right, but {SHARED.title}",
        ),
        (layer("dx", wrong("dx", (2,))), "✗ dx: the gradient is wrong"),
        (layer("f", wrong("dw", (2,)), UNSURE), "✗ f: 1 of 2 gradients is wrong (dw); 1 undecided (dx)"),
        (layer("f", UNSURE), "? f: undecided: the gradient could not be judged (dx)"),
        (
            layer("f", UNSURE, right("dw", (2,), 1.0), findings=(WRITES,)),
            f"✗ f: 1 of 2 gradients is undecided (dx), and {BROKEN}",
        ),
        (
            layer("f", right("dx", (2,), 1.0), findings=(Finding("GC301", "error", "the loss is NaN."), WRITES)),
            "✗ f: the gradient is right, but the loss is NaN (and 1 more error)",
        ),
        (
            layer("f", *(wrong(f"d{n}", (2,)) for n in range(9))),
            "✗ f: all 9 gradients are wrong",
        ),
        (layer("f", wrong("dx", (2,)), wrong("dw", (2,))), "✗ f: both gradients are wrong"),
        (
            layer("f", *(wrong(f"d{n}", (2,)) for n in range(9)), right("dx", (2,), 1.0)),
            "✗ f: 9 of 10 gradients are wrong (d0, d1, d2, d3 and 5 more)",
        ),
    ],
)  # fmt: skip
def test_the_first_line_stands_alone(report, line):
    assert headline(report) == line


@pytest.mark.parametrize("report", [ONE_WRONG, NETWORK, ALL_RIGHT, CONTRACT, UNDECIDED, NOTHING])
def test_the_mark_is_a_tick_exactly_when_the_report_is_ok(report):
    assert (mark(report) == "✓") == report.ok
    assert (outcome(report) == "right") == report.ok
