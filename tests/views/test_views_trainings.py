import io
import json
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console
from test_views_console import as_golden, without_ansi
from test_views_html import ATTRIBUTES, Balance
from views_trainings import (
    BORN,
    CONVERGES,
    DEEP,
    DIVERGES,
    EDGE,
    HEALTHY,
    NOTHING,
    PUZZLE,
    STEP_RIGHT,
    STEP_WRONG,
    TRAININGS,
    UNDECIDED_RATE,
    VANISHING,
    WARNED,
    layer,
    steady,
)

from gradcheck.report import Finding, Report
from gradcheck.updates import UpdateResult
from gradcheck.views.console import to_line, to_text
from gradcheck.views.headline import headline, mark, outcome
from gradcheck.views.html import to_html
from gradcheck.views.json import dumps, loads
from gradcheck.views.step_size_rows import axis
from gradcheck.views.summary import summary_table
from gradcheck.watched import Series, Watched


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("name", TRAININGS)
def test_report_reads_as_the_golden_file(name, width):
    as_golden(to_text(TRAININGS[name], width), f"{name}.{width}.txt")


def in_ascii(report: object, width: int) -> str:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii") as file:
        Console(file=file, width=width).print(report)
        file.flush()
        return raw.getvalue().decode("ascii").rstrip("\n")


@pytest.mark.parametrize("name", ["watch_born", "watch_vanishing", "learning_rate_diverges", "step_wrong"])
def test_report_in_ascii_reads_as_the_golden_file(name):
    as_golden(in_ascii(TRAININGS[name], 100), f"{name}.ascii.txt")


def test_summary_reads_as_the_golden_file():
    as_golden(summary_table(list(TRAININGS.values())).to_text(120), "summary_trainings.120.txt")


@pytest.mark.parametrize("width", [60, 72, 80, 97, 100, 120, 200])
@pytest.mark.parametrize("name", TRAININGS)
def test_no_line_is_wider_than_the_page_or_ends_in_a_space(name, width):
    for line in to_text(TRAININGS[name], width).split("\n"):
        assert cell_len(line) <= min(width, 120)
        assert line == line.rstrip()
    assert all(len(line) <= width for line in in_ascii(TRAININGS[name], width).split("\n"))


@pytest.mark.parametrize("name", TRAININGS)
def test_colours_are_accents_only(name):
    plain, coloured = to_text(TRAININGS[name], 100), to_text(TRAININGS[name], 100, color=True)
    assert [line.rstrip() for line in without_ansi(coloured).split("\n")] == plain.split("\n")


@pytest.mark.parametrize("name", TRAININGS)
def test_html_says_what_the_terminal_says(name):
    report = TRAININGS[name]
    page = Balance(to_html(report))
    assert page.attributes <= ATTRIBUTES
    assert headline(report) in page.text
    for finding in report.findings:
        for text in (finding.code, finding.title, *finding.evidence, *finding.cause, *finding.help):
            assert text in page.text


@pytest.mark.parametrize("name", TRAININGS)
def test_json_brings_it_back(name):
    assert repr(loads(dumps(TRAININGS[name]))) == repr(TRAININGS[name])
    assert json.loads(dumps(TRAININGS[name]))["ok"] is TRAININGS[name].ok


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (HEALTHY, "✓ MLP: 300 steps watched, no symptom above info"),
        (NOTHING, "? MLP: nothing was watched: no step was seen"),
        (replace(NOTHING, watched=None), "? MLP: nothing was watched: no step was seen"),
        (replace(HEALTHY, watched=Watched(1, 1)), "✓ MLP: 1 step watched, no symptom above info"),
        (WARNED, "! conv: 5 of 16 kernels of conv1 are dead"),
        (
            BORN,
            "✗ Net: a NaN is born at step 48 in e / e.sum(axis=1, keepdims=True) (network.py:22); 1 warning",
        ),
        (
            VANISHING,
            "✗ DeepTanh: 94 % of the entries of act1 (tanh) are saturated and stop the gradient, at step 0; "
            "1 warning",
        ),
        (STEP_RIGHT, "✓ sgd_step: all 3 parameters moved by -lr·g"),
        (STEP_WRONG, "✗ Net.train_step: W1 moves up the gradient: the step has the wrong sign; 2 more errors"),
        (
            replace(STEP_WRONG, findings=()),
            "✗ Net.train_step: 4 of 5 parameters did not move by -lr·g (W1, b1, W2, b2)",
        ),
        (replace(STEP_RIGHT, updates=()), "✗ sgd_step: nothing was compared"),
        (
            replace(STEP_RIGHT, updates=(UpdateResult("W", (2,), "float64", "undecided"),)),
            "? sgd_step: the parameter could not be judged (W)",
        ),
        (DIVERGES, "✗ one_neuron: the learning rate 0.25 is above 2/λmax = 0.1429: gradient descent diverges"),
        (
            replace(CONVERGES, findings=()),
            "✓ one_neuron: the learning rate 0.0714286 is below the limit 0.1429: gradient descent converges",
        ),
        (
            replace(CONVERGES, findings=(), step_size=replace(PUZZLE, verdict="below the edge", lr=0.1)),
            "✓ one_neuron: the learning rate 0.1 is below the limit 0.1429 here",
        ),
        (EDGE, "! MLP: the learning rate 0.31 is above the edge of stability here"),
        (UNDECIDED_RATE, "? flat: undecided: no limit could be found for the learning rate 0.1"),
    ],
)  # fmt: skip
def test_the_first_line_stands_alone(report, line):
    assert headline(report) == line
    assert to_line(report) == f"<Report: {line}>"


