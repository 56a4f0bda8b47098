"""Shapes and arrays for hypothesis: free of what hides mistakes, shrunk to the smallest that shows them."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from gradcheck import GradcheckError, GradientMismatch, check_layer
from gradcheck.strategies import arrays, shapes

QUICK = settings(deadline=None, max_examples=60, database=None, derandomize=True)
CONVOLUTION = {"x": "n c h w", "w": "k c 3 3", "b": "k"}
SIZES = {"h": (4, 9), "w": (4, 9)}


@QUICK
@given(shapes(CONVOLUTION, sizes=SIZES))
def test_names_are_different_numbers_that_hold_throughout(drawn):
    n, c, h, w = drawn["x"]
    k = drawn["w"][0]
    assert drawn == {"x": (n, c, h, w), "w": (k, c, 3, 3), "b": (k,)}
    assert len({n, c, h, w, k}) == 5
    assert min(n, c, k) >= 2
    assert 4 <= h <= 9
    assert 4 <= w <= 9


@QUICK
@given(st.sampled_from(["float16", "float32", "float64"]).flatmap(lambda d: arrays(CONVOLUTION, sizes=SIZES, dtype=d)))
def test_entries_hide_nothing(drawn):
    for array in drawn.values():
        sizes = np.abs(array.ravel())
        few_numbers = array.dtype == np.float16 and sizes.size > 1700
        assert few_numbers or len(np.unique(sizes)) == sizes.size
        assert few_numbers or 1 not in sizes
        assert sizes.min() > 0.1
        assert (array > 0).any()
        assert (array < 0).any()


def test_many_entries_are_still_different():
    drawn = find(arrays({"x": (40, 50)}), lambda drawn: True)
    assert len(np.unique(np.abs(drawn["x"]))) == 2000


def test_scalars_and_fixed_shapes():
    assert find(shapes({"x": "", "w": (1, 3), "b": "n 2"}), lambda drawn: True) == {"x": (), "w": (1, 3), "b": (2, 2)}


@pytest.mark.parametrize(
    ("fails", "smallest"),
    [
        (lambda n, d, m: True, (2, 3, 4)),
        (lambda n, d, m: n > 4, (5, 2, 3)),
        (lambda n, d, m: d > m, (2, 4, 3)),
        (lambda n, d, m: m == 7, (2, 3, 7)),
    ],
)
def test_the_smallest_failing_shape_is_found(fails, smallest):
    n, d, m = smallest
    found = find(
        shapes({"x": "n d", "w": "d m"}), lambda drawn: fails(*drawn["x"], drawn["w"][1]), settings=settings(QUICK)
    )
    assert found == {"x": (n, d), "w": (d, m)}


def test_the_last_number_is_kept_for_whom_it_alone_fits():
    for _ in range(20):
        drawn = find(shapes({"x": "n d m"}, sizes={"n": (2, 4), "d": (2, 3), "m": (2, 2)}), lambda drawn: True)
        assert drawn == {"x": (4, 3, 2)}


def affine(x, w):
    return x @ w, (x, w)


def wrong_beyond_four(dout, cache):
    x, w = cache
    return dout @ w.T, x[:4].T @ dout[:4]


def test_a_mistake_is_shrunk_with_its_report():
    seen = []

    @settings(QUICK, max_examples=30)
    @given(shapes({"x": "n d", "w": "d m"}))
    def check(drawn):
        seen.append(drawn)
        check_layer(affine, wrong_beyond_four, shapes=drawn, raises=True, budget=0)

    with pytest.raises(GradientMismatch, match="1 of 2 gradients is wrong") as caught:
        check()
    assert seen[-1] == {"x": (5, 2), "w": (2, 3)}
    assert caught.value.report.gradients[1].shape == (2, 3)


def test_a_failing_test_shows_report_example_and_line(folder):
    folder.makepyfile(
        """
import pytest
from gradcheck import check_layer
from gradcheck.strategies import shapes
from hypothesis import Phase, given, settings

def forward(x, w):
    return x @ w, (x, w)

def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout / len(x)

@pytest.mark.gradcheck(dtypes=["float32"])
@settings(deadline=None, max_examples=3, database=None, phases=[Phase.generate, Phase.shrink])
@given(shapes({"x": "n d", "w": "d m"}))
def test_affine(drawn):
    check_layer(forward, backward, shapes=drawn, budget=0)
"""
    )
    result = folder.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E * forward: 1 of 2 gradients is wrong (dw)*",
            "E *dw * wrong*",
            "E *reproduce check_layer(forward, backward, shapes=drawn, budget=0,*",
            "E *dtype='float32', seed=0)",
            "E *drawn={'x': (2, 3), 'w': (3, 4)}*",
            "FAILED *::test_affine[[]float32[]]*",
        ]
    )


@pytest.mark.parametrize(
    ("named", "options", "complaint"),
    [
        ({}, {}, "shapes: give the sizes of each array by name"),
        (["n d"], {}, "shapes: give the sizes of each array by name"),
        ({"x": 3}, {}, r"shapes\['x'\]: give the names of its sizes, as in \"n d\", not 3"),
        ({"x": "n,d"}, {}, r"shapes\['x'\]: 'n,d' is neither the name of a size nor a number from 1 up"),
        ({"x": "n 0"}, {}, r"shapes\['x'\]: 0 is neither"),
        ({"x": (2, "n")}, {}, r"shapes\['x'\]: 'n' is neither"),
        ({"x": "n"}, {"sizes": {"m": (2, 3)}}, "sizes: there is no size 'm'; there are n"),
        ({"x": "n"}, {"sizes": {"n": (3, 2)}}, r"sizes\['n'\]: give the smallest and the largest"),
        ({"x": "n"}, {"sizes": {"n": 3}}, r"sizes\['n'\]: give the smallest and the largest, .* not 3"),
        ({"x": "n m"}, {"sizes": {"n": (2, 2), "m": (2, 2)}}, "sizes: there are not enough numbers for n, m"),
    ],
)
def test_what_cannot_be_understood_is_refused(named, options, complaint):
    with pytest.raises(GradcheckError, match=complaint):
        shapes(named, **options)


def test_another_dtype_is_refused():
    with pytest.raises(GradcheckError, match="dtype: it must be one of float16, float32, float64, not 'int32'"):
        arrays({"x": "n"}, dtype="int32")


def test_without_hypothesis_it_is_said_what_to_install():
    code = "import sys; sys.modules['hypothesis'] = None\nfrom gradcheck import strategies"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "ImportError: gradcheck.strategies needs hypothesis, which is not installed: pip install hypothesis"
    )
