"""Which latent action follows which, one window later in the same clip: a matrix of counts, each row a distribution.

Per token position over its codes, or over whole latent actions: the commonest ones by name, all others together.
An index built before it kept what follows knows only the pairs of its own rows that happen to lie a window apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Int64, Shaped

from lapa.types import LatentAction, LatentIndex, joint_codes
from viz.figures import style

NUM_SEQUENCES = 16
OTHER = "others"
NO_PAIRS = (
    "this index does not know what follows its transitions: it was built before that was kept. Build it again with "
    "'python -m lapa index'"
)
Pairs = tuple[Int[np.ndarray, "p l"], Int[np.ndarray, "p l"]]


@dataclass(frozen=True, kw_only=True, eq=False)
class FollowData:
    """A matrix of what follows what.

    Attributes:
        names: of its r rows and columns: codes, or whole latent actions with "others" last.
        counts: int64 [r r], of pairs; row: now, column: next.
        what: "token 2" or "latent action".
    """

    names: tuple[str, ...]
    counts: Int64[np.ndarray, "r r"]
    what: str

    @property
    def num_pairs(self) -> int:
        return int(self.counts.sum())

    @property
    def shares(self) -> Float[np.ndarray, "r r"]:
        """float64 [r r], rows sum to 1; NaN where nothing was seen to follow."""
        totals = self.counts.sum(axis=1, keepdims=True)
        return np.where(totals > 0, self.counts / np.maximum(1, totals), np.nan)

    @property
    def base(self) -> Float[np.ndarray, "r"]:
        """float64 [r], how often each comes next whatever came before."""
        return self.counts.sum(axis=0) / max(1, self.num_pairs)

    @property
    def repeats(self) -> tuple[float, float]:
        """How often something follows itself, and how often it would if what came before did not matter."""
        named = [i for i, name in enumerate(self.names) if name != OTHER]
        before = self.counts.sum(axis=1) / max(1, self.num_pairs)
        seen = self.counts[named, named].sum() / max(1, self.num_pairs)
        return float(seen), float((before * self.base)[named].sum())

    @property
    def information_bits(self) -> float:
        """Mutual information of now and next, in bits: 0 if what came before does not matter (raw, biased upwards)."""
        joint = self.counts / max(1, self.num_pairs)
        apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
        seen = joint > 0
        return float((joint[seen] * np.log2(joint[seen] / apart[seen])).sum())


def following_pairs(index: LatentIndex) -> Pairs:
    """Return the tokens of transitions and of those that start where they end: int [p l] each."""
    if index.following is not None:
        known = (index.following >= 0).all(axis=1)
        return index.tokens[known], index.following[known]
    place = {key: row for row, key in enumerate(zip(index.clip.tolist(), index.t.tolist(), strict=True))}
    later = [place.get((clip, t + index.window), -1) for clip, t in zip(index.clip.tolist(), index.t.tolist())]
    rows = np.array(later, np.int64)
    return index.tokens[rows >= 0], index.tokens[rows[rows >= 0]]


def follow_data(index: LatentIndex, position: int | None, *, num_sequences: int = NUM_SEQUENCES) -> FollowData:
    """Count what follows what: codes of token `position`, or whole latent actions if it is None."""
    now, after = following_pairs(index)
    if position is not None:
        names = tuple(map(str, range(index.codebook_size)))
        return FollowData(
            names=names, counts=_table(now[:, position], after[:, position], len(names)), what=f"token {position}"
        )
    codes = [joint_codes(tokens, index.codebook_size) for tokens in (now, after)]
    seen, counts = np.unique(codes[0], return_counts=True)
    kept = np.sort(seen[np.argsort(-counts, kind="stable")[:num_sequences]])
    shape = {"code_seq_len": index.code_seq_len, "codebook_size": index.codebook_size}
    names = [LatentAction.from_code(code, **shape).label for code in kept.tolist()]
    numbers = [_numbered(part, kept) for part in codes]
    return FollowData(names=(*names, OTHER), counts=_table(numbers[0], numbers[1], len(kept) + 1), what="latent action")


def follow_figure(data: FollowData, *, theme: str = "light") -> dict:
    """Draw the matrix as a heatmap, rows now and columns next; clicks carry the row's number as `customdata`."""
    shares, names = data.shares, list(data.names)
    words = [
        [
            f"{now} then {after}: {share:.0%} of {total:,}, {count:,} times; anyway {base:.0%}" if total else ""
            for after, count, share, base in zip(names, row, of_row, data.base)
        ]
        for now, row, of_row, total in zip(names, data.counts.tolist(), shares, data.counts.sum(axis=1).tolist())
    ]
    heat = {
        "type": "heatmap",
        "x": names,
        "y": names,
        "z": style.packed(shares),
        "zmin": 0,
        "zmax": max(0.01, float(np.nanmax(shares, initial=0.0))),
        "colorscale": style.sequential_scale(),
        "text": words,
        "hovertemplate": "%{text}<extra></extra>",
        "hoverongaps": False,
        "xgap": 1,
        "ygap": 1,
        "colorbar": style.color_bar("share of what follows", tickformat=".0%"),
    }
    if len(names) <= 10:
        heat["texttemplate"] = "%{z:.0%}"
        heat["textfont"] = {"size": 10}
    codes = {"type": "category", "showgrid": False, "showline": False, "ticks": "", "constrain": "domain"}
    layout = {
        **style.base_layout(theme, uirevision=f"follow {data.what}"),
        "xaxis": style.axis(theme, f"{data.what}, one window later", **codes),
        "yaxis": style.axis(theme, f"{data.what}, now", autorange="reversed", scaleanchor="x", **codes),
    }
    return style.figure([heat], layout)


def follow_table(data: FollowData) -> Iterable[Sequence]:
    """Yield the matrix as a long table with a heading."""
    yield ["what", "now", "next", "count", "share_of_now", "share_anyway"]
    for (i, j), count in np.ndenumerate(data.counts):
        share = data.shares[i, j]
        yield [
            data.what,
            data.names[i],
            data.names[j],
            int(count),
            "" if np.isnan(share) else f"{share:.6g}",
            f"{data.base[j]:.6g}",
        ]


def _table(now: Int[np.ndarray, "p"], after: Int[np.ndarray, "p"], size: int) -> Int64[np.ndarray, "r r"]:
    flat = now.astype(np.int64) * size + after.astype(np.int64)
    return np.bincount(flat, minlength=size * size).reshape(size, size)


def _numbered(codes: Shaped[np.ndarray, "p"], kept: Shaped[np.ndarray, "s"]) -> Int64[np.ndarray, "p"]:
    """Number codes by their place among those kept; the rest get the number after the last."""
    if not len(kept):
        return np.zeros(len(codes), np.int64)
    at = np.minimum(np.searchsorted(kept, codes), len(kept) - 1)
    return np.where(kept[at] == codes, at, len(kept))
