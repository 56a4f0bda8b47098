import io
import sys
from dataclasses import replace

import numpy as np
import pytest
from test_views_pictures import pictured
from views_reports import ALL_RIGHT, NETWORK, NOTHING, ONE_WRONG
from views_trainings import BORN, DEEP, DIVERGES, HEALTHY, STEP_WRONG, TRAININGS, UNDECIDED_RATE
from views_trainings import NOTHING as UNWATCHED

from gradcheck.configurations import Configuration
from gradcheck.errors import GradcheckError
from gradcheck.views.headline import headline

matplotlib = pytest.importorskip("matplotlib")

RNG = np.random.default_rng(4)
WRONG = pictured(RNG.normal(size=(24, 1, 3, 3)), RNG.normal(size=(24, 1, 3, 3)), "d$W$")


def setting(scale, shift, verdict):
    return Configuration((("scale", str(scale)), ("shift", str(shift)), ("dtype", "float64")), verdict)


SWEEP = replace(
    ONE_WRONG,
    kind="sweep",
    gradients=(),
    configurations=tuple(
        setting(scale, shift, "wrong" if scale > 2 else "right") for scale in (1, 2, 3) for shift in (0, 5)
    ),
)


def drawn(figure):
    """The figure as PNG; that it can be drawn is the test."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def texts(axes):
    return [text.get_text() for text in axes.texts]


def labels(axes):
    return [label.get_text() for label in axes]


DRAWN = {"wrong": WRONG, "sweep": SWEEP, "network": NETWORK, "all_right": ALL_RIGHT} | {
    name: report for name, report in TRAININGS.items() if report not in (UNWATCHED, UNDECIDED_RATE)
}


@pytest.mark.parametrize("name", DRAWN)
def test_every_report_with_numbers_is_drawn_under_its_first_line(name):
    figure = DRAWN[name].plot()
    assert figure.get_suptitle() == headline(DRAWN[name])
    assert drawn(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize("report", [NOTHING, UNWATCHED], ids=["check", "watch"])
def test_where_there_is_nothing_to_draw_it_is_said(report):
    with pytest.raises(GradcheckError, match="plot: this report has no numbers that could be drawn"):
        report.plot()


def test_a_wrong_gradient_is_a_row_of_four():
    yours, true, difference, scatter, *bars = WRONG.plot().axes
    assert [axes.get_title("left") for axes in (yours, true, difference)] == [
        "d$W$: yours",
        "autograd",
        "yours − autograd",
    ]
    assert (scatter.get_xlabel(), scatter.get_ylabel()) == ("autograd", "yours")
    assert len(scatter.lines[1].get_xdata()) == 24 * 9
    assert len(bars) == 3


def test_what_is_far_too_much_for_a_screen_is_counted():
    wrong = WRONG.gradients[1]
    figure = replace(WRONG, gradients=(wrong,) * 6).plot()
    assert figure.get_supxlabel() == "2 more in report.gradients"


def test_a_training_has_its_four_panels_and_its_birth():
    depth, loss, activation, gradient = BORN.plot().axes
    assert labels(depth.get_xticklabels()) == ["hidden", "sigmoid", "softmax"]
    for axes in (depth, loss, activation, gradient):
        assert texts(axes) == ["NaN"]
        assert axes.get_yscale() == "log"
    assert labels(gradient.get_legend().get_texts()) == ["hidden", "sigmoid", "softmax"]


def test_many_layers_are_told_apart_by_what_they_do_not_share():
    depth = DEEP.plot().axes[0]
    names = labels(depth.get_xticklabels())
    assert len(names) == len(set(names)) <= 24
    assert names[0] == "0"


def test_a_sweep_is_a_matrix_of_what_varies():
    [axes] = SWEEP.plot().axes
    assert labels(axes.get_xticklabels()) == ["0", "5"]
    assert labels(axes.get_yticklabels()) == ["1", "2", "3"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("shift", "scale")
    assert texts(axes) == ["✓", "✓", "✓", "✓", "✗", "✗"]


def test_a_learning_rate_stands_on_its_axis():
    [axes] = DIVERGES.plot().axes
    assert texts(axes) == ["suggested\n1/λmax 0.07143", "limit\n2/λmax 0.1429", "yours 0.25"]
    assert axes.get_xscale() == "log"


def test_errors_are_drawn_beside_their_limits():
    [axes] = ALL_RIGHT.plot().axes
    assert labels(axes.get_yticklabels()) == [g.name for g in ALL_RIGHT.gradients]
    assert labels(STEP_WRONG.plot().axes[0].get_yticklabels())[0] == "W1"


def test_the_callers_own_style_is_neither_used_nor_changed():
    with matplotlib.rc_context({"axes.facecolor": "black", "text.usetex": True, "font.size": 40}):
        before = dict(matplotlib.rcParams)
        assert drawn(HEALTHY.plot())
        assert dict(matplotlib.rcParams) == before
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_a_notebook_shows_it():
    assert HEALTHY.plot()._repr_png_().startswith(b"\x89PNG")


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(GradcheckError, match=r"plot: .* pip install 'gradcheck\[plot\]'"):
        HEALTHY.plot()
