"""A number with its interval: the same draws of whole episodes for every statistic of a report.

Knows nothing of what is measured.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Int

from lapa.eval.metrics import bootstrap_draws

NUM_DRAWS = 1000
LEVELS = (0.025, 0.975)

Facts = dict[str, float | None]


class Bootstrap:
    """The draws of episodes that all intervals of a report are made from.

    `groups` are the episodes of the rows. Intervals are 95 % percentiles; with one episode they have no width.
    """

    def __init__(self, groups: Int[np.ndarray, "n"], *, num_draws: int = NUM_DRAWS, seed: int = 0):
        self._draws = [rows.astype(np.int32) for rows in bootstrap_draws(groups, num_draws, seed)]
        self._all = np.arange(len(groups))

    def measure(
        self, name: str, statistic: Callable[[Int[np.ndarray, "_"]], float], *, recentred: bool = False
    ) -> Facts:
        """Return {name, name_low, name_high}; `statistic` is called with rows. Draws without an answer are left out.

        `recentred` puts the interval around the value, for what repeated rows make smaller, such as a joint entropy.
        """
        draws = np.array([statistic(rows) for rows in self._draws])
        known = draws[np.isfinite(draws)]
        low, high = np.quantile(known, LEVELS) if len(known) else (np.nan, np.nan)
        value = float(statistic(self._all))
        if recentred and len(known):
            low, high = low + value - known.mean(), high + value - known.mean()
        return {key: _known(x) for key, x in zip(keys(name), (value, float(low), float(high)), strict=True)}


def unknown(*names: str) -> Facts:
    """Return the keys of measurements that cannot be made here, each None."""
    return {key: None for name in names for key in keys(name)}


def keys(name: str) -> tuple[str, str, str]:
    """Return the keys of a value and of the ends of its interval."""
    return name, f"{name}_low", f"{name}_high"


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
