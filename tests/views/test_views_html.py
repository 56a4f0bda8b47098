import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from views_reports import BIG_NETWORK, NETWORK, NOT_DIFFERENTIATED, ONE_WRONG, REPORTS, UNICODE
from views_strategies import REPORTS as ANY_REPORT
from views_strategies import UNHURRIED

from gradcheck.views.headline import headline
from gradcheck.views.html import DARK, LIGHT, to_html

OURS = {"div", "style", "h4", "span", "table", "thead", "tbody", "tr", "th", "td", "dl", "dt", "dd", "pre", "code"}
OURS |= {"strong", "br", "details", "summary"}
OURS |= {"figure", "figcaption", "img", "svg", "path", "rect", "circle", "line", "g", "text", "title"}
ATTRIBUTES = {"class", "colspan", "scope", "aria-label", "aria-hidden", "role", "tabindex", "open", "src", "alt"}
ATTRIBUTES |= {
    "width",
    "height",
    "viewbox",
    "d",
    "x",
    "y",
    "transform",
    "text-anchor",
    "cx",
    "cy",
    "r",
    "fill",
    "fill-opacity",
}
ATTRIBUTES |= {"stroke", "stroke-dasharray", "font-weight"}


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
        if tag not in ("br", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in OURS
        self.attributes |= {name for name, _ in attrs}

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
    assert page.attributes <= ATTRIBUTES


@given(ANY_REPORT)
@UNHURRIED
def test_no_text_of_the_user_becomes_markup(report):
    assert Balance(to_html(report)).attributes <= ATTRIBUTES


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
    assert '<th scope="row" class="strong">dw</th>' in text
    assert '<dt class="undecided">warning</dt>' in to_html(NETWORK)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(("colours", "backgrounds"), [(LIGHT, ("#ffffff", "#f5f5f5")), (DARK, ("#111111", "#1e1e1e"))])
def test_every_accent_has_the_contrast_that_small_text_needs(colours, backgrounds):
    for colour in re.findall("#[0-9a-f]{6}", colours):
        for background in backgrounds:
            low, high = sorted((luminance(colour), luminance(background)))
            assert (high + 0.05) / (low + 0.05) >= 4.5


@pytest.mark.parametrize("name", REPORTS)
def test_every_heading_of_a_table_has_a_scope_and_a_text(name):
    for attributes, text in re.findall(r"<th( [^>]*)?>(.*?)</th>", to_html(REPORTS[name])):
        assert "scope=" in attributes
        assert text


def test_a_dash_is_no_alarm():
    nothing = replace(ONE_WRONG.gradients[1], relative_error=None, probe=None, worst=())
    text = to_html(replace(ONE_WRONG, gradients=(ONE_WRONG.gradients[0], nothing), findings=()))
    assert 'wrong">–' not in text
