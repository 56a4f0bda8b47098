import json

import pytest
from views_reports import ALL_RIGHT, NETWORK, NOT_FINITE, ONE_WRONG
from views_trainings import BORN, DIVERGES

from gradcheck import load_report, load_reports
from gradcheck.errors import GradcheckError
from gradcheck.views.document import Source, dumps_all, load_sources, loads_all
from gradcheck.views.json import dumps

SOURCES = [
    Source("a.py", (NETWORK, NOT_FINITE)),
    Source("b.py", (BORN, DIVERGES), "exited with status 3"),
    Source("tests/test_a.py::test_b", (ALL_RIGHT,)),
    Source("empty.py", (), "checked nothing"),
]


def test_the_reports_of_a_run_come_back_as_they_were():
    assert repr(loads_all(dumps_all(SOURCES))) == repr(SOURCES)


def test_a_file_is_loaded_with_or_without_the_names(tmp_path):
    file = tmp_path / "run.json"
    file.write_text(dumps_all(SOURCES), encoding="utf-8")
    assert [report.subject for report in load_reports(file)] == [r.subject for s in SOURCES for r in s.reports]
    assert [source.name for source in load_sources(str(file))] == [source.name for source in SOURCES]


def test_a_single_report_is_a_run_of_one():
    assert loads_all(dumps(ONE_WRONG)) == [Source("", (ONE_WRONG,))]
    assert load_reports(dumps(ONE_WRONG)) == [ONE_WRONG]


def test_a_run_is_no_single_report():
    with pytest.raises(GradcheckError, match=r"the reports of a whole run, not one: use gradcheck\.load_reports"):
        load_report(dumps_all(SOURCES))


def test_whether_all_is_right_stands_at_the_top():
    assert json.loads(dumps_all(SOURCES))["ok"] is False
    assert json.loads(dumps_all([Source("a.py", (ALL_RIGHT,))]))["ok"] is True
    assert json.loads(dumps_all([Source("a.py")]))["ok"] is False


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", 'a JSON object with "gradcheck_report" was expected'),
        ('{"gradcheck_reports": 2}', "written by a newer gradcheck"),
        ('{"gradcheck_reports": 1}', "sources should be a list, not None"),
        ('{"gradcheck_reports": 1, "sources": [3]}', r"sources\[0\] should be an object, not 3"),
        ('{"gradcheck_reports": 1, "sources": [{"reports": {}}]}', r"sources\[0\].reports should be a list, not {}"),
        (
            '{"gradcheck_reports": 1, "sources": [{"reports": [{}]}]}',
            r"sources\[0\].reports\[0\].subject is missing",
        ),
    ],
)
def test_what_holds_no_reports_is_refused_with_a_reason(text, message):
    with pytest.raises(GradcheckError, match=message):
        loads_all(text)
