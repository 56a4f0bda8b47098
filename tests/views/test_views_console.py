import io
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.panel import Panel
from views_reports import (
    ALL_RIGHT,
    AT_A_KINK,
    BIG_NETWORK,
    CHAIN,
    LONG_NAMES,
    NETWORK,
    ONE_WRONG,
    REPORTS,
    UNDECIDED,
    UNICODE,
    WITNESSES,
    right,
)
from views_strategies import REPORTS as ANY_REPORT
from views_strategies import UNHURRIED

from gradcheck.report import Entry, Finding, GradientResult, Leak, Report, Where
from gradcheck.views import console
from gradcheck.views.console import to_text
from gradcheck.views.summary import summary_table

GOLDEN = Path(__file__).parent / "golden"


def as_golden(text: str, name: str) -> None:
    """Compare with the file; GRADCHECK_UPDATE_GOLDEN=1 writes it instead, to be read before it is committed."""
    file = GOLDEN / name
    if os.environ.get("GRADCHECK_UPDATE_GOLDEN") == "1":
        file.write_text(text + "\n", encoding="utf-8")
    assert text + "\n" == file.read_text(encoding="utf-8")


def without_ansi(text: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", text)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", REPORTS)
def test_report_reads_as_the_golden_file(name, width):
    as_golden(to_text(REPORTS[name], width), f"{name}.{width}.txt")


@pytest.mark.parametrize("width", [60, 72, 80, 97, 100, 120, 200])
@pytest.mark.parametrize("name", REPORTS)
def test_no_line_is_wider_than_the_page_or_ends_in_a_space(name, width):
    for line in to_text(REPORTS[name], width).split("\n"):
        assert cell_len(line) <= min(width, 120)
        assert line == line.rstrip()


@given(ANY_REPORT, st.integers(40, 140))
@UNHURRIED
def test_any_report_stays_on_the_page_and_prints_nothing_but_itself(report, width):
    text = to_text(report, width)
    assert all(cell_len(line) <= width for line in text.split("\n"))
    assert all(char == "\n" or char.isprintable() or char.isspace() for char in text)
    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize("name", REPORTS)
def test_colours_are_accents_only(name):
    plain, coloured = to_text(REPORTS[name], 100), to_text(REPORTS[name], 100, color=True)
    assert "\x1b[" not in plain
    assert "\x1b[" in coloured
    stripped = [line.rstrip() for line in without_ansi(coloured).split("\n")]
    assert stripped == plain.split("\n")


def test_str_and_rich_say_the_same():
    file = io.StringIO()
    Console(file=file, width=100).print(NETWORK)
    assert file.getvalue() == str(NETWORK) + "\n"


def test_a_report_fits_inside_a_panel():
    file = io.StringIO()
    Console(file=file, width=80).print(Panel(NETWORK))
    lines = file.getvalue().splitlines()
    assert all(cell_len(line) == 80 for line in lines)
    assert all(line.endswith(("│", "╮", "╯")) for line in lines)


@pytest.mark.parametrize("name", REPORTS)
def test_a_terminal_without_unicode_still_shows_every_report(name):
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii") as file:
        Console(file=file, width=100).print(REPORTS[name])
        file.flush()
        text = raw.getvalue().decode("ascii")
    assert all(len(line) <= 100 for line in text.splitlines())
    assert text.startswith(("x ", "+ ", "? "))


def test_ascii_escapes_are_measured_before_they_are_printed():
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii") as file:
        Console(file=file, width=80).print(UNICODE)
        file.flush()
        text = raw.getvalue().decode("ascii")
    assert r"\u96a0\u308c\u5c64" in text


