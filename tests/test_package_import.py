"""What ``import gradcheck`` costs and gives."""

import subprocess
import sys
from importlib.metadata import entry_points, files, metadata
from pathlib import Path

import pytest

import gradcheck


def modules_after(code):
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    return set(
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    )


@pytest.mark.parametrize(
    "code",
    [
        "import gradcheck",
        "import gradcheck; gradcheck.raising, gradcheck.Report, gradcheck.GradientMismatch, gradcheck.__version__",
        "import gradcheck.cli; gradcheck.cli.main(['--version'])",
        "import sys, gradcheck.outcome, gradcheck.errors, gradcheck.report, gradcheck.tracebacks",
    ],
)
def test_importing_loads_no_library(code):
    assert not modules_after(code) & {"numpy", "torch", "rich", "pytest"}


def test_loading_the_plugin_loads_no_library_but_pytest():
    assert not modules_after("import gradcheck.pytest_plugin") & {"numpy", "torch", "rich"}


@pytest.mark.parametrize("name", gradcheck.__all__)
def test_every_public_name_is_there_and_documented(name):
    value = getattr(gradcheck, name)
    assert name == "__version__" or value.__doc__
    assert name in dir(gradcheck)


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="module 'gradcheck' has no attribute 'check_layers'"):
        gradcheck.check_layers  # noqa: B018 (looking it up is the test)


def test_star_import_gives_the_public_names():
    names = {}
    exec("from gradcheck import *", names)
    assert set(gradcheck.__all__) <= set(names)


def test_the_installed_package_offers_its_plugin_command_and_types():
    plugins = {point.name: point.value for point in entry_points(group="pytest11")}
    commands = {point.name: point.value for point in entry_points(group="console_scripts")}
    assert plugins["gradcheck"] == "gradcheck.pytest_plugin"
    assert commands["gradcheck"] == "gradcheck.cli:main"
    assert (Path(gradcheck.__file__).parent / "py.typed").is_file()
    assert metadata("gradcheck")["Requires-Python"] == ">=3.11"
    assert files("gradcheck")
