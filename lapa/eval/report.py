"""A scorecard for people: the facts of `eval laq` and `eval world` as tables, in JSON, Markdown and LaTeX.

`tables` lays the facts out once; the formats only write them down. The JSON holds the facts and the laid-out tables
side by side, so whoever shows a scorecard needs nothing but the file. Knows no model and no data set.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lapa.checkpoint import write_text
from lapa.eval.rows import CODES, LAQ_ROWS, POSITIONS, PROBES, STEPS, WORLD_ROWS, Row
from lapa.tables import Table, latex_table, markdown_table, tex, tex_rows, tex_table
from lapa.types import LapaError

SUFFIXES = (".json", ".md", ".tex")
SUMMARY = ("measure", "value", "95 % interval")
Facts = Mapping[str, Any]


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
    seen = "nothing is read off the dreams" if facts.get("kind") == "world" else "motion is optical flow"
    note = f"; {seen}: {facts['note']}" if facts.get("note") else ""
    return f"{what}{sha} on {where}: {many} of {facts['num_episodes']} episodes{window}; {interval}{note}{held}"


def to_json(facts: Facts) -> str:
    """Write the facts, with the laid-out tables, the numbers to compare by ("measures") and a caption; without NaN."""
    shown = {
        "caption": caption(facts),
        "tables": [asdict(table) for table in tables(facts)],
        "measures": measures(facts),
    }
    return json.dumps(_plain({**facts, **shown}), indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def measures(facts: Facts) -> list[dict[str, Any]]:
    """Return the summary's numbers by key, with their names and intervals: what two scorecards are compared by."""
    rows = WORLD_ROWS if facts.get("kind") == "world" else LAQ_ROWS
    known = [(title, row, facts.get(row.key)) for title, group in rows.items() for row in group]
    return [
        {"group": title, "key": row.key, "label": row.label, "unit": row.unit, "digits": row.digits, "value": value}
        | {end: facts.get(f"{row.key}_{end}") for end in ("low", "high")}
        for title, row, value in known
        if isinstance(value, int | float)
    ]


def to_markdown(facts: Facts) -> str:
    """Write the scorecard as Markdown whose columns also line up in a terminal."""
    parts = [caption(facts), *(f"## {table.title}\n\n{markdown_table(table)}" for table in tables(facts))]
    return "\n\n".join(parts) + "\n"


def to_latex(facts: Facts) -> str:
    """Write the scorecard's summary as one LaTeX table (needs the package booktabs), and the rest as further ones."""
    laid_out = tables(facts)
    summary = [table for table in laid_out if table.header == SUMMARY]
    body = "\n\\midrule\n".join(
        f"\\multicolumn{{3}}{{l}}{{\\emph{{{tex(table.title)}}}}} \\\\\n" + tex_rows(table) for table in summary
    )
    parts = [tex_table(("", *map(tex, summary[0].header[1:])), body, caption(facts))] if summary else []
    parts += [latex_table(table) for table in laid_out if table not in summary]
    return "% Needs \\usepackage{booktabs}.\n" + "\n".join(parts)


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


def _plain(value: Any) -> Any:
    """Replace what JSON cannot say (NaN, infinities) by None, at any depth."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
