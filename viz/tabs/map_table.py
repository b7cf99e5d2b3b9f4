"""The map as a table: for those who cannot see the plot, for sorting, and for what a lasso or a search caught."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from html import escape
from pathlib import Path

import numpy as np

from lapa.types import LapaError, LatentIndex
from viz.tabs.map_query import Query, read_query, rows_of
from viz.tabs.markup import button, chips, empty
from viz.tabs.page import Page
from viz.tabs.saving import as_download
from viz.tabs.selection import whole_number

ROWS = 12


@dataclass(frozen=True)
class Column:
    """A column: its name, and the text of each of some rows, and what they are sorted by (NaN last)."""

    name: str
    texts: Callable[[np.ndarray], list[str]]
    keys: Callable[[np.ndarray], np.ndarray]


def columns(index: LatentIndex) -> list[Column]:
    """Return what is known of the index's transitions, as columns."""

    def of_clip(name: str, texts: tuple[str, ...]) -> Column:
        ranks = np.unique(np.array(texts, object).astype(str), return_inverse=True)[1].reshape(-1)
        return Column(name, lambda rows: [texts[c] for c in index.clip[rows]], lambda rows: ranks[index.clip[rows]])

    def number(name: str, values: np.ndarray, form: str) -> Column:
        return Column(
            name,
            lambda rows: ["" if value != value else format(value, form) for value in values[rows].tolist()],
            lambda rows: values[rows],
        )

    moved = index.displacement.astype(np.float64)
    found = [
        number("row", np.arange(len(index)), "d"),
        of_clip("clip", index.clip_names),
        number("frame", index.t, "d"),
        Column("tokens", lambda rows: [index.latent_action(int(row)).label for row in rows], lambda r: index.codes[r]),
        number("change", index.magnitude.astype(np.float64), ".3f"),
    ]
    if np.isfinite(moved).any():
        found += [number("right (cm)", moved[:, 0] * 100, ".1f"), number("forward (cm)", moved[:, 1] * 100, ".1f")]
    found += [of_clip(name, texts) for name, texts in index.clip_facts.items() if len(set(texts)) > 1]
    if len(set(index.clip_splits)) > 1:
        found.append(of_clip("split", index.clip_splits))
    return [*found, of_clip("instruction", index.clip_instructions)]


def ordered(index: LatentIndex, rows: np.ndarray, query: Query) -> np.ndarray:
    """Return the rows as the table is sorted; what is nearest stays nearest first until another column is chosen."""
    if query.by == "near" and query.sort == "row" and not query.is_descending:
        return rows
    column = next((column for column in columns(index) if column.name == query.sort), None)
    if column is None:
        raise LapaError(f"the table has no column '{query.sort[:40]}'")
    keys = column.keys(rows).astype(np.float64)
    return rows[np.argsort(-keys if query.is_descending else keys, kind="stable")]


def table_html(page: Page, bundle: str, query: Query, rows: np.ndarray, picked: int | None) -> str:
    """Return one page of the table, with what sorts, turns and saves it."""
    index = page.bench.explorer(bundle).need_index()
    if not len(rows):
        return empty(f"No transition is {query.words}.")
    last = (len(rows) - 1) // ROWS
    turned = replace(query, page=min(max(query.page, 0), last))
    shown = ordered(index, rows, turned)[turned.page * ROWS : (turned.page + 1) * ROWS]
    found = columns(index)
    heads = "".join(_head(column.name, turned) for column in found)
    texts = [column.texts(shown) for column in found]
    body = "".join(_line(index, int(row), [c.name for c in found], cells, picked) for row, *cells in zip(shown, *texts))
    caption = f"{len(rows):,} of {len(index):,} transitions: {query.words}"
    return (
        f'<div class="map-table"><table><caption>{escape(caption)}</caption><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{_pager(turned, last)}{_save(bundle, query)}"
    )


def change_table(query: Query, data: dict) -> Query:
    """Return the question after a press on a heading (`column`) or on the pager (`page`)."""
    if "column" in data:
        column = str(data["column"])[:60]
        is_descending = column == query.sort and not query.is_descending
        return replace(query, sort=column, is_descending=is_descending, page=0)
    return replace(query, page=max(0, whole_number(data.get("page"), "a page")))


def csv_server(page: Page) -> Callable[[dict], dict]:
    """Return the function that hands out a set as CSV."""

    def save(request: dict) -> dict:
        """Return {"name", "uri"}, or {"error"}."""
        try:
            explorer = page.bench.explorer(str(request.get("bundle")))
            query = read_query(json.loads(str(request.get("query"))[:40_000]))
            rows, index = rows_of(explorer, query), explorer.need_index()
            return as_download("transitions.csv", lambda path: _write_csv(index, rows, path))
        except (LapaError, ValueError, AttributeError) as error:
            return {"error": str(error)}

    return save


def _head(name: str, query: Query) -> str:
    is_sorted = name == query.sort
    order = ("descending" if query.is_descending else "ascending") if is_sorted else "none"
    sign = {"none": "", "ascending": " ↑", "descending": " ↓"}[order]
    sorter = button(f"{escape(name)}{sign}", "sort", classes="quiet", label=f"sort by {name}", column=name)
    return f'<th scope="col" aria-sort="{order}">{sorter}</th>'


def _line(index: LatentIndex, row: int, names: list[str], cells: list[str], picked: int | None) -> str:
    shown = []
    for name, text in zip(names, cells):
        if name == "row":
            go = button(text, "row", classes="quiet", label=f"go to transition {row}", pressed=row == picked, row=row)
            shown.append(f'<th scope="row">{go}</th>')
        elif name == "tokens":
            shown.append(f"<td>{chips(index.latent_action(row), 'small')}</td>")
        else:
            shown.append(f'<td title="{escape(text)}">{escape(text)}</td>')
    return f"<tr>{''.join(shown)}</tr>"


def _pager(query: Query, last: int) -> str:
    if not last:
        return ""
    places = {"First": 0, "Back": query.page - 1, "Next": query.page + 1, "Last": last}
    buttons = {
        name: button(name, "page", classes="quiet", label=f"{name.lower()} page", page=place)
        if 0 <= place <= last and place != query.page
        else f'<button type="button" class="quiet" disabled>{name}</button>'
        for name, place in places.items()
    }
    now = f'<span aria-live="polite">page {query.page + 1:,} of {last + 1:,}</span>'
    return (
        f'<nav class="toolbar pager" aria-label="pages of the table">{buttons["First"]}{buttons["Back"]}{now}'
        f"{buttons['Next']}{buttons['Last']}</nav>"
    )


def _save(bundle: str, query: Query) -> str:
    kept = {k: v for k, v in asdict(query).items() if k not in ("sort", "is_descending", "page")}
    return (
        f'<div class="toolbar"><button type="button" class="quiet" data-server="save" data-save="csv" '
        f'data-bundle="{escape(bundle)}" data-query="{escape(json.dumps(kept))}">Save this set as CSV</button></div>'
    )


def _write_csv(index: LatentIndex, rows: np.ndarray, path: Path) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(_csv_rows(index, rows))
    path.write_text(text.getvalue(), encoding="utf-8")


def _csv_rows(index: LatentIndex, rows: np.ndarray) -> Iterator[list[str]]:
    found = columns(index)
    planes = ["umap_x", "umap_y", "pca_x", "pca_y"]
    yield [*(column.name for column in found), *planes]
    places = np.concatenate([index.umap[rows], index.pca[rows]], axis=1)
    for cells, place in zip(zip(*(column.texts(rows) for column in found)), places.tolist()):
        yield [*cells, *(f"{value:.6g}" for value in place)]
