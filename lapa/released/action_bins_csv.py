"""The authors' table of action bins (csv): one row of rising edges per action dimension.

A bin stands for the middle between its edges. The header line is a row of column numbers; the gripper's edges are
-0.5, 0.5, 1.5, so that its bins mean 0 and 1.

Source: `data/finetune_preprocess.py` and `deploy.py` of the released code; assets/docs/released_formats.md ("Choosing
tokens and actions"). Differs: a bin out of range is refused, where the authors' program prints a line and answers 1.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from scipy.optimize import lsq_linear

from lapa.models.action_bins import ActionBins
from lapa.types import LapaError

BINS_FILE = "action_bins.csv"


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
    our bins' values: exactly for bins that came from such a table, and as nearly as rising edges allow for ours, which
    stand for the mean of their training actions.
    """
    rows = [_edges(*(np.asarray(x, np.float64) for x in pair)) for pair in zip(bins.edges, bins.values, strict=True)]
    longest = max(map(len, rows))
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(range(longest))
        writer.writerows([repr(float(x)) for x in row] + [""] * (longest - len(row)) for row in rows)


def _edges(inner: Float64[np.ndarray, "_"], values: Float64[np.ndarray, "n"]) -> Float64[np.ndarray, "_"]:
    """Return rising edges around `values` whose middles these are, or as nearly as possible in the squared sense.

    `inner` edges that have the values in their middles are kept. Elsewhere the first edge and the bins' widths, which
    are at least a thousandth of the mean one, are a bounded least squares problem.
    """
    if len(values) == 1:
        return np.array([values[0] - 0.5, values[0] + 0.5])
    kept = np.concatenate([[2 * values[0] - inner[0]], inner, [2 * values[-1] - inner[-1]]])
    scale = (values[-1] - values[0]) / (len(values) - 1)
    if (np.diff(kept) > 0).all() and np.allclose((kept[1:] + kept[:-1]) / 2, values, rtol=1e-6, atol=1e-6 * scale):
        return kept
    count = len(values)
    middles = np.hstack([np.ones((count, 1)), np.tri(count, k=-1) + np.eye(count) / 2])  # of the first edge and widths
    least = np.array([-np.inf, *np.full(count, 1e-3)])
    found = lsq_linear(middles, (values - values[0]) / scale, bounds=(least, np.inf), method="bvls").x
    return values[0] + scale * np.cumsum(found)