@pytest.mark.parametrize("name", TRAININGS)
def test_the_mark_is_a_tick_or_a_warning_exactly_when_the_report_is_ok(name):
    report = TRAININGS[name]
    assert (mark(report) in "✓!") == report.ok == (outcome(report) == "right")


def test_the_findings_of_a_watch_keep_their_order():
    turned = replace(VANISHING, findings=VANISHING.findings[::-1])
    text = to_text(turned)
    assert text.index("GC340") < text.index("GC312") < text.index("GC321")
    assert headline(turned).startswith("✗ DeepTanh: gradients vanish from act1 down to layer0")


def test_the_findings_of_a_watch_stand_before_its_tables_and_others_after():
    text = to_text(BORN)
    assert text.index("GC300") < text.index("loss   ") < text.index("activation rms") < text.index("update / weight")
    text = to_text(DIVERGES)
    assert text.index("●  learning rate") < text.index("GC410")


def test_a_step_that_the_title_names_is_not_said_again():
    finding = Finding("GC300", "error", "a NaN is born at step 4", step=4)
    assert "GC300 a NaN is born at step 4\n" in to_text(replace(HEALTHY, findings=(finding,)))
    other = replace(finding, title="a NaN is born at step 41")
    assert "GC300 step 4: a NaN is born at step 41\n" in to_text(replace(HEALTHY, findings=(other,)))


def test_a_birth_is_the_headline_whatever_led_to_it():
    assert headline(replace(BORN, findings=BORN.findings[::-1])) == headline(BORN)


def test_what_has_been_said_of_a_place_or_as_help_is_not_said_again():
    first = replace(BORN.findings[0], code="GC320", severity="warning", title="layer 1 is dead")
    again = replace(first, title="layer 2 is dead")
    report = replace(HEALTHY, findings=(first, again, replace(again, code="GC321")))
    for text in (to_text(report), to_html(report)):
        assert text.count("p = e / e.sum(axis=1, keepdims=True)") == 1
        assert text.count("network.py:22 in Net.forward") == 3
        assert text.count("as for GC320 above") == 1
        assert text.count("subtract the row") == 2


def test_consequences_are_told_below_their_cause_and_many_are_counted():
    text = to_text(BORN)
    assert "\n  then      the loss is NaN\n" in text
    assert text.index("evidence") < text.index("  then  ") < text.index("  help  ")
    assert "and 7 more" in to_text(DEEP)


def test_what_was_not_seen_is_a_note():
    assert "  note      two modules are compiled" in to_text(VANISHING, 120)


def test_a_short_table_shows_every_layer_and_a_long_one_each_with_a_finding():
    assert DEEP.watched is not None
    text = to_text(DEEP, 120)
    assert sum("! GC311 GC313" in line for line in text.split("\n")) == 2
    assert "31 more layers without a finding" in text
    assert "60 parameters without a finding" in text
    short = replace(DEEP, watched=replace(DEEP.watched, layers=DEEP.watched.layers[:40], parameters=()))
    assert "without a finding" not in to_text(short)


