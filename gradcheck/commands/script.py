"""Running a file as ``python FILE`` would, inside this process, and tidying up behind it."""

from __future__ import annotations

import os
import runpy
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["run_script"]


def run_script(path: Path) -> None:
    """Run a script under the name ``__main__``; wait for its threads. What it raises is passed on.

    Imported libraries stay loaded for the next script; modules that lie beside the script do not, because
    the next one may have others of the same names.
    """
    path = path.absolute()
    with _as_python_would(path):
        before = set(threading.enumerate())
        try:
            runpy.run_path(str(path), run_name="__main__")
        finally:
            for thread in set(threading.enumerate()) - before:
                if not thread.daemon:
                    thread.join()


@contextmanager
def _as_python_would(path: Path) -> Iterator[None]:
    argv, search, folder, modules = sys.argv[:], sys.path[:], Path.cwd(), set(sys.modules)
    sys.argv[:] = [str(path)]
    # Started as a console script, sys.path[0] is the folder of that script; started with -m, the current folder.
    sys.path[:1] = [str(path.parent)]
    try:
        with warnings.catch_warnings():
            yield
    finally:
        folders = {path.parent, *(Path(entry).absolute() for entry in sys.path if entry not in search)}
        sys.argv[:], sys.path[:] = argv, search
        os.chdir(folder)
        packages = {name.partition(".")[0] for name in set(sys.modules) - modules} - modules
        own = {package for package in packages if _folder(package) in folders}
        for name in [name for name in sys.modules if name.partition(".")[0] in own]:
            del sys.modules[name]


def _folder(module: str) -> Path | None:
    """Where an import of this name was found; None for what is built in."""
    spec = getattr(sys.modules.get(module), "__spec__", None)
    if spec is None:
        return None
    # A package without __init__.py has no origin, only the folders that it consists of.
    places = list(spec.submodule_search_locations or ()) or [spec.origin or ""]
    return Path(places[0]).absolute().parent
