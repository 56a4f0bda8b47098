import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from gradcheck.report import Finding, Where
from gradcheck.views import numbers
from gradcheck.views.blocks import finding_sections
from gradcheck.views.plain import fold, names, place, shorten, source_line, to_ascii, visible, wrap


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("dW1", "dW1"),
        ("[red]x[/]", "[red]x[/]"),
        ("a\tb\n", r"a\tb\n"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\u202e\u2028\ud800", r"\u202e\u2028\ud800"),
        ("∂L/∂W 隠れ層 🔥", "∂L/∂W 隠れ層 🔥"),
    ],
)
def test_what_would_not_print_as_itself_is_escaped(text, shown):
    assert visible(text) == shown


def test_source_lines_lose_their_indentation_and_keep_their_columns():
    assert source_line("\t\tx =\t1  \n") == "x = 1"


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z", "M"]), max_size=60), st.integers(2, 30))
def test_folding_loses_nothing(text, width):
    pieces = fold(text, width)
    assert "".join(pieces) == text
    assert all(cell_len(piece) <= width for piece in pieces)


@given(st.lists(st.text("ab_.β層", min_size=1, max_size=30), min_size=1), st.integers(8, 40), st.sampled_from([0, 2]))
def test_wrapping_loses_nothing(words, width, hang):
    text = " ".join(words)
    lines = wrap(text, width, hang)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(cell_len(line) <= width for line in lines)
    assert all(line.startswith(" " * hang) for line in lines[1:])


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("encoder.layers.11.attention", ["encoder.", "layers.11.", "attention"]),
        ("PositionEmbeddings", ["Position", "Embeddings"]),
        ("abcdefghijklm", ["abcdefghij", "klm"]),
        ("", [""]),
    ],
)
def test_names_are_folded_at_their_joints(text, pieces):
    assert fold(text, 10) == pieces


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (99, "/home/me/project/net.py:6 in f"),
        (25, "…/me/project/net.py:6 in f"),
        (24, "…/project/net.py:6 in f"),
        (5, "…/net.py:6 in f"),
    ],
)
def test_paths_lose_folders_at_the_left_and_never_the_file(width, shown):
    width = len(shown) if width == 25 else width
    assert place(Where("/home/me/project/net.py", 6, "f"), width) == shown


def test_windows_paths_are_shortened_too():
    assert place(Where("C:\\me\\project\\net.py", 6), 12) == "…/net.py:6"


def test_long_lists_say_how_much_is_missing():
    assert names(["a", "b", "c"], 3) == "a, b, c"
    assert names(["a", "b", "c", "d"], 3) == "a, b and 2 more"


def test_ascii_keeps_the_length_of_our_own_signs():
    assert to_ascii("✗ ‖yours‖ 4×5 · 0.5 ± 1e-09") == "x |yours| 4x5 - 0.5 +-1e-09"
    assert to_ascii("層") == r"\u5c64"


@pytest.mark.parametrize(
    ("x", "shown"),
    [
        (None, "–"),
        (0.0, "0"),
        (-0.0, "0"),
        (0.41271, "0.4127"),
        (-1.2206, "-1.221"),
        (3.0, "3.000"),
        (999.96, "1000"),
        (9999.6, "1.000e+04"),
        (12345.0, "1.234e+04"),
        (0.001, "0.001000"),
        (0.00099999, "0.001000"),
        (0.0009, "9.000e-04"),
        (1e300, "1.000e+300"),
        (5e-324, "4.941e-324"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (float("-inf"), "-inf"),
    ],
)
def test_values(x, shown):
    assert numbers.value(x) == shown


@pytest.mark.parametrize(
    ("function", "x", "shown"),
    [
        (numbers.norm, 2.3111, "2.31"),
        (numbers.norm, 1234.5, "1.23e+03"),
        (numbers.relative, 0.7106, "7.1e-01"),
        (numbers.relative, 0.0, "0"),
        (numbers.relative, 1e3, "1.0e+03"),
        (numbers.relative, float("nan"), "nan"),
        (numbers.relative, None, "–"),
        (numbers.error_bar, 4.2e-10, "4e-10"),
        (numbers.error_bar, 0.0, "0"),
        (numbers.error_bar, float("inf"), "inf"),
        (numbers.shape, (), "scalar"),
        (numbers.shape, (5,), "5"),
        (numbers.shape, (4, 5), "4×5"),
        (numbers.shape, (0,), "0"),
    ],
)
def test_norms_errors_and_shapes(function, x, shown):
    assert function(x) == shown


def test_indices_can_be_typed():
    assert numbers.index("dw", (0, 3)) == "dw[0, 3]"
    assert numbers.index("loss", ()) == "loss"


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_enough_digits_are_shown_to_see_a_difference(a, b):
    digits = numbers.digits_to_tell_apart(a, b)
    assert 4 <= digits <= 17
    assert a == b or numbers.value(a, digits) != numbers.value(b, digits)


def test_a_long_name_loses_its_middle_and_keeps_both_ends():
    assert shorten("a constant factor (explains 36 %)", 48) == "a constant factor (explains 36 %)"
    call = 'np.einsum("nchw,kc->nkhw", x[:, :, i : i + rows, j : j + columns], kernels) times a constant'
    assert shorten(call, 48) == 'np.einsum("nchw,kc->nkhw … els) times a constant'
    assert len(shorten(call, 48)) <= 48


def test_a_long_name_among_what_was_ruled_out_is_shortened_and_the_rest_counted():
    long = "np.einsum(" + "x" * 100 + ") times a constant"
    finding = Finding("GC204", "error", "dw is flipped", gradient="dw", ruled_out=(long, *"abcdefgh"))
    [shown] = dict(finding_sections(finding))["ruled out"]
    assert shown.endswith(", a, b, c, d, e, 3 more")
    assert "…" in shown
    assert len(shown) < 90
