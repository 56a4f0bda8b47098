"""README as a program: its commands are printed for the shell, its examples are run and compared.

Fenced blocks are marked by a comment on the line above:

    <!-- command: NAME -->    one shell command; "readme.py command NAME" prints it
    <!-- runnable: NAME -->   Python; blocks of one name make one script, NAME.py
    <!-- output: NAME -->     what that script prints; "..." stands for anything
    <!-- console -->          "$ command" lines, each followed by what it prints

"readme.py examples" runs and compares them; "readme.py update" writes what they print now in place of what is shown,
to be read before it is committed.
"""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# What may differ: rounding errors and the error bars of differences, whose size depends on how a machine orders its
# sums, and with them how many evaluations it takes.
MAY_DIFFER = re.compile(r"± \S+|\b\d(?:\.\d)?e-1\d\b|\d+ (?=forwards?|backwards?|traced)")
BLOCK = re.compile(r"^<!-- (command|runnable|output|console)(?:: (\S+))? -->\n```\w*\n(.*?)^```$", re.M | re.S)


def blocks(kind: str) -> Iterator[tuple[str, str]]:
    """Name and text of the blocks of one kind, those of one name joined."""
    texts: dict[str, str] = {}
    for number, (found, name, text) in enumerate(BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))):
        if found == kind:
            key = name or str(number)
            texts[key] = texts.get(key, "") + text
    yield from texts.items()


def run(command: list[str] | str, folder: str | Path) -> str:
    """Standard output of a command; ends this program when the command fails."""
    done = subprocess.run(
        command, shell=isinstance(command, str), cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"README: {command} ended with status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def compare(what: str, expected: str, printed: str) -> None:
    """End this program when something else was printed than README shows."""
    expected, printed = (re.sub(r"[ \t]+$", "", text, flags=re.M).strip("\n") + "\n" for text in (expected, printed))
    told = [MAY_DIFFER.sub("~", text) for text in (expected, printed)]
    if not doctest.OutputChecker().check_output(*told, doctest.ELLIPSIS):
        sys.exit(
            f"README: {what} prints something else than README shows.\n--- README\n{expected}--- printed\n{printed}"
        )
    print(f"README: {what}: as shown")


def examples() -> None:
    """Run every example."""
    outputs = dict(blocks("output"))
    with tempfile.TemporaryDirectory() as folder:
        for name, source in blocks("runnable"):
            (Path(folder) / f"{name}.py").write_text(source, encoding="utf-8")
            printed = run([sys.executable, f"{name}.py"], folder)
            if name in outputs:
                compare(f"{name}.py", outputs.pop(name), printed)
            else:
                print(f"README: {name}.py: runs")
        if outputs:
            sys.exit(f"README: output without a script: {', '.join(outputs)}")
        for _, session in blocks("console"):
            for part in re.split(r"^\$ ", session, flags=re.M)[1:]:
                command, _, expected = part.partition("\n")
                compare(command, expected, run(command, ROOT))


def update() -> None:
    """Show what the examples print now; reports between "..." are found by their first lines."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = dict(blocks("output"))
    with tempfile.TemporaryDirectory() as folder:
        for name, source in blocks("runnable"):
            (Path(folder) / f"{name}.py").write_text(source, encoding="utf-8")
            if name in shown:
                text = text.replace(shown[name], run([sys.executable, f"{name}.py"], folder).rstrip("\n") + "\n")
    for _, session in blocks("console"):
        for part in re.split(r"^\$ ", session, flags=re.M)[1:]:
            command, _, expected = part.partition("\n")
            printed = run(command, ROOT)
            if "..." not in expected.splitlines():
                text = text.replace(part, f"{command}\n{printed.rstrip()}\n")
                continue
            for piece in re.split(r"^\.\.\.$\n?", expected, flags=re.M):
                if piece.strip():
                    text = text.replace(piece, _from_line(piece.splitlines()[0], printed))
    (ROOT / "README.md").write_text(text, encoding="utf-8")


def _from_line(first: str, printed: str) -> str:
    """A line of what was printed and all that is indented below it."""
    lines = printed.splitlines()
    start = lines.index(first)
    end = next((i for i in range(start + 1, len(lines)) if lines[i][:1].strip()), len(lines))
    return "\n".join(lines[start:end]).rstrip() + "\n"


def command(name: str) -> None:
    """Print a command."""
    found = dict(blocks("command"))
    if name not in found:
        sys.exit(f"README has no command {name!r}")
    print(found[name].strip())


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["examples"]:
            examples()
        case ["update"]:
            update()
        case ["command", name]:
            command(name)
        case _:
            sys.exit(__doc__)
