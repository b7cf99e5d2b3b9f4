"""The latent index on disk and in use: many transitions of a data set as one quantizer sees them.

    config.json         kind "index", format version, quantizer, window, the clips' names and instructions
    arrays.safetensors  the columns; latents and axes in half precision
    thumbs_0.webp ...   before/after pictures as contact sheets, or none

An index refuses a quantizer it was not built with. It is built in `index_build.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from lapa.checkpoint import INDEX_VERSION, read_config, write_text
from lapa.types import LapaError, LatentIndex

COLUMNS = (
    "codebooks", "tokens", "continuous", "clip", "t", "magnitude", "displacement", "pca", "umap",
    "novelty_center", "novelty_axes", "novelty_scale",
)  # fmt: skip
FACTS = ("laq", "data", "codebook_size", "window", "window_s", "clip_names", "clip_instructions", "clip_splits")
HALVED = ("continuous", "novelty_axes")
LATER_COLUMNS, LATER_FACTS = ("following",), ("clip_facts", "trustworthiness")
"""What older indices of this format version do not have."""
SHEET_WIDTH, SHEET_HEIGHT = 8192, 4096
"""Pixels of a contact sheet; WebP ends at 16383."""


def save_index(index: LatentIndex, path: str | Path) -> Path:
    """Write an index directory."""
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    kept = [*COLUMNS, *(name for name in LATER_COLUMNS if getattr(index, name) is not None)]
    arrays = {name: np.ascontiguousarray(getattr(index, name)) for name in kept}
    save_file({k: v.astype(np.float16) if k in HALVED else v for k, v in arrays.items()}, path / "arrays.safetensors")
    sheets = [] if index.thumbs is None else _write_sheets(index.thumbs, path)
    config = {
        "kind": "index",
        "format_version": INDEX_VERSION,
        "thumb_size": 0 if index.thumbs is None else index.thumbs.shape[2],
        "sheets": sheets,
        **{name: getattr(index, name) for name in (*FACTS, *LATER_FACTS)},
    }
    write_text(path / "config.json", json.dumps(config, indent=1, ensure_ascii=False) + "\n")
    return path


def load_index(path: str | Path, laq_sha256: str | None = None) -> LatentIndex:
    """Read an index directory.

    Raises:
        LapaError: if it is missing, damaged, of an older format, or built with another quantizer than `laq_sha256`.
    """
    path = Path(path)
    config = read_config(path, "index")
    if laq_sha256 is not None and config.get("laq") != laq_sha256:
        raise LapaError(
            f"the index '{path}' was built with another quantizer: rebuild it with "
            f"'python -m lapa index --laq LAQ --data DIR --out {path} --overwrite'"
        )
    try:
        arrays = load_file(path / "arrays.safetensors")
        columns = {k: arrays[k].astype(np.float32) if k in HALVED else arrays[k] for k in COLUMNS}
        facts = {k: tuple(config[k]) if isinstance(config[k], list) else config[k] for k in FACTS}
        columns |= {k: arrays[k] for k in LATER_COLUMNS if k in arrays}
        facts |= {"clip_facts": _clip_facts(config, len(facts["clip_names"]))}
        facts |= {"trustworthiness": {k: float(v) for k, v in config.get("trustworthiness", {}).items()}}
        thumbs = _read_sheets(path, config["sheets"], config["thumb_size"], len(columns["tokens"]))
    except (OSError, KeyError, TypeError, ValueError, AttributeError, SafetensorError) as error:
        raise LapaError(f"the index '{path}' is damaged ({error}): copy or build it again") from error
    return LatentIndex(**columns, **facts, thumbs=thumbs)


def nearest(
    index: LatentIndex, continuous: Float[np.ndarray, "m q"], k: int, *, exclude_clip: str | None = None
) -> tuple[Int[np.ndarray, "k"], Float[np.ndarray, "k"]]:
    """Return the rows of the k nearest transitions and their distances, before quantisation, nearest first.

    `exclude_clip` leaves out a clip by name: the neighbours of a transition in its own clip say little.
    """
    flat = index.continuous.reshape(len(index), -1)
    distances = np.linalg.norm(flat - continuous.reshape(-1), axis=1)
    if exclude_clip in index.clip_names:
        distances[index.clip == index.clip_names.index(exclude_clip)] = np.inf
    k = min(k, int(np.isfinite(distances).sum()))
    if k == 0:
        return np.array([], np.int64), np.array([], distances.dtype)
    near = np.flatnonzero(distances <= np.partition(distances, k - 1)[k - 1])
    rows = near[np.argsort(distances[near], kind="stable")][:k]
    return rows, distances[rows]


def group_by_code(index: LatentIndex) -> dict[int, Int[np.ndarray, "r"]]:
    """Return the rows of each observed code (the tokens as one integer), most frequent first."""
    order = np.argsort(index.codes, kind="stable")
    codes, starts = np.unique(index.codes[order], return_index=True)
    groups = dict(zip(codes.tolist(), np.split(order, starts[1:]), strict=True))
    return dict(sorted(groups.items(), key=lambda item: -len(item[1])))


def _clip_facts(config: Mapping[str, Any], num_clips: int) -> dict[str, tuple[str, ...]]:
    found = {name: tuple(map(str, texts)) for name, texts in config.get("clip_facts", {}).items()}
    short = [name for name, texts in found.items() if len(texts) != num_clips]
    if short:
        raise ValueError(f"'{short[0]}' is not told of every clip")
    return found


def _write_sheets(thumbs: UInt8[np.ndarray, "n 2 s s 3"], path: Path) -> list[str]:
    size = thumbs.shape[2]
    columns, rows = _sheet_shape(size)
    tiles = thumbs.reshape(-1, size, size, 3)
    names = []
    for start in range(0, len(tiles), columns * rows):
        part = tiles[start : start + columns * rows]
        used = -(-len(part) // columns)
        sheet = np.zeros((used * columns, size, size, 3), np.uint8)
        sheet[: len(part)] = part
        sheet = sheet.reshape(used, columns, size, size, 3).swapaxes(1, 2).reshape(used * size, columns * size, 3)
        names.append(f"thumbs_{len(names)}.webp")
        Image.fromarray(sheet).save(path / names[-1], quality=80)
    return names


def _read_sheets(path: Path, names: list[str], size: int, num: int) -> UInt8[np.ndarray, "n 2 s s 3"] | None:
    if not names:
        return None
    columns, _ = _sheet_shape(size)
    parts = []
    for name in names:
        with Image.open(path / Path(name).name) as image:
            sheet = np.asarray(image.convert("RGB"))
        tiles = sheet.reshape(-1, size, columns, size, 3).swapaxes(1, 2)
        parts.append(tiles.reshape(-1, size, size, 3))
    return np.concatenate(parts)[: 2 * num].reshape(num, 2, size, size, 3)


def _sheet_shape(size: int) -> tuple[int, int]:
    """Return tiles across (even, so that before and after stay side by side) and down."""
    return SHEET_WIDTH // size // 2 * 2, SHEET_HEIGHT // size