def test_a_row_names_the_worst_of_its_findings_by_its_mark():
    findings = (Finding("GC310", "info", "a", "fc"), Finding("GC311", "error", "b", "fc"))
    one = layer("fc", "linear", (2,), steady(1.0), steady(1.0), "GC310", "GC311")
    other = layer("fc2", "linear", (2,), steady(1.0), steady(1.0), "GC310")
    text = to_text(replace(HEALTHY, findings=findings, watched=Watched(9, 9, layers=(one, other))))
    assert "✗ GC310 GC311\n" in text
    assert "· GC310\n" in text


def test_columns_of_what_was_not_measured_are_left_out():
    one = layer("fc", "linear", (2,), steady(1.0), Series((0, 1), (None, None)))
    text = to_text(replace(HEALTHY, watched=Watched(9, 9, layers=(one,))))
    assert "gradient rms" not in text
    assert "zeros" not in text
    assert "found" not in text


def test_shares_of_an_output_that_is_nan_are_not_shown():
    one = layer("fc", "relu", (2,), Series((0, 1), (1.0, float("nan"))), Series(), zeros=0.5, stopped=0.5)
    assert "50 %" not in to_text(replace(HEALTHY, watched=Watched(9, 9, layers=(one,))))


def test_a_curvature_of_rounding_size_is_none():
    assert "smallest             0  λmin" in to_text(replace(DIVERGES, step_size=replace(PUZZLE, lambda_min=4e-16)))
    assert "smallest        -1.000  λmin" in to_text(replace(DIVERGES, step_size=replace(PUZZLE, lambda_min=-1.0)))


def test_how_pictures_are_read_is_said_where_there_are_any():
    assert "log scale: bars among rows, curves over sampled steps; !: not finite; " in to_text(BORN)
    assert "log scale" not in to_text(WARNED)
    assert "stopped: no gradient passes" in to_text(BORN, 120)
    assert "stopped:" not in to_text(WARNED)
    dead = layer("fc", "linear", (2,), Series((0, 1), (1.0, 0.0)), Series())
    text = to_text(replace(HEALTHY, watched=Watched(2, 2, layers=(dead,))))
    assert "log scale: curves over sampled steps; 0: exactly 0" in text


def test_a_table_without_findings_is_folded_away_in_html_and_one_with_them_is_not():
    assert "<details><summary>6 parameters</summary>" in to_html(HEALTHY)
    assert "parameters</summary>" not in to_html(VANISHING)


@pytest.mark.parametrize(
    ("lr", "signs", "ends"),
    [
        (0.25, "◆┃●", ("1e-02", "1e+00")),
        (0.1, "◆●┃", ("1e-02", "1e+00")),
        (1 / 14, "●┃", ("1e-02", "1e+00")),  # as suggested: of two at one place the given one shows
        (1e-3, "●◆┃", ("1e-04", "1e+00")),
        (14.0, "◆┃●", ("1e-02", "1e+02")),
    ],
)
def test_the_axis_shows_where_the_learning_rate_lies(lr, signs, ends):
    low, line, high = axis(replace(PUZZLE, lr=lr)).split()
    assert line.replace("─", "") == signs
    assert (low, high) == ends


def test_the_axis_is_true_to_scale():
    _, line, _ = axis(replace(PUZZLE, suggested=0.1, limit=1.0, lr=10.0)).split()
    suggested, limit, given = (line.index(sign) for sign in "◆┃●")
    assert abs((given - limit) - (limit - suggested)) <= 1


@pytest.mark.parametrize("lr", [0.0, -0.1, float("inf"), float("nan")])
def test_there_is_no_axis_where_a_number_has_no_place_on_it(lr):
    assert axis(replace(PUZZLE, lr=lr)) == ""


def test_a_summary_counts_updates_and_leaves_out_what_a_watch_does_not_count():
    lines = summary_table([STEP_WRONG, WARNED]).to_text(120).split("\n")
    assert lines[0] == "✗ 2 checks: 1 failed, 1 passed"
    [step_line] = [line for line in lines if "Net.train_step" in line]
    assert step_line.split()[2:5] == ["0", "4", "1"]
    [watch_line] = [line for line in lines if "conv" in line]
    assert watch_line.split()[:5] == ["!", "conv", "–", "–", "–"]
    assert "GC320 5 of 16 kernels" in watch_line


def test_an_empty_report_of_each_kind_is_shown():
    for kind in ("watch", "step", "learning rate"):
        report = Report("f", kind, "", "", 0, ())
        assert not report.ok
        assert "✓" not in to_text(report)
        assert to_html(report)
