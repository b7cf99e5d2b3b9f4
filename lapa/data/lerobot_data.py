"""The numbers of a LeRobotDataset: the columns of its parquet files, cut into episodes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from lapa.data.lerobot_meta import AGAIN, read_parquet
from lapa.types import LapaError


class EpisodeColumns:
    """Reads columns of the parquet files `columns`; the last files stay in memory.

    `name` is what the data set is called in sentences.
    """

    def __init__(self, name: str, columns: tuple[str, ...]):
        self._name, self._columns = name, ("episode_index", *columns)
        self._table = lru_cache(maxsize=16)(self._read)

    def of(self, path: Path, episode: int, column: str, length: int) -> np.ndarray | None:
        """Return a column's rows of one episode, [t] or float32 [t n]; None where the file has no such column.

        Raises:
            LapaError: if the file is missing or damaged, or has another number of rows for the episode.
        """
        table = self._table(path)
        if column not in table:
            return None
        values = table[column][table["episode_index"] == episode]
        if len(values) != length:
            raise LapaError(
                f"'{path.name}' of '{self._name}' has {len(values)} rows for episode {episode}, expected {length}: "
                f"{AGAIN}"
            )
        return values

    def _read(self, path: Path) -> dict[str, np.ndarray]:
        table = read_parquet(path, list(self._columns))
        if "episode_index" not in table.column_names:
            raise LapaError(f"'{path.name}' of '{self._name}' has no column episode_index: {AGAIN}")
        columns = {name: _array(table[name]) for name in table.column_names}
        return columns | {"episode_index": columns["episode_index"].reshape(-1)}


def first_cells(path: Path, column: str) -> dict[int, Any]:
    """Return what a column says in the first row of each episode, as Python values; {} where there is no such one."""
    table = read_parquet(path, ["episode_index", column])
    if not {"episode_index", column} <= set(table.column_names):
        return {}
    episodes, rows = np.unique(_array(table["episode_index"]).reshape(-1), return_index=True)
    return {int(e): table[column][int(row)].as_py() for e, row in zip(episodes, rows, strict=True)}


def _array(column: pa.ChunkedArray) -> np.ndarray:
    """Lists become float32 [t n], numbers [t]."""
    values = column.combine_chunks()
    if not (pa.types.is_list(values.type) or pa.types.is_fixed_size_list(values.type)):
        return values.to_numpy(zero_copy_only=False)
    return values.flatten().to_numpy(zero_copy_only=False).astype(np.float32).reshape(len(values), -1)
