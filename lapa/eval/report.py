"""A scorecard for people: the facts of `eval laq` and `eval world` as tables, in JSON, Markdown and LaTeX.

`tables` lays the facts out once; the formats only write them down. The JSON holds the facts and the laid-out tables
side by side, so whoever shows a scorecard needs nothing but the file. Knows no model and no data set.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lapa.checkpoint import write_text
from lapa.eval.rows import CODES, LAQ_ROWS, POSITIONS, PROBES, STEPS, WORLD_ROWS, Row
from lapa.types import LapaError

SUFFIXES = (".json", ".md", ".tex")
SUMMARY = ("measure", "value", "95 % interval")
ESCAPES = {sign: f"\\{sign}" for sign in "&%$#_{}"} | {
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
}
Facts = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A titled table of texts; the first column names, the others hold numbers or words."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(facts: Facts) -> list[Table]:
    """Lay out a scorecard; what was not measured is left out. `facts["kind"]` is "laq" or "world"."""
    is_world = facts.get("kind") == "world"
    found = [_summary(title, rows, facts) for title, rows in (WORLD_ROWS if is_world else LAQ_ROWS).items()]
    details = (STEPS,) if is_world else (PROBES, POSITIONS, CODES)
    found += [_details(title, name, columns, facts) for title, name, columns in details]
    return [table for table in found if table.rows]


def caption(facts: Facts) -> str:
    """Return one line that says what was measured on what."""
    what = {"laq": "Quantizer", "world": "Dreams of the quantizer"}.get(facts.get("kind", "laq"), "Model")
    many = f"{facts['num_dreams']} dreams" if "num_dreams" in facts else f"{facts['num_pairs']} pairs"
    where = f"'{facts['data']}'" + (f", split {facts['split']}" if facts.get("split") else "")
    held = "" if facts.get("held_out", True) else "; NOT held out: it was trained on these data"
    sha = f" {facts['laq'][:12]}" if facts.get("laq") else ""
    window = f", window {facts['window_s']:g} s" if facts.get("window_s") else ""
    interval = "intervals: 95 % over episodes"
    return f"{what}{sha} on {where}: {many} of {facts['num_episodes']} episodes{window}; {interval}{held}"


def to_json(facts: Facts) -> str:
    """Write the facts, with the laid-out tables under "tables" and the caption, as JSON without NaN."""
    shown = {"caption": caption(facts), "tables": [asdict(table) for table in tables(facts)]}
    return json.dumps(_plain({**facts, **shown}), indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def to_markdown(facts: Facts) -> str:
    """Write the scorecard as Markdown whose columns also line up in a terminal."""
    parts = [caption(facts), *(f"## {table.title}\n\n{markdown_table(table)}" for table in tables(facts))]
    return "\n\n".join(parts) + "\n"


def markdown_table(table: Table) -> str:
    """Write one table, without its title."""
    widths = [max(len(row[i]) for row in (table.header, *table.rows)) for i in range(len(table.header))]
    rule = "|".join("-" * (width + 2) if i == 0 else "-" * (width + 1) + ":" for i, width in enumerate(widths))
    return "\n".join(
        [_markdown_row(table.header, widths), f"|{rule}|", *(_markdown_row(r, widths) for r in table.rows)]
    )


def to_latex(facts: Facts) -> str:
    """Write the scorecard's summary as one LaTeX table (needs the package booktabs), and the rest as further ones."""
    laid_out = tables(facts)
    summary = [table for table in laid_out if table.header == SUMMARY]
    body = "\n\\midrule\n".join(
        f"\\multicolumn{{3}}{{l}}{{\\emph{{{_tex(table.title)}}}}} \\\\\n" + _tex_rows(table) for table in summary
    )
    parts = [_tex_table(("", *map(_tex, summary[0].header[1:])), body, caption(facts))] if summary else []
    parts += [latex_table(table) for table in laid_out if table not in summary]
    return "% Needs \\usepackage{booktabs}.\n" + "\n".join(parts)


def latex_table(table: Table) -> str:
    """Write one table, its title as the caption (needs the package booktabs)."""
    return _tex_table(tuple(map(_tex, table.header)), _tex_rows(table), table.title)


def check_names(paths: Sequence[Path]) -> None:
    """Refuse names that end in no known format.

    Raises:
        LapaError: naming the first of them.
    """
    for path in paths:
        if path.suffix.lower() not in SUFFIXES:
            raise LapaError(f"--out {path} is not a report: give a name that ends in {', '.join(SUFFIXES)}")


def write_reports(facts: Facts, paths: Sequence[Path]) -> None:
    """Write the scorecard to each path, in the format its suffix names.

    Raises:
        LapaError: for an unknown suffix.
    """
    check_names(paths)
    writers = {".json": to_json, ".md": to_markdown, ".tex": to_latex}
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, writers[path.suffix.lower()](facts))


def _summary(title: str, rows: Sequence[Row], facts: Facts) -> Table:
    lines = []
    for row in rows:
        value = facts.get(row.key)
        if value is None:
            continue
        shown = row.show(value) + (f" of {row.show(facts[row.of])}" if row.of and facts.get(row.of) else "")
        low, high = facts.get(f"{row.key}_low"), facts.get(f"{row.key}_high")
        interval = "" if low is None or high is None else f"{row.show(low)} to {row.show(high)}"
        lines.append((row.label, shown + (f" {row.unit}" if row.unit else ""), interval))
    return Table(title=title, header=SUMMARY, rows=tuple(lines))


def _details(title: str, name: str, columns: Sequence[Row], facts: Facts) -> Table:
    """Lay out a list of dicts; columns that no row has are left out."""
    rows = facts.get(name) or []
    kept = [column for column in columns if any(row.get(column.key) is not None for row in rows)]
    cells = tuple(tuple("-" if (v := row.get(c.key)) is None else c.show(v) for c in kept) for row in rows)
    return Table(title=title, header=tuple(column.label for column in kept), rows=cells)


def _markdown_row(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (cell.replace("|", "\\|") for cell in cells)
    return "| " + " | ".join([first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(rest, widths[1:]))]) + " |"


def _tex_table(header: Sequence[str], body: str, text: str) -> str:
    columns = "l" + "r" * (len(header) - 1)
    return (
        f"\\begin{{table}}\n\\centering\\small\n\\caption{{{_tex(text)}}}\n\\begin{{tabular}}{{{columns}}}\n\\toprule\n"
        f"{' & '.join(header)} \\\\\n\\midrule\n{body}\n\\bottomrule\n\\end{{tabular}}\n\\end{{table}}\n"
    )


def _tex_rows(table: Table) -> str:
    return "\n".join(" & ".join(map(_tex, row)) + " \\\\" for row in table.rows)


def _tex(text: str) -> str:
    """Escape what LaTeX reads as its own; a negative number becomes mathematics, for its minus sign."""
    if text.startswith("-") and _is_number(text):
        return f"${text}$"
    return "".join(ESCAPES.get(sign, sign) for sign in text)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _plain(value: Any) -> Any:
    """Replace what JSON cannot say (NaN, infinities) by None, at any depth."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
