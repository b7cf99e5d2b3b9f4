"""Pictures that a LeRobotDataset keeps inside its parquet files (dtype "image"): struct{bytes, path} per frame."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from lapa.types import Frame, Frames, LapaError

BATCH = 64
"""Rows read at a time."""


def read_stored(path: Path, camera: str, episode: int) -> list[bytes | str]:
    """Return the encoded pictures of an episode, or the name of a file where the picture lies beside the table.

    Raises:
        LapaError: if the file is missing or damaged, or holds no pictures of this camera.
    """
    found: list[bytes | str] = []
    try:
        file = pq.ParquetFile(path)
        if camera not in file.schema_arrow.names:
            raise LapaError(f"'{path.name}' holds no pictures of '{camera}': download the data set again")
        groups = [group for group in range(file.num_row_groups) if _may_hold(file, group, episode)]
        for batch in file.iter_batches(BATCH, row_groups=groups, columns=["episode_index", camera]):
            rows = np.flatnonzero(_flat(batch["episode_index"]) == episode)
            if len(rows):
                found += map(_stored, batch[camera].take(pa.array(rows)).to_pylist())
    except (OSError, pa.ArrowException, KeyError):
        raise LapaError(f"'{path}' is missing or damaged: download the data set again") from None
    return found


def decode_stored(stored: Sequence[bytes | str], where: str, find: Callable[[str], Path]) -> Frames:
    """Decode pictures: uint8 [t h w 3]. `find` turns the name of a file into its path.

    Raises:
        LapaError: if one is damaged, or of another size than the first.
    """
    frames = [_decode(picture, f"picture {t} of {where}", find) for t, picture in enumerate(stored)]
    sizes = {frame.shape for frame in frames}
    if len(sizes) > 1:
        raise LapaError(f"the pictures of {where} differ in size: the frames of one clip must all have the same")
    return np.stack(frames)


def _decode(picture: bytes | str, where: str, find: Callable[[str], Path]) -> Frame:
    try:
        file = io.BytesIO(picture) if isinstance(picture, bytes) else find(picture)
        with Image.open(file) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise LapaError(f"{where} is missing, damaged or no picture: download the data set again") from None


def _stored(value: dict | bytes | str | None) -> bytes | str:
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    return value or b""


def _may_hold(file: pq.ParquetFile, group: int, episode: int) -> bool:
    """Tell from its statistics whether a row group can hold an episode."""
    column = file.schema_arrow.names.index("episode_index")
    places = [i for i in range(len(file.schema)) if file.schema.column(i).path.split(".")[0] == "episode_index"]
    facts = file.metadata.row_group(group).column(places[0] if places else column).statistics
    return facts is None or not facts.has_min_max or facts.min <= episode <= facts.max


def _flat(column: pa.Array) -> np.ndarray:
    """Numbers, or lists of one number."""
    values = column.flatten() if pa.types.is_list(column.type) or pa.types.is_fixed_size_list(column.type) else column
    return values.to_numpy(zero_copy_only=False)
