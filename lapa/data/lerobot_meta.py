"""What the metadata of a LeRobotDataset says: layouts v2.x and v3.x, from json, jsonl and parquet.

v3.x keeps many episodes in each parquet and video file and says in `meta/episodes` where each begins; v2.x has one file
of each kind per episode. Source: `lerobot/datasets`, the files `utils.py` and `io_utils.py`.
"""

from __future__ import annotations

import json
import os
import re
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lapa.types import LapaError

DATA_PATHS = {
    "2": "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
    "3": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
}
"""Where the numbers lie if info.json does not say it, by the first number of the layout's version."""
AGAIN = "download or collect the data set again"


def read_info(path: Path) -> dict[str, Any]:
    """Read meta/info.json.

    Raises:
        LapaError: if it is missing or damaged, or of a layout that is not known.
    """
    name, file = path.resolve().name, path / "meta" / "info.json"
    if not file.is_file():
        raise LapaError(f"'{path}' is no LeRobot data set: it has no meta/info.json")
    try:
        info = json.loads(file.read_bytes())
        version = str(info["codebase_version"])
        missing = [key for key in ("fps", "features") if not info.get(key)]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise LapaError(f"meta/info.json of '{name}' is damaged: {AGAIN}") from None
    if not re.fullmatch(r"v[23]\.\d+", version):
        raise LapaError(f"'{name}' is in the LeRobot layout '{version}': expected one of v2.0 to v3.1")
    if missing:
        raise LapaError(f"meta/info.json of '{name}' names no {missing[0]}: {AGAIN}")
    return info | {"data_path": info.get("data_path") or DATA_PATHS[version[1]]}


def is_v3(info: Mapping[str, Any]) -> bool:
    """Tell the layout with many episodes per file from that with one."""
    return str(info["codebase_version"]).startswith("v3")


def read_episodes(path: Path, info: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the episode table, in order, without their statistics."""
    if not is_v3(info):
        return read_jsonl(path / "meta" / "episodes.jsonl")
    files = sorted((path / "meta" / "episodes").glob("*/*.parquet"))
    if not files:
        raise LapaError(f"'{path.resolve().name}' has no meta/episodes: {AGAIN}")
    rows: list[dict[str, Any]] = []
    for file in files:
        names = [name for name in _schema(file).names if not name.startswith("stats/")]
        rows += read_parquet(file, names).to_pylist()
    return sorted(rows, key=lambda row: row["episode_index"])


def read_sentences(path: Path, kind: str) -> dict[int, str]:
    """Read meta/KINDs.parquet or .jsonl, kind "task" or "subtask": sentence by its number; empty where there is none.

    In parquet the sentences are a pandas index, named or not.
    """
    table, lines = (path / "meta" / f"{kind}s.{suffix}" for suffix in ("parquet", "jsonl"))
    if lines.is_file() and not table.is_file():
        rows = read_jsonl(lines)
        return {int(row[f"{kind}_index"]): str(row[kind]) for row in rows if kind in row and f"{kind}_index" in row}
    if not table.is_file():
        return {}
    columns = read_parquet(table)
    text = [field.name for field in columns.schema if pa.types.is_string(field.type) or _is_large_string(field.type)]
    if f"{kind}_index" not in columns.column_names or not text:
        raise LapaError(f"'{table}' names no {kind}_index or no sentences: {AGAIN}")
    column = kind if kind in text else text[0]
    return dict(zip(columns[f"{kind}_index"].to_pylist(), columns[column].to_pylist(), strict=True))


def split_of(splits: Mapping[str, Any], episode: int) -> str:
    """Find the split that holds the episode: "first:last", several of them with commas, or a list of numbers."""
    for name, spans in splits.items():
        for span in spans if isinstance(spans, list) else str(spans).split(","):
            first, colon, last = str(span).strip().partition(":")
            if not colon and first.isdecimal() and int(first) == episode:
                return name
            if colon and _number(first, 0) <= episode < _number(last, episode + 1):
                return name
    return ""


def true_fps(info: Mapping[str, Any], rows: list[dict[str, Any]], camera: str) -> float:
    """Return frames per second: as info.json says, unless the episodes' own times agree on another rate.

    A rate within 1 % of what info.json says is that.
    """
    said = float(info["fps"])
    first, last = (f"videos/{camera}/{end}_timestamp" for end in ("from", "to"))
    spans = [(row["length"], row[last] - row[first]) for row in rows if row.get(last) is not None and first in row]
    rates = [length / span for length, span in spans if length > 1 and span > 0]
    measured = statistics.median(rates) if rates else said
    return said if abs(measured - said) < 0.01 * said else round(measured, 4)


def inside(root: Path, relative: str, name: str) -> Path:
    """Return a file that the metadata names; it must lie inside the data set.

    A download by the hub's client is a folder of links into the `blobs` beside it: those count as inside.

    Raises:
        LapaError: if it lies elsewhere, by its name or by a link.
    """
    path = root / relative
    is_below = not Path(os.path.normpath(relative)).is_absolute() and Path(os.path.normpath(relative)).parts[0] != ".."
    if not is_below or not path.resolve().is_relative_to(_hub_folder(root) or root.resolve()):
        raise LapaError(f"the metadata of '{name}' names '{relative}', which lies outside the data set")
    return path


def dataset_name(path: Path) -> str:
    """Return what a data set is called: its folder, or NAME of the hub's datasets--ORG--NAME/snapshots/REVISION."""
    hub = _hub_folder(path)
    return hub.name.split("--")[-1] if hub is not None else path.resolve().name


def _hub_folder(root: Path) -> Path | None:
    """Return the datasets--ORG--NAME folder of which `root` is a snapshot, or None."""
    root = root.resolve()
    is_snapshot = root.parent.name == "snapshots" and root.parent.parent.name.startswith("datasets--")
    return root.parent.parent if is_snapshot else None


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """Read one JSON value per line."""
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError):
        raise LapaError(f"'{path}' is missing or damaged: {AGAIN}") from None


def read_parquet(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read a parquet file; of `columns` those that are there."""
    try:
        file = pq.ParquetFile(path)
        return file.read([name for name in columns if name in file.schema_arrow.names] if columns else None)
    except (OSError, pa.ArrowException):
        raise LapaError(f"'{path}' is missing or damaged: {AGAIN}") from None


def _schema(path: Path) -> pa.Schema:
    try:
        return pq.read_schema(path)
    except (OSError, pa.ArrowException):
        raise LapaError(f"'{path}' is missing or damaged: {AGAIN}") from None


def _number(text: str, default: int) -> int:
    return int(text) if text.strip().isdecimal() else default


def _is_large_string(kind: pa.DataType) -> bool:
    return pa.types.is_large_string(kind)
