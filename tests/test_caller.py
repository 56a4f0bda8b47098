"""Where a check was called, and the line that makes it again."""

import pytest

from gradcheck.caller import calling_place, line_to_reproduce, versions
from gradcheck.report import Where


def place(source):
    return Where("script.py", 3, "<module>", source)


def test_the_place_is_the_callers_own_statement():
    # called from outside of the package, the caller is this very line
    where = calling_place()
    assert where.file == __file__
    assert where.function == "test_the_place_is_the_callers_own_statement"
    assert where.source == "where = calling_place()"


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("check_layer(f, b, x)", "check_layer(f, b, x, seed=7)"),
        ("report = gradcheck.check_layer(f, b, x)", "gradcheck.check_layer(f, b, x, seed=7)"),
        ("assert check_layer(f, b, x, seed=3).ok", "assert check_layer(f, b, x, seed=3).ok"),
        ("print(check_network(\n    net,\n    loss=g,\n))", "check_network(net, loss=g, seed=7)"),
        ("", ""),
        ("helper(x)", "helper(x)"),
        ("with check_layer(f, b, x", "with check_layer(f, b, x"),
    ],
)
def test_the_line_to_reproduce_has_the_seed(source, line):
    assert line_to_reproduce(place(source), 7) == line


def test_no_seed_is_added_where_there_is_none():
    assert line_to_reproduce(place("compare(a,  b)"), None) == "compare(a,  b)"


def test_versions():
    assert [name for name, _ in versions()] == ["gradcheck", "torch", "numpy"]
