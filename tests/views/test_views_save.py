from pathlib import Path

import pytest
from views_reports import NETWORK, ONE_WRONG

from gradcheck import load_report
from gradcheck.errors import GradcheckError
from gradcheck.views.html_page import to_page


def test_the_ending_says_how_a_report_is_saved(tmp_path):
    assert load_report(NETWORK.save(tmp_path / "report.json")) == NETWORK
    assert NETWORK.save(str(tmp_path / "report.html")).read_text(encoding="utf-8") == to_page(NETWORK)
    assert ONE_WRONG.save(tmp_path / "REPORT.TXT").read_text(encoding="utf-8") == f"{ONE_WRONG}\n"


@pytest.mark.parametrize("name", ["report", "report.pdf", "report.html.gz", ""])
def test_another_ending_is_refused_with_those_that_there_are(name, tmp_path):
    with pytest.raises(GradcheckError, match=r"path: .* should end in \.html .*, \.json .* or \.txt"):
        NETWORK.save(tmp_path / name if name else "")


@pytest.mark.parametrize("path", [3, b"report.txt", None])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(GradcheckError, match="path: it must be a string or a path"):
        NETWORK.save(path)


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(GradcheckError, match="cannot be written: No such file or directory"):
        NETWORK.save(Path(tmp_path, "nowhere", "report.txt"))