@pytest.mark.parametrize(
    ("report", "phrase"),
    [
        (ONE_WRONG, "along that probe: autograd 0.4127, yours 0.9031"),
        (ONE_WRONG, "cause     GC201 likely: dw is scaled"),
        (NETWORK, "inherits it from dW1"),
        (CHAIN, "in your network fc1 inherits the error of relu"),
        (AT_A_KINK, "2 entries at a kink, where the slopes differ, not in rel. error\n"),
        (NETWORK, "ruled out scale (71% left), sign, transpose, batch mean, change 0, change 1,"),
        (NETWORK, "21 more"),
        (NETWORK, "1 forward, 1 backward, 1 traced"),
        (ALL_RIGHT, "3 entries at a kink, where the slopes differ, not in rel. error\n"),
        (ALL_RIGHT, "1 entry at a kink, where the slopes differ, not in rel. error\n"),
        (UNDECIDED, "left the trace at layers.py:12 in histogram: float() of an array"),
        (BIG_NETWORK, "47 more are right, rel. error at most 3.1e-16"),
        (WITNESSES, "‖true‖"),
    ],
)
def test_phrases(report, phrase):
    assert phrase in to_text(report, 80)


LABELS = GradientResult("loss", "dy", "y", (6,), "int64", "not differentiated", "integer labels or indices")


def test_where_differences_find_no_derivative_there_is_a_dash():
    """Of rounding, whose gradient is what the reference says."""
    gradient = REPORTS["all_right"].gradients[0]
    probe = replace(gradient.probe, numeric=float("nan"), error=float("inf"))
    text = to_text(replace(REPORTS["all_right"], gradients=(replace(gradient, probe=probe),)), 120)
    assert "± inf" not in text
    assert "–" in text


def test_labels_are_a_note_below_a_networks_table_and_a_row_of_a_layers():
    text = to_text(replace(CHAIN, gradients=(*CHAIN.gradients, LABELS)))
    assert "dy" not in text
    assert "  note      not differentiated: loss.y (integer labels or indices)\n" in text
    assert "note " not in to_text(replace(CHAIN, notes=()))
    of_a_layer = to_text(replace(ALL_RIGHT, gradients=(*ALL_RIGHT.gradients, replace(LABELS, layer=""))))
    assert "  dy        6      · not differentiated: integer labels or indices\n" in of_a_layer


def test_a_network_of_which_nothing_was_compared_keeps_its_rows():
    assert "· not differentiated: integer labels" in to_text(replace(CHAIN, gradients=(LABELS,)))


@pytest.mark.parametrize(
    ("gradient", "title", "shown"),
    [
        ("dx", "dx is right at these inputs only", "relu.dx is right at these inputs only"),
        ("dx", "backward writes into dx", "relu.dx: backward writes into dx"),
        ("dx", "relu gives no dx", "relu gives no dx"),
        ("dx", "not linear in the upstream gradient", "relu.dx: not linear in the upstream gradient"),
        ("", "backward writes into its input", "relu: backward writes into its input"),
    ],
)
def test_a_finding_of_one_of_several_layers_names_the_layer(gradient, title, shown):
    finding = Finding("GC117", "info", title, "relu", gradient)
    text = to_text(replace(CHAIN, findings=(finding,)))
    assert f"  note      GC117 {shown}\n" in text


def test_counts_of_calls_are_in_words():
    report = replace(ALL_RIGHT, evaluations=(("forward", 1), ("forwards", 1), ("backward", 8), ("traced", 2)))
    assert "1 forward, 1 forward, 8 backwards, 2 traced" in to_text(report)


def test_the_same_leak_is_told_once():
    assert to_text(UNDECIDED).count("left the trace") == 1


def test_errors_stand_before_warnings_before_remarks():
    text = to_text(NETWORK)
    assert text.index("GC231") < text.index("GC120") < text.index("GC150")


@pytest.mark.parametrize("word", ["autograd", "reference", "numeric"])
def test_the_header_names_the_truth(word):
    gradient = replace(ONE_WRONG.gradients[1], compared_with=word, probe=None)
    assert f"‖{word}‖" in to_text(replace(ONE_WRONG, gradients=(gradient,)))


def test_rows_of_inheriting_gradients_bring_no_worst_entries():
    text = to_text(NETWORK)
    assert "worst entries of dW1" in text
    assert "worst entries of db1" not in text


def test_a_layer_that_inherits_is_told_once():
    assert to_text(CHAIN).count("inherits the error") == 2
    assert "inherits" not in to_text(replace(CHAIN, gradients=CHAIN.gradients[-2:]))


