"""Tables of texts as HTML; everything in them is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Protocol


class Texts(Protocol):
    """A titled table: the first column names."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def summary_html(table: Texts) -> str:
    """Return a table of a few columns under its title."""
    return f'<div class="table-part"><h4>{escape(_sentence(table.title))}</h4>{grid(table.header, table.rows)}</div>'


def table_html(table: Texts) -> tuple[str, str]:
    """Return a table's title and its body, for folding away."""
    return escape(_sentence(table.title)), f'<div class="wide">{grid(table.header, table.rows)}</div>'


def grid(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table with a heading row; the first cell of each row names it."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in header)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:]) + "</tr>"
        for row in rows
    )
    return f'<table class="numbers"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def facts_table(values: Mapping[str, Any]) -> str:
    """Return two columns: what, and how much."""
    rows = "".join(
        f'<tr><th scope="row">{escape(str(key))}</th><td>{escape(_plain(value))}</td></tr>'
        for key, value in values.items()
    )
    return f'<table class="facts">{rows}</table>'


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _plain(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)[:300]
