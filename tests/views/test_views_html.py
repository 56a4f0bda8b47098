from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from views_reports import BIG_NETWORK, NETWORK, NOT_DIFFERENTIATED, ONE_WRONG, REPORTS, UNICODE
from views_strategies import REPORTS as ANY_REPORT
from views_strategies import UNHURRIED

from gradcheck.views.headline import headline
from gradcheck.views.html import to_html

OURS = {"div", "style", "h4", "span", "table", "thead", "tbody", "tr", "th", "td", "dl", "dt", "dd", "pre", "code"}
OURS |= {"strong", "br", "details", "summary"}


class Balance(HTMLParser):
    """Fails on a tag that is not ours or is not closed in turn; keeps the text and the widths of the rows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.attributes: set[str] = set()
        self.rows: list[int] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        assert tag in OURS
        self.attributes |= {name for name, _ in attrs}
        if tag == "table":
            self.rows = []
        if tag == "tr":
            self.rows.append(0)
        if tag in ("td", "th"):
            self.rows[-1] += int(dict(attrs).get("colspan", 1))
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag == "table":
            assert len(set(self.rows)) == 1

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_is_a_closed_fragment_that_opens_with_the_headline(name):
    page = Balance(to_html(REPORTS[name]))
    assert headline(REPORTS[name]) in page.text
    assert page.attributes <= {"class", "colspan"}


@given(ANY_REPORT)
@UNHURRIED
def test_no_text_of_the_user_becomes_markup(report):
    assert Balance(to_html(report)).attributes <= {"class", "colspan"}


def test_the_texts_of_a_report_are_on_the_page():
    text = Balance(to_html(NETWORK)).text
    for phrase in (
        "GC231",
        "net.py:6 in Act.relu",
        "return np.maximum(0.001, x)",
        "0.4127 ± 4e-10",
        "inherits it",
        "dW1[3, 1]",
    ):
        assert phrase in text  # fmt: skip


def test_control_characters_are_visible():
    html = to_html(UNICODE)
    assert r"\x1b[31m" in html
    assert r"\u202e" in html
    assert "\x1b" not in html


def test_markup_in_names_is_text():
    html = to_html(NOT_DIFFERENTIATED.__class__("<script>alert(1)</script>", "layer", "&", "", 0, ()))
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_a_long_run_of_right_gradients_is_counted():
    assert "47 more are right" in to_html(BIG_NETWORK)


def test_labels_and_names_stand_out_as_on_a_terminal():
    text = to_html(ONE_WRONG)
    assert '<dt class="wrong">cause</dt>' in text
    assert '<dt class="strong">help</dt>' in text
    assert "<dt>evidence</dt>" in text
    assert '<td class="strong">dw</td>' in text
    assert '<dt class="undecided">warning</dt>' in to_html(NETWORK)


def test_a_dash_is_no_alarm():
    nothing = replace(ONE_WRONG.gradients[1], relative_error=None, probe=None, worst=())
    text = to_html(replace(ONE_WRONG, gradients=(ONE_WRONG.gradients[0], nothing), findings=()))
    assert 'wrong">–' not in text
