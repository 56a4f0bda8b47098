"""The house stands: imports go down, rooms on a floor do not reach into one another, files stay small."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[1] / "gradcheck"
LONGEST = 350

# Rooms (files or folders directly in gradcheck/) by floor. Enter a new one once it is clear where it stands.
FLOORS = {
    5: {"__init__", "__main__", "callbacks", "cli", "commands", "marker", "pytest_plugin"},
    4: {
        "check",
        "learning_rate",
        "module",
        "network",
        "pieces",
        "recorded",
        "step",
        "strategies",
        "torch_check",
        "watching",
    },
    3: {"applied", "causes", "descent", "diagnosis", "examine", "functions", "pictured", "recordings", "sweep"},
    2: {"health", "layers", "options", "witnesses"},
    1: {"difference", "outcome", "sampled", "state", "trace", "views", "yardstick"},
    0: {
        "allocation",
        "caller",
        "configurations",
        "enumerated",
        "errors",
        "explanations",
        "picture",
        "power",
        "report",
        "tracebacks",
        "updates",
        "watched",
        "where",
    },
}
FLOOR = {room: floor for floor, rooms in FLOORS.items() for room in rooms}

# Imports of another room on the same floor, with the reason.
SIDEWAYS = {
    ("__main__", "cli"): "the same command",
    ("cli", "__init__"): "the version",
    ("cli", "commands"): "the command line calls them",
    ("pytest_plugin", "marker"): "a marker of the plugin's",
    ("check", "torch_check"): "check_layer is one name for NumPy and for torch",
    ("recorded", "check"): "a report is put together in one place",
    ("network", "check"): "a report is put together in one place",
    ("examine", "diagnosis"): "the engine asks the diagnoses",
    ("functions", "diagnosis"): "a Function's contract is asked at the point where its gradients were judged",
    ("functions", "examine"): "a double backward is examined as a backward is",
    ("recordings", "examine"): "what rounding allows is told on the rows of an examination",
    ("applied", "functions"): "a call in a model is checked as a Function by itself",
    ("applied", "pictured"): "wrong gradients get their pictures call by call",
    ("examine", "causes"): "and why what is wrong is wrong",
    ("causes", "diagnosis"): "a search starts from the evidence of a check",
    ("descent", "causes"): "a wrong update is told apart as a wrong gradient is",
    ("witnesses", "layers"): "a witness evaluates the problem that a calling style became",
    ("yardstick", "difference"): "a yardstick is a difference",
    ("caller", "report"): "both are plain data on the ground floor",
    ("tracebacks", "errors"): "the exceptions that are raised on purpose",
    ("errors", "report"): "a mismatch carries its report",
    ("report", "errors"): "a report raises its mismatch",
    ("report", "configurations"): "a report's parts",
    ("configurations", "picture"): "a report's parts",
    ("report", "picture"): "a report's parts",
    ("report", "power"): "a report's parts",
    ("report", "updates"): "a report's parts",
    ("report", "watched"): "a report's parts",
    ("report", "where"): "a report's parts",
    ("watched", "where"): "a report's parts",
}

# Imports upwards, inside functions only, with the reason.
LAZY = {
    ("report", "views"): "a report prints itself; the views are loaded when it does",
    ("caller", "__init__"): "the version that a report names",
}


def files() -> list[Path]:
    return sorted(HOUSE.rglob("*.py"))


def room(module: str) -> str:
    """The room of a dotted name below the package; names that the package itself offers belong to ``__init__``."""
    first = module.split(".")[1] if "." in module else "__init__"
    there = (HOUSE / first).is_dir() or (HOUSE / f"{first}.py").is_file()
    return first if there else "__init__"


def imports(path: Path) -> Iterator[tuple[str, int, bool]]:
    """What a file imports of the house, anywhere in it: the room, the line, and whether a function does it."""
    package = path.relative_to(HOUSE.parent).parent.parts
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lazy = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parents = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (parents, node.module) if part)
            names = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] == "gradcheck":
                yield room(name), node.lineno, node in lazy


def test_every_room_stands_on_a_floor():
    rooms = {path.relative_to(HOUSE).parts[0].removesuffix(".py") for path in files()}
    assert rooms <= set(FLOOR), "enter new rooms in FLOORS"


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(HOUSE)))
def test_imports_go_down(path):
    own = path.relative_to(HOUSE).parts[0].removesuffix(".py")
    wrong = []
    for other, line, lazy in imports(path):
        pair = (own, other)
        below = FLOOR[other] < FLOOR[own]
        beside = FLOOR[other] == FLOOR[own] and pair in SIDEWAYS
        if not (own == other or below or beside or (lazy and pair in LAZY)):
            wrong.append(f"line {line}: {own} (floor {FLOOR[own]}) imports {other} (floor {FLOOR[other]})")
    assert not wrong


def test_every_exception_is_still_needed():
    used = {
        (path.relative_to(HOUSE).parts[0].removesuffix(".py"), other) for path in files() for other, *_ in imports(path)
    }
    assert not {*SIDEWAYS, *LAZY} - used


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(HOUSE)))
def test_no_file_is_long(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST
