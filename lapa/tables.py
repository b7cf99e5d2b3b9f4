"""Tables of texts, and how they are written: Markdown and LaTeX. Knows nothing of what the texts say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

ESCAPES = {sign: f"\\{sign}" for sign in "&%$#_{}"} | {
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
}


@dataclass(frozen=True, kw_only=True)
class Table:
    """A titled table of texts; the first column names, the others hold numbers or words."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def markdown_table(table: Table) -> str:
    """Write one table, without its title."""
    widths = [max(len(row[i]) for row in (table.header, *table.rows)) for i in range(len(table.header))]
    rule = "|".join("-" * (width + 2) if i == 0 else "-" * (width + 1) + ":" for i, width in enumerate(widths))
    return "\n".join(
        [_markdown_row(table.header, widths), f"|{rule}|", *(_markdown_row(r, widths) for r in table.rows)]
    )


def latex_table(table: Table) -> str:
    """Write one table, its title as the caption (needs the package booktabs)."""
    return tex_table(tuple(map(tex, table.header)), tex_rows(table), table.title)


def tex_table(header: Sequence[str], body: str, text: str) -> str:
    """Write header and body rows, which are LaTeX already, under a caption."""
    columns = "l" + "r" * (len(header) - 1)
    return (
        f"\\begin{{table}}\n\\centering\\small\n\\caption{{{tex(text)}}}\n\\begin{{tabular}}{{{columns}}}\n\\toprule\n"
        f"{' & '.join(header)} \\\\\n\\midrule\n{body}\n\\bottomrule\n\\end{{tabular}}\n\\end{{table}}\n"
    )


def tex_rows(table: Table) -> str:
    """Write the rows of a table, escaped."""
    return "\n".join(" & ".join(map(tex, row)) + " \\\\" for row in table.rows)


def tex(text: str) -> str:
    """Escape what LaTeX reads as its own; a negative number becomes mathematics, for its minus sign."""
    if text.startswith("-") and _is_number(text):
        return f"${text}$"
    return "".join(ESCAPES.get(sign, sign) for sign in text)


def _markdown_row(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (cell.replace("|", "\\|") for cell in cells)
    return "| " + " | ".join([first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(rest, widths[1:]))]) + " |"


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
