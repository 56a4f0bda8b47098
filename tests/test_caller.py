"""Where a check was called, and the line that makes it again."""

import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from gradcheck.caller import calling_place, line_to_reproduce, versions
from gradcheck.report import Where


def place(source):
    return Where("script.py", 3, "<module>", source)


def test_the_place_is_the_callers_own_call():
    # called from outside of the package, the caller is this very line
    where = calling_place()
    assert where.file == __file__
    assert where.function == "test_the_place_is_the_callers_own_call"
    assert where.source == "calling_place()"


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


def test_what_python_itself_calls_has_no_statement():
    with ThreadPoolExecutor(1) as pool:
        where = pool.submit(calling_place).result()
    assert where.function == "run"
    assert line_to_reproduce(where, 7) == ""


def test_the_place_in_a_notebook_is_its_cell(monkeypatch):
    compiler = SimpleNamespace(
        format_code_name=lambda file: ("Cell", "In[3]") if file == "/tmp/ipykernel_1/2.py" else None
    )
    shell = SimpleNamespace(compile=compiler)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    names = {"calling_place": calling_place}
    exec(compile("where = calling_place()", "/tmp/ipykernel_1/2.py", "exec"), names)
    assert names["where"].file == "Cell In[3]"
    assert calling_place().file == __file__


def test_of_several_calls_in_a_line_it_is_the_one_that_runs():
    first, second = ("‖", calling_place()), calling_place(
    )  # fmt: skip
    assert first[1].source == "calling_place()"
    assert second.source.split() == ["calling_place(", ")"]
