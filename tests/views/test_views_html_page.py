import re

import pytest
from views_reports import ALL_RIGHT, NETWORK, ONE_WRONG, REPORTS
from views_trainings import TRAININGS

from gradcheck.report import Report
from gradcheck.views.document import Source
from gradcheck.views.headline import headline
from gradcheck.views.html_page import to_page, to_page_of_all

ALL = REPORTS | TRAININGS


@pytest.mark.parametrize("name", ALL)
def test_a_page_stands_alone_and_runs_nothing(name):
    page = to_page(ALL[name])
    assert page.startswith("<!doctype html>")
    assert "prefers-color-scheme: dark" in page
    assert not re.search(r"<(script|link|iframe|object)|@import| on[a-z]+=|(src|href)=\"(?!data:|#)|url[(]", page)


def test_the_page_of_a_run_lists_every_report_and_links_to_it():
    page = to_page_of_all([Source("a.py", (NETWORK, ALL_RIGHT)), Source("b.py", (ONE_WRONG,)), Source("c.py")])
    anchors = re.findall(r'href="#([^"]+)"', page)
    assert len(anchors) == 3
    assert all(f'id="{anchor}"' in page for anchor in anchors)
    assert "<title>✗ 3 checks: 2 failed</title>" in page
    for report in (NETWORK, ALL_RIGHT, ONE_WRONG):
        assert headline(report)[1:] in page
    assert page.count("<style>") == 1


def test_a_script_that_went_wrong_is_told():
    page = to_page_of_all([Source("a.py", (ALL_RIGHT,)), Source("b.py", (), "ended in ValueError")])
    assert "<title>✗ 1 check: all right; 1 script went wrong</title>" in page
    assert "! b.py ended in ValueError" in page


def test_names_of_scripts_and_checks_are_text():
    page = to_page_of_all([Source("<b>.py", (Report("<i>", "layer", "", "", 0, ()),), "<u>")])
    assert not re.search("<(b|i|u)>", page)
