"""Arrays of programs that keep axes, numbers or samples in another order are put into the reference's."""

import numpy as np
import pytest

from gradcheck import check_recorded
from gradcheck.recordings.layout import LAYOUTS, candidates, laid_out
from gradcheck.recordings.roles import Recording


def recording():
    rng = np.random.default_rng(0)
    x, w, dout = rng.normal(size=(5, 3)), rng.normal(size=(3, 4)), rng.normal(size=(5, 4))
    return Recording({"x": x, "w": w}, {"w": x.T @ dout}, dout, x @ w)


def written(array, layout, activation):
    """What a program with this layout writes down."""
    if layout == "axes reversed":
        return np.ascontiguousarray(array.T)
    if layout == "column-major":
        return array.ravel(order="F").reshape(array.shape)
    if layout == "batch last" and activation:
        return np.ascontiguousarray(np.moveaxis(array, 0, -1))
    return array


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_undoes_what_the_program_did(layout):
    true = recording()
    told = Recording(
        {"x": written(true.inputs["x"], layout, True), "w": written(true.inputs["w"], layout, False)},
        {"w": written(true.gradients["w"], layout, False)},
        written(true.upstream, layout, True),
        written(true.output, layout, True),
    )
    back = laid_out(told, layout, frozenset({"x"}))
    assert all(np.array_equal(back.inputs[n], true.inputs[n]) for n in true.inputs)
    assert np.array_equal(back.gradients["w"], true.gradients["w"])
    assert np.array_equal(back.upstream, true.upstream)
    assert np.array_equal(back.output, true.output)


def test_layouts_that_change_nothing_are_tried_once():
    flat = Recording({"b": np.arange(3.0)}, {"b": np.ones(3)}, np.ones(3), None)
    assert [how for how, _ in candidates(flat, frozenset())] == ["as recorded"]


def square(bad=False):
    r = np.random.default_rng(0)
    x, w, dout = r.normal(size=(3, 5, 5))
    dw = x.T @ dout
    return {"x": x, "w": w, "dout": dout, "dx": dout @ w.T, "dw": dw.T if bad else dw}


def test_square_arrays_with_axes_reversed_are_found_by_their_gradients():
    recorded = {name: np.ascontiguousarray(a.T) for name, a in square().items()}
    report = check_recorded(recorded, lambda x, w: x @ w)
    assert report.ok
    [note] = [n for n in report.notes if n.startswith("layout")]
    assert note.startswith("layout: axes reversed (found: with it all gradients are the reference's")


def test_where_no_layout_makes_all_of_them_right_none_is_chosen():
    for recorded in (square(bad=True), {name: a.T for name, a in square(bad=True).items()}):
        report = check_recorded(recorded, lambda x, w: x @ w, raises=False)
        assert not report.ok
        [note] = [n for n in report.notes if n.startswith("layout")]
        assert "would fit the shapes as well" in note


def test_one_gradient_alone_does_not_decide_on_the_layout():
    recorded = {name: a.T for name, a in square().items() if name != "dx"}
    report = check_recorded(recorded, lambda x, w: x @ w, raises=False)
    assert not report.ok
    assert any("would fit the shapes as well: record the output" in n for n in report.notes)
