"""What the tokens of some transitions have in common: how often each code is said, against how often it is anyway.

Source: lift = share among the chosen / share among all; the score is the count less its expectation, in standard
deviations of drawing as many without putting back (hypergeometric).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Int64, Shaped

from lapa.types import LatentIndex

BEYOND_CHANCE = 3.0
"""Standard deviations from which a share counts as different: many codes are looked at at once."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenStatistics:
    """Codes by position, or whole sequences in one row.

    Attributes:
        counts: int64 [l k] among the chosen; totals: int64 [l k] among all.
        num_chosen, num_all: transitions.
    """

    counts: Int64[np.ndarray, "l k"]
    totals: Int64[np.ndarray, "l k"]
    num_chosen: int
    num_all: int

    @property
    def shares(self) -> Float[np.ndarray, "l k"]:
        """float64 [l k], share of each code among the chosen."""
        return self.counts / max(1, self.num_chosen)

    @property
    def base(self) -> Float[np.ndarray, "l k"]:
        """float64 [l k], share of each code among all."""
        return self.totals / max(1, self.num_all)

    @property
    def lift(self) -> Float[np.ndarray, "l k"]:
        """float64 [l k], shares / base; NaN for a code that nothing says."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.totals > 0, self.shares / self.base, np.nan)

    @property
    def scores(self) -> Float[np.ndarray, "l k"]:
        """float64 [l k], how far the counts are from chance, in standard deviations; 0 where nothing could differ."""
        left = (self.num_all - self.num_chosen) / max(1, self.num_all - 1)
        spread = np.sqrt(self.num_chosen * self.base * (1 - self.base) * left)
        return np.divide(
            self.counts - self.num_chosen * self.base, spread, out=np.zeros_like(spread), where=spread > 1e-9
        )


def token_statistics(index: LatentIndex, rows: Int[np.ndarray, "m"]) -> TokenStatistics:
    """Count the codes at each position among `rows` and among all."""
    return TokenStatistics(
        counts=_counted(index.tokens[rows], index.codebook_size),
        totals=_counted(index.tokens, index.codebook_size),
        num_chosen=len(rows),
        num_all=len(index),
    )


def sequence_statistics(
    index: LatentIndex, rows: Int[np.ndarray, "m"]
) -> tuple[Shaped[np.ndarray, "k"], TokenStatistics]:
    """Return the sequences among `rows` as integers, commonest first, and their statistics in one row."""
    codes, counts = np.unique(index.codes[rows], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    codes, counts = codes[order], counts[order]
    known, totals = np.unique(index.codes, return_counts=True)
    return codes, TokenStatistics(
        counts=counts[None].astype(np.int64),
        totals=totals[np.searchsorted(known, codes)][None].astype(np.int64),
        num_chosen=len(rows),
        num_all=len(index),
    )


def _counted(tokens: Int[np.ndarray, "m l"], num_codes: int) -> Int64[np.ndarray, "l k"]:
    return np.stack([np.bincount(lane, minlength=num_codes) for lane in tokens.T.astype(np.int64)])