def test_what_inherits_is_told_of_a_long_run_too():
    heirs = tuple(replace(CHAIN.gradients[0], layer=f"fc{n}") for n in range(50))
    assert (
        "50 more are right, rel. error at most 3.1e-16; below relu they inherit its error in your network"
        in to_text(replace(CHAIN, gradients=heirs + CHAIN.gradients[-2:]), 120)
    )


def test_a_report_can_be_printed_where_the_output_is_not_in_unicode(monkeypatch):
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="cp1252") as file:
        monkeypatch.setattr("sys.stdout", file)
        print(NETWORK)
        print(summary_table([NETWORK]))
        file.flush()
        text = raw.getvalue().decode("ascii")
    assert text.startswith("x Net: 2 of 4 gradients are wrong")
    assert "0.4127 +-4e-10" in text


def test_many_worst_entries_are_counted_and_not_cut_in_silence():
    gradient = replace(ONE_WRONG.gradients[1], worst=tuple(Entry((0, n), 1.0, 0.5) for n in range(9)))
    text = to_text(replace(ONE_WRONG, gradients=(gradient,) * 5))
    assert text.count("4 more entries in report.gradients") == 3
    assert "2 more gradients' worst entries in report.gradients" in text


def test_values_that_differ_look_different():
    gradient = replace(ONE_WRONG.gradients[1], worst=(Entry((0, 1), 1.0 + 1e-9, 1.0, 1.0, 1e-12),))
    [line] = [line for line in to_text(replace(ONE_WRONG, gradients=(gradient,))).split("\n") if "dw[0, 1]" in line]
    assert line.split()[2:4] == ["1.0000000010", "1.0000000000"]


def test_a_wrong_gradient_near_its_limit_shows_the_limit():
    assert "is above its limit 1.2e-14" in to_text(REPORTS["barely_wrong"])
    assert "limit" not in to_text(ONE_WRONG)


def test_long_names_are_folded_and_never_shortened():
    lines = to_text(LONG_NAMES, 80).split("\n")
    start = next(n for n, line in enumerate(lines) if "model.encoder" in line)
    layer, gradient = ("".join(line[at : at + 28].strip() for line in lines[start : start + 3]) for at in (2, 31))
    assert layer == LONG_NAMES.gradients[0].layer
    assert gradient == LONG_NAMES.gradients[0].name
    assert any("at …/attention.py:1234 in" in line for line in lines)


def test_files_below_the_working_directory_are_named_from_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    leak = Leak(Where(str(tmp_path / "models" / "net.py"), 7, "f", "x = float(y)"), "float() of an array")
    assert f"left the trace at models{os.sep}net.py:7 in f" in to_text(replace(ALL_RIGHT, leaks=(leak,)))


def test_a_short_table_shows_every_gradient_and_a_long_one_every_one_that_is_not_right():
    short = replace(BIG_NETWORK, gradients=BIG_NETWORK.gradients[:40])
    assert sum("64×64×3×3" in line for line in to_text(short).split("\n")) == 40
    assert sum("64×64×3×3" in line for line in to_text(BIG_NETWORK).split("\n")) == 2


def test_an_empty_report_is_an_error_that_says_so():
    text = to_text(Report("f", "layer", "", "", 0, ()))
    assert text.startswith("✗ f: nothing was compared")


def test_gradients_of_one_name_are_told_apart_by_their_layer():
    gradients = tuple(
        GradientResult(layer, "dw", "w", (2,), "float64", "wrong", relative_error=1.0) for layer in ("fc1", "fc2")
    )
    gradients = (*gradients, right("db", (2,), 1.0, "fc2"))
    assert "(fc1.dw, fc2.dw)" in to_text(Report("net", "network", "", "float64", 0, gradients))


@pytest.mark.parametrize(("columns", "widest"), [(80, 80), (200, 100), (20, 60)])
def test_a_text_for_a_terminal_fits_it(monkeypatch, columns, widest):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.setenv("COLUMNS", str(columns))
    assert console.terminal_width() == widest
    assert max(len(line) for line in str(ONE_WRONG).splitlines()) <= widest


def test_a_text_for_a_file_is_the_same_everywhere(monkeypatch):
    monkeypatch.setattr("sys.stdout", io.StringIO())
    monkeypatch.setenv("COLUMNS", "80")
    assert console.terminal_width() == 100
