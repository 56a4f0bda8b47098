"""A table as text: on the terminal through rich, in a file as markdown."""

from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table as RichTable


@dataclass
class Table:
    """Rows of text under a header; what was found in words follows."""

    title: str
    header: list[str]
    rows: list[list[str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def show(self, console: Console) -> None:
        """Print it."""
        shown = RichTable(title=self.title, title_justify="left")
        for k, name in enumerate(self.header):
            shown.add_column(name, justify="left" if k < 2 else "right")
        for row in self.rows:
            shown.add_row(*row)
        console.print(shown)
        for remark in self.remarks:
            console.print(f"  {remark}", markup=False, highlight=False)
        console.print()

    def markdown(self) -> str:
        """The same as a markdown table."""
        lines = [f"## {self.title}", "", _row(self.header), _row(["---"] * len(self.header))]
        lines += [_row(row) for row in self.rows]
        if self.remarks:
            lines += ["", *[f"- {remark}" for remark in self.remarks]]
        return "\n".join([*lines, ""])


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def times(ratio: float | None) -> str:
    """A ratio as it is read: three digits and ×."""
    if ratio is None:
        return "-"
    return f"{ratio:.3g} ×" if ratio < 1000 else f"{ratio:,.0f} ×"
