import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from test_views_console import as_golden
from views_reports import ALL_RIGHT, NOTHING, ONE_WRONG, REPORTS, UNDECIDED
from views_strategies import REPORTS as ANY_REPORT
from views_strategies import UNHURRIED

from gradcheck.report import Finding
from gradcheck.views.summary import summary_table

SEVERAL = [replace(report, seconds=0.25 * n) for n, report in enumerate(REPORTS.values())]


@pytest.mark.parametrize("width", [80, 120])
def test_summary_reads_as_the_golden_file(width):
    as_golden(summary_table(SEVERAL).to_text(width), f"summary.{width}.txt")


@pytest.mark.parametrize(
    ("reports", "first"),
    [
        ([], "✗ no check was made"),
        ([ALL_RIGHT], "✓ 1 check: 1 passed"),
        ([ALL_RIGHT, UNDECIDED], "? 2 checks: 1 undecided, 1 passed"),
        ([ALL_RIGHT, UNDECIDED, NOTHING], "✗ 3 checks: 1 failed, 1 undecided, 1 passed"),
    ],
)
def test_the_first_line_counts(reports, first):
    assert str(summary_table(reports)).split("\n")[0] == first


def test_a_failure_without_findings_still_says_what_it_is():
    assert "nothing was compared" in str(summary_table([NOTHING]))


def test_rich_and_str_say_the_same_and_colour_adds_nothing():
    file = io.StringIO()
    Console(file=file, width=100).print(summary_table(SEVERAL))
    assert file.getvalue() == str(summary_table(SEVERAL)) + "\n"
    assert "\x1b[" not in str(summary_table(SEVERAL))
    assert "\x1b[" in summary_table(SEVERAL).to_text(100, color=True)


def test_a_terminal_without_unicode_shows_it_too():
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii") as file:
        Console(file=file, width=80).print(summary_table(SEVERAL))
        file.flush()
        assert raw.getvalue().startswith(b"x 13 checks: 10 failed")


@given(st.lists(ANY_REPORT, max_size=3), st.integers(50, 140))
@UNHURRIED
def test_any_reports_stay_on_the_page(reports, width):
    lines = summary_table(reports).to_text(width).split("\n")
    assert all(cell_len(line) <= width for line in lines)


def test_titles_tell_once_where_reports_come_from():
    text = summary_table([ALL_RIGHT, UNDECIDED, ALL_RIGHT], ["a.py", "a.py", "b.py"]).to_text(80)
    lines = [line.strip() for line in text.split("\n")]
    assert lines.count("a.py") == lines.count("b.py") == 1
    assert lines.index("a.py") < lines.index("b.py")
    assert lines[lines.index("b.py") + 1].startswith("✓")


def test_trouble_beside_the_checks_is_in_the_first_line():
    table = summary_table([ALL_RIGHT], trouble="1 script went wrong")
    assert str(table).startswith("✗ 1 check: 1 passed; 1 script went wrong")


def test_a_remark_does_not_take_the_place_of_what_is_wrong():
    remark = Finding("GC117", "info", "dx is right at these inputs only", gradient="dx")
    text = str(summary_table([replace(ONE_WRONG, findings=(remark,)), replace(ALL_RIGHT, findings=(remark,))]))
    assert "GC117" not in text
    assert "1 of 3 gradients is wrong (dw)" in text
    scaled = replace(remark, code="GC201", gradient="dw", title="dw is 1.17 times the true gradient")
    assert "GC201 dw is 1.17 times" in str(summary_table([replace(ONE_WRONG, findings=(scaled,))]))
