import json as standard
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from views_reports import ALL_RIGHT, NETWORK, NOT_FINITE, ONE_WRONG, REPORTS
from views_strategies import REPORTS as ANY_REPORT
from views_strategies import UNHURRIED

from gradcheck.errors import GradcheckError
from gradcheck.views.json import dumps, load_report, loads


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def drawn(picture):
    """The numbers, which are no part of a picture's repr."""
    return picture and (picture.yours, picture.true, picture.difference)


@given(ANY_REPORT)
@UNHURRIED
def test_any_report_comes_back_as_it_was(report):
    back = loads(dumps(report))
    # repr and not ==, for NaN is not equal to itself and the seconds take no part in ==.
    assert repr(back) == repr(report)
    assert repr([drawn(g.picture) for g in back.gradients]) == repr([drawn(g.picture) for g in report.gradients])


@pytest.mark.parametrize("name", REPORTS)
def test_strict_readers_can_read_it(name):
    document = standard.loads(dumps(REPORTS[name]), parse_constant=refuse)
    assert document["gradcheck_report"] == 1
    assert document["ok"] is REPORTS[name].ok
    assert document["subject"] == REPORTS[name].subject


def test_what_is_not_finite_is_a_word():
    worst = standard.loads(dumps(NOT_FINITE))["gradients"][0]["worst"]
    assert (worst[0]["yours"], worst[1]["yours"], worst[1]["numeric_error"]) == ("nan", "-inf", "inf")


def test_a_text_that_reads_nan_stays_a_text():
    assert loads(dumps(replace(ALL_RIGHT, subject="nan", notes=("inf",)))).subject == "nan"


def test_numpy_scalars_become_plain_numbers():
    gradient = replace(
        ONE_WRONG.gradients[1], norm_yours=np.float32(0.5), shape=(np.int64(6), np.int64(3)), kinks=np.int32(2)
    )
    back = loads(dumps(replace(ONE_WRONG, gradients=(gradient,)))).gradients[0]
    assert (back.norm_yours, back.shape, back.kinks) == (0.5, (6, 3), 2)
    assert type(back.norm_yours) is float
    assert type(back.shape[0]) is int


def changed(path: str, value: object) -> str:
    document = standard.loads(dumps(NETWORK))
    *way, last = (int(key) if key.isdigit() else key for key in path.split("."))
    place = document
    for key in way:
        place = place[key]
    place[last] = value
    return standard.dumps(document)


def without(key: str) -> str:
    document = standard.loads(dumps(NETWORK))
    del document[key]
    return standard.dumps(document)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not the JSON of a gradcheck report"),
        ("✗ f: wrong", "not the JSON of a gradcheck report"),
        ("[" * 100_000, "not the JSON of a gradcheck report"),
        ("[]", 'a JSON object with "gradcheck_report" was expected'),
        ('{"subject": "f"}', 'a JSON object with "gradcheck_report" was expected'),
        (changed("gradcheck_report", 2), "written by a newer gradcheck .format 2; this one reads up to 1.: upgrade"),
        (changed("gradcheck_report", "1"), "is '1', not a version number"),
        (changed("gradcheck_report", True), "is True, not a version number"),
        (changed("seed", "zero"), "report.seed should be a whole number, not 'zero'"),
        (changed("seed", True), "report.seed should be a whole number, not True"),
        (changed("subject", None), "report.subject should be text, not None"),
        (
            changed("kind", "graph"),
            "report.kind should be one of 'layer', 'network', ",
        ),
        (changed("kind", []), r"report.kind should be one of .*, not \[\]"),
        (changed("gradients", {}), "report.gradients should be a list, not {}"),
        (changed("gradients.1", "dw"), r"report.gradients\[1\] should be an object, not 'dw'"),
        (changed("gradients.0.shape.1", 2.5), r"report.gradients\[0\].shape\[1\] should be a whole number, not 2.5"),
        (changed("gradients.0.limit", "infinite"), r"report.gradients\[0\].limit should be a number, not 'infinite'"),
        (changed("gradients.0.limit", [1]), r"report.gradients\[0\].limit should be a number, not \[1\]"),
        (changed("gradients.0.limit", 10**400), r"report.gradients\[0\].limit should be a number, not 1000"),
        (changed("evaluations.0", ["forwards"]), r"report.evaluations\[0\] should be a list of 2, not \['forwards'\]"),
        (without("gradients"), "report.gradients is missing"),
    ],
)
def test_what_is_not_a_report_is_refused_with_a_reason(text, message):
    with pytest.raises(GradcheckError, match=message):
        loads(text)


def test_fields_of_a_later_gradcheck_are_passed_over_and_missing_ones_have_their_defaults():
    assert loads(changed("colour", "red")) == NETWORK
    assert loads(without("notes")) == replace(NETWORK, notes=())


def test_a_report_is_loaded_from_its_text_or_its_file(tmp_path):
    file = tmp_path / "report.json"
    file.write_text(dumps(NETWORK), encoding="utf-8")
    assert load_report(file) == load_report(str(file)) == load_report(dumps(NETWORK)) == NETWORK


@pytest.mark.parametrize("source", ["nowhere.json", Path("nowhere.json"), "nonsense\0", "x" * 5000])
def test_what_is_neither_text_nor_file_is_refused(source):
    with pytest.raises(GradcheckError, match="neither the JSON of a report nor a file with one"):
        load_report(source)


@pytest.mark.parametrize("source", ["", " \n"])
def test_an_empty_text_is_refused_as_such(source):
    with pytest.raises(GradcheckError) as caught:
        load_report(source)
    assert str(caught.value) == (
        "source: it is empty; give the JSON text of a report, or the name of the file that holds it"
    )


def test_a_folder_is_refused_as_such(tmp_path):
    with pytest.raises(GradcheckError, match="is a folder; give the name of the file that holds the report"):
        load_report(tmp_path)


def test_a_binary_file_is_refused(tmp_path):
    file = tmp_path / "weights.npz"
    file.write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(GradcheckError, match="neither the JSON of a report nor a file with one"):
        load_report(file)
