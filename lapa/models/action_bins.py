"""Robot actions as classes: equal-frequency bins per dimension, and back.

Every bin of a dimension holds about as many training actions as any other, so that fine motions get fine bins. Values
that are frequent by themselves (a gripper that is open or closed) collapse into one bin; such a dimension has fewer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int

from lapa.types import LapaError


@dataclass(frozen=True, eq=False)
class ActionBins:
    """Bins of each action dimension.

    Attributes:
        edges: per dimension, the inner edges between bins, rising; one fewer than bins.
        values: per dimension, the mean training action of each bin, which stands for it.

    Source: paper, section 3.3 (bins by the data's quantiles rather than by its range).
    """

    edges: tuple[Float32[np.ndarray, "_"], ...]
    values: tuple[Float32[np.ndarray, "_"], ...]

    @classmethod
    def fit(cls, actions: Float[np.ndarray, "n a"], num_bins: int) -> ActionBins:
        """Place at most `num_bins` bins per dimension at the quantiles of `actions`.

        Raises:
            LapaError: if there are no actions, or some are not finite.
        """
        if not len(actions) or not np.isfinite(actions).all():
            raise LapaError("the data set's actions are missing or not finite: robot actions need recorded ones")
        edges, values = [], []
        for column in np.asarray(actions, np.float32).T:
            inner = np.unique(np.quantile(column, np.linspace(0, 1, num_bins + 1)[1:-1]).astype(np.float32))
            inner = inner[(inner > column.min()) & (inner <= column.max())]
            place = np.searchsorted(inner, column, side="right")
            inner = inner[np.unique(place)[1:] - 1]  # an edge below which nothing new lies separates nothing
            place = np.searchsorted(inner, column, side="right")
            edges.append(inner)
            values.append(np.array([column[place == i].mean() for i in range(len(inner) + 1)], np.float32))
        return cls(edges=tuple(edges), values=tuple(values))

    @classmethod
    def from_json(cls, text: str) -> ActionBins:
        """Read what `to_json` wrote.

        Raises:
            LapaError: if it is damaged.
        """
        try:
            read = json.loads(text)
            edges, values = ([np.array(row, np.float32) for row in read[name]] for name in ("edges", "values"))
        except (ValueError, KeyError, TypeError) as error:
            raise LapaError(f"actions.json is damaged ({error}): copy the checkpoint again") from error
        return cls(edges=tuple(edges), values=tuple(values))

    def to_json(self) -> str:
        rows = {"edges": [e.tolist() for e in self.edges], "values": [v.tolist() for v in self.values]}
        return json.dumps(rows) + "\n"

    @property
    def num_bins(self) -> tuple[int, ...]:
        """Bins of each dimension."""
        return tuple(map(len, self.values))

    def encode(self, actions: Float[np.ndarray, "n a"]) -> Int[np.ndarray, "n a"]:
        """Return the bin of each action; beyond the training range, the outermost."""
        columns = zip(self.edges, np.asarray(actions, np.float32).T, strict=True)
        return np.stack([np.searchsorted(edges, column, side="right") for edges, column in columns], axis=1)

    def decode(self, bins: Int[np.ndarray, "n a"]) -> Float32[np.ndarray, "n a"]:
        """Return the action each bin stands for."""
        return np.stack([values[column] for values, column in zip(self.values, bins.T, strict=True)], axis=1)
