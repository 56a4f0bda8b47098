"""Reports as an HTML page that stands alone: its own light and dark style, no script, nothing loaded."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from gradcheck.views.headline import accent, headline, mark, statement
from gradcheck.views.html import DARK, STYLE, scrolled, to_fragment
from gradcheck.views.plain import count, visible

if TYPE_CHECKING:
    from gradcheck.report import Report
    from gradcheck.views.document import Source

__all__ = ["to_page", "to_page_of_all"]

# A browser that reads this loads nothing and runs nothing, whatever else were on the page.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
PAGE_STYLE = f"""
:root {{ color-scheme: light dark; }}
body {{ margin: 0 auto; max-width: 78em; padding: 1.2em 1.5em 4em; background: #fff; color: #1c2024; }}
body {{ font: 16px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }}
pre, code, .gradcheck .picture {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }}
h1 {{ font-size: 1.4em; font-weight: 600; }}
section > h2 {{ font-size: 1.1em; font-weight: 600; margin: 2.2em 0 0; border-bottom: 1px solid currentColor; }}
article {{ margin: 1.6em 0; }}
a {{ color: #0b5cad; }}
@media (prefers-color-scheme: dark) {{
body {{ background: #15181b; color: #e6e9ec; }}
a {{ color: #8ac1f9; }}
.gradcheck {{ {DARK} }}
}}
"""


def to_page(report: Report) -> str:
    """One report as a page."""
    return _page(headline(report), f"<main>{to_fragment(report, 'h1')}</main>")


def to_page_of_all(sources: Sequence[Source]) -> str:
    """The reports of a run: a list of all, and below it each under the name of its script or test."""
    sections, rows, number = "", "", 0
    for source in sources:
        articles = ""
        title = f'<tr><th scope="rowgroup" colspan="4">{_name(source.name)}</th></tr>' if source.name else ""
        rows += f"<tbody>{title}"
        for report in source.reports:
            number += 1
            anchor = f"report-{number}"
            articles += f'<article id="{anchor}">{to_fragment(report, "h3")}</article>'
            rows += _listed(report, anchor)
        trouble = f"! {_name(source.name)} {escape(visible(source.trouble))}" if source.trouble else ""
        rows += f'<tr><td class="rest wrong" colspan="4">{trouble}</td></tr>' if trouble else ""
        rows += "</tbody>"
        told = f'<p class="gradcheck"><span class="wrong">{trouble}</span></p>' if trouble else ""
        sections += f"<section><h2>{_name(source.name)}</h2>{articles}{told}</section>"
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("check", "found", "time"))
    table = f'<table aria-label="summary"><thead><tr><td></td>{heads}</tr></thead>{rows}</table>'
    summary = f'<div class="gradcheck">{scrolled(table, "summary")}</div>'
    title = _title(sources)
    return _page(title, f"<main><h1>{escape(title)}</h1>{summary}{sections}</main>")


def _title(sources: Sequence[Source]) -> str:
    reports = [report for source in sources for report in source.reports]
    failed = sum(not report.ok for report in reports)
    troubled = sum(bool(source.trouble) for source in sources)
    told = f"{failed} failed" if failed else "all right" if reports else "nothing was checked"
    trouble = f"; {count(troubled, 'script')} went wrong" if troubled else ""
    return f"{'✗' if failed or troubled or not reports else '✓'} {count(len(reports), 'check')}: {told}{trouble}"


def _listed(report: Report, anchor: str) -> str:
    subject = _name(report.subject or report.style)
    return (
        f'<tr><td class="{accent(report)}">{mark(report)}</td>'
        f'<th scope="row" class="name"><a href="#{anchor}">{subject}</a></th>'
        f'<td class="rest">{escape(statement(report))}</td><td class="number">{report.seconds:.2f} s</td></tr>'
    )


def _name(text: str) -> str:
    return escape(visible(text))


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}{PAGE_STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )
