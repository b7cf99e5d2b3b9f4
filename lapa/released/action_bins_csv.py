"""The authors' table of action bins (csv): one row of rising edges per action dimension.

A bin stands for the middle between its edges. The header line is a row of column numbers; the gripper's edges are
-0.5, 0.5, 1.5, so that its bins mean 0 and 1.

Source: formats part A7, `data/finetune_preprocess.py` and `deploy.py` of the released code. Differs: a bin out of
range is refused, where the authors' program prints a line and answers 1.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from lapa.models.action_bins import ActionBins
from lapa.types import LapaError


def read_bins(path: str | Path, num_actions: int) -> ActionBins:
    """Read the table.

    Raises:
        LapaError: if it is no such table, or has more bins than the policy has action ids.
    """
    path = Path(path)
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = [[float(cell) for cell in row if cell.strip()] for row in list(csv.reader(file))[1:]]
        edges = [np.array(row, np.float64) for row in rows if row]
        if not edges or any(len(row) < 2 or not np.isfinite(row).all() or (np.diff(row) <= 0).any() for row in edges):
            raise ValueError
    except (OSError, ValueError, csv.Error) as error:
        raise LapaError(
            f"'{path}' is not a table of action bins: expected a csv with one line of rising numbers per dimension"
        ) from error
    most = max(len(row) - 1 for row in edges)
    if most > num_actions:
        raise LapaError(f"'{path}' has {most} bins in one dimension, the policy only {num_actions} action ids")
    return ActionBins(
        edges=tuple(row[1:-1].astype(np.float32) for row in edges),
        values=tuple(((row[1:] + row[:-1]) / 2).astype(np.float32) for row in edges),
    )


def write_bins(bins: ActionBins, path: str | Path) -> None:
    """Write bins of ours as such a table.

    The authors' reader takes a bin for the middle between its edges, so the edges written are those whose middles are
    our bins' values, as nearly as rising edges allow: ours stand for the mean of their training actions.
    """
    rows = [_edges(np.asarray(values, np.float64)) for values in bins.values]
    longest = max(map(len, rows))
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(range(longest))
        writer.writerows([repr(float(x)) for x in row] + [""] * (longest - len(row)) for row in rows)


def _edges(values: np.ndarray) -> np.ndarray:
    """Return edges around bin values: halfway between neighbours, the outer ones mirrored at the outer values."""
    if len(values) == 1:
        return np.array([values[0] - 0.5, values[0] + 0.5])
    inner = (values[1:] + values[:-1]) / 2
    return np.concatenate([[2 * values[0] - inner[0]], inner, [2 * values[-1] - inner[-1]]])
