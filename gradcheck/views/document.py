"""The reports of a whole run as one JSON document, told by the script or the test that they come from."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass

from gradcheck.errors import GradcheckError
from gradcheck.report import Report
from gradcheck.views.json import MANY_KEY, VERSION, VERSION_KEY, decoded, encoded, parsed, read

__all__ = ["Source", "dumps_all", "load_reports", "load_sources", "loads_all"]


@dataclass(frozen=True, slots=True)
class Source:
    """A script or a test and its reports, in the order in which they finished.

    ``trouble`` says in a few words why a script could not be judged by them; a report saved alone has no ``name``.
    """

    name: str
    reports: tuple[Report, ...] = ()
    trouble: str = ""

    @property
    def ok(self) -> bool:
        """Whether something was checked, and all of it is right."""
        return bool(self.reports) and not self.trouble and all(report.ok for report in self.reports)


def dumps_all(sources: Sequence[Source]) -> str:
    """All reports as JSON text; each of them reads there as :meth:`Report.to_json` writes it."""
    document = {
        MANY_KEY: VERSION,
        "ok": all(source.ok for source in sources),
        "sources": [
            {"name": source.name, "trouble": source.trouble, "reports": [encoded(report) for report in source.reports]}
            for source in sources
        ],
    }
    return json.dumps(document, indent=1, allow_nan=False)


def loads_all(text: str) -> list[Source]:
    """What :func:`dumps_all` wrote; a single report is a list of one.

    Raises:
        GradcheckError: the text holds no reports, or those of a newer version.
    """
    document = parsed(text, VERSION_KEY, MANY_KEY)
    if VERSION_KEY in document:
        return [Source("", (decoded(document, "report"),))]
    sources = []
    for i, entry in enumerate(_list(document, "sources", "")):
        at = f"sources[{i}]"
        if not isinstance(entry, dict):
            raise GradcheckError(f"text: not gradcheck reports: {at} should be an object, not {entry!r:.60}")
        reports = [decoded(report, f"{at}.reports[{k}]") for k, report in enumerate(_list(entry, "reports", f"{at}."))]
        sources.append(Source(str(entry.get("name", "")), tuple(reports), str(entry.get("trouble", ""))))
    return sources


def _list(of: dict[str, object], key: str, at: str) -> list[object]:
    value = of.get(key)
    if not isinstance(value, list):
        raise GradcheckError(f"text: not gradcheck reports: {at}{key} should be a list, not {value!r:.60}")
    return value


def load_sources(source: str | os.PathLike[str]) -> list[Source]:
    """As :func:`load_reports`, with the names of the scripts or tests that the reports come from."""
    return loads_all(read(source))


def load_reports(source: str | os.PathLike[str]) -> list[Report]:
    """The reports of a run, from their JSON text or the file that holds it; that of a single report will do too.

    ``gradcheck run --json FILE`` and ``pytest --gradcheck-json FILE`` write such files.

    Raises:
        GradcheckError: there is no such file, or no reports in it.

    Example:
        >>> import numpy as np
        >>> from gradcheck import check_layer, load_reports
        >>> report = check_layer(lambda x: x ** 2, lambda dout, x: 2 * x * dout, np.array([1.0, -2.0, 0.5]))
        >>> load_reports(report.to_json()) == [report]
        True
    """
    return [report for found in load_sources(source) for report in found.reports]
