"""The codes themselves: where their vectors lie, how far apart, how often each is used, and every sequence at once.

Tokens choose from one codebook, or each from its own; then code 3 of one token has nothing to do with code 3 of
another, and each codebook is measured apart. Later ones refine: their distances share a scale of colours, and a ring
around each code tells how far the token after it leads.
Eight vectors are too few to project honestly, so the plane stands beside the distances it cannot keep; and 8^4
sequences need no projection at all: a grid of grids shows each at its own place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64

from lapa.types import LatentIndex
from viz.figures import style
from viz.figures.project import classical_mds, distance_matrix, stress

MAX_CELLS = 70_000
"""Cells of the nested grid; longer sequences are counted by their first tokens."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CodebookData:
    """The codes as numbers; "books" are codebooks: one per token, or a single one that all tokens share.

    Attributes:
        distances: float32 [books k k], between code vectors.
        planes: float32 [books k 2], the same by classical scaling; stress: how much that distorts them (0 is exact).
        lengths: float32 [books], mean length of the code vectors: how far a token leads from where those before it led.
        usage: int64 [l k], how often each token says each code.
    """

    distances: Float32[np.ndarray, "books k k"]
    planes: Float32[np.ndarray, "books k 2"]
    stress: tuple[float, ...]
    lengths: Float32[np.ndarray, "books"]
    usage: Int64[np.ndarray, "l k"]

    @property
    def num_books(self) -> int:
        return len(self.planes)

    @property
    def num_codes(self) -> int:
        return self.planes.shape[1]

    @property
    def uses(self) -> Int64[np.ndarray, "books k"]:
        """How often each code of each codebook is said, by all tokens that choose from it."""
        return self.usage.reshape(self.num_books, -1, self.num_codes).sum(axis=1)

    def ring(self, book: int) -> float:
        """How far the token after it leads from a code of this one; 0 where none does."""
        return float(self.lengths[book + 1]) if book + 1 < self.num_books else 0.0

    @property
    def farthest(self) -> float:
        """The largest distance of two codes, in any codebook."""
        return max(float(self.distances.max()), 1e-9)

    @property
    def decimals(self) -> int:
        """Decimals to write distances with."""
        return 1 if self.farthest >= 10 else 2

    def name(self, book: int) -> str:
        """Say whose codebook it is."""
        return f"token {book}" if self.num_books > 1 else "all tokens"


@dataclass(frozen=True, kw_only=True, eq=False)
class NestedCounts:
    """How often each sequence occurs, as a grid of grids.

    Tokens 0, 2, ... choose the row (coarse to fine), tokens 1, 3, ... the column.

    Attributes:
        counts: int64 [h w] of transitions; codes: int64 [h w], the sequence of each cell as one integer (of its first
            `num_tokens` tokens).
        num_tokens: tokens told apart; code_seq_len unless the grid would have too many cells.
        block: cells of one outer block, (rows, columns); the whole grid if there is only one level.
    """

    counts: Int64[np.ndarray, "h w"]
    codes: Int64[np.ndarray, "h w"]
    num_tokens: int
    num_codes: int
    block: tuple[int, int]

    def axis_title(self, first: int) -> str:
        """Name the tokens that rows (first 0) or columns (first 1) stand for."""
        return ", then ".join(f"token {position}" for position in range(first, self.num_tokens, 2)) or "all"

    def label(self, code: int) -> str:
        """Write a cell's integer as tokens, "3-0-7-1"."""
        tokens = []
        for _ in range(self.num_tokens):
            code, token = divmod(code, self.num_codes)
            tokens.append(str(token))
        return "-".join(reversed(tokens))


def codebook_data(index: LatentIndex) -> CodebookData:
    """Measure the codebooks of an index."""
    books = index.codebooks[:1] if index.is_shared else index.codebooks
    distances = [distance_matrix(book) for book in books]
    planes = [classical_mds(book) for book in distances]
    usage = np.stack([np.bincount(lane, minlength=index.codebook_size) for lane in index.tokens.T.astype(np.int64)])
    return CodebookData(
        distances=np.stack(distances),
        planes=np.stack(planes),
        stress=tuple(map(stress, distances, planes)),
        lengths=np.linalg.norm(books, axis=2).mean(axis=1),
        usage=usage,
    )


def nested_counts(index: LatentIndex, *, max_cells: int = MAX_CELLS) -> NestedCounts:
    """Count the sequences of an index on the grid of grids."""
    k, num_tokens = index.codebook_size, index.code_seq_len
    while num_tokens > 1 and k**num_tokens > max_cells:
        num_tokens -= 1
    codes = index.codes // k ** (index.code_seq_len - num_tokens)
    flat = np.bincount(codes.astype(np.int64), minlength=k**num_tokens)
    order = [*range(0, num_tokens, 2), *range(1, num_tokens, 2)]
    num_rows, num_columns = k ** len(order[: (num_tokens + 1) // 2]), k ** (num_tokens // 2)
    cube = (k,) * num_tokens
    return NestedCounts(
        counts=flat.reshape(cube).transpose(order).reshape(num_rows, num_columns),
        codes=np.arange(k**num_tokens).reshape(cube).transpose(order).reshape(num_rows, num_columns),
        num_tokens=num_tokens,
        num_codes=k,
        block=(max(1, num_rows // k), max(1, num_columns // k)),
    )


def codebook_figure(data: CodebookData, book: int = 0, *, theme: str = "light") -> dict:
    """Draw the codes of one codebook in a plane, area by usage, beside their distances.

    Rings tell how far the next token leads. Colours go with the root of the distance, so that those of later codebooks
    show on the scale that all share. Clicks carry the code as `customdata`.
    """
    counts, k, plane = data.uses[book], data.num_codes, data.planes[book]
    names = [str(code) for code in range(k)]
    colors = style.code_colors(k)
    points = {
        "type": "scatter",
        "mode": "markers+text",
        "x": plane[:, 0].tolist(),
        "y": plane[:, 1].tolist(),
        "text": names,
        "textfont": {"color": [style.ink(color) for color in colors], "size": 12},
        "customdata": list(range(k)),
        "hovertext": [f"code {code}: {count:,} uses" for code, count in enumerate(counts.tolist())],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {
            "size": (18 + 16 * np.sqrt(counts / max(1, counts.max()))).round(1).tolist(),
            "color": colors,
            "opacity": 1,
            "line": {"width": 1, "color": [style.darker(color) for color in colors]},
        },
        "showlegend": False,
    }
    heat = {
        "type": "heatmap",
        "xaxis": "x2",
        "yaxis": "y2",
        "x": names,
        "y": names,
        "z": np.round(data.distances[book], 4).tolist(),
        "zmin": 0,
        "zmax": data.farthest,
        "colorscale": [(share**2, color) for share, color in style.sequential_scale()],
        "texttemplate": f"%{{z:.{data.decimals}f}}" if k <= 16 else "",
        "textfont": {"size": 10},
        "hovertemplate": "codes %{y} and %{x}: %{z:.2f}<extra></extra>",
        "xgap": 1,
        "ygap": 1,
        "showscale": False,
    }
    bare = {"showticklabels": False, "ticks": "", "showgrid": False, "showline": False}
    x, y = (style.axis(theme, f"scaled axis {i}", **bare) for i in (1, 2))
    codes = {"type": "category", "showgrid": False, "showline": False, "ticks": ""}
    ring = data.ring(book)
    reach = 1.3 * float(np.abs(plane).max()) + ring or 1.0
    side = [-reach, reach]  # square, though codes may lie on a line: dots at the rim must not be cut
    layout = {
        **style.base_layout(theme, uirevision=f"codebook {book}"),
        "shapes": _rings(plane, ring, style.THEMES[theme]["text"]),
        "xaxis": {**x, "domain": [0, 0.46], "constrain": "domain", "range": side},
        "yaxis": {**y, "scaleanchor": "x", "constrain": "domain", "range": side},
        "xaxis2": {**style.axis(theme, "code", **codes), "domain": [0.56, 1], "anchor": "y2", "constrain": "domain"},
        "yaxis2": {
            **style.axis(theme, "code", **codes),
            "anchor": "x2",
            "scaleanchor": "x2",
            "autorange": "reversed",
            "constrain": "domain",
        },
    }
    return style.figure([points, heat], layout)


def usage_figure(data: CodebookData, *, theme: str = "light") -> dict:
    """Draw what share of each position's tokens each code has, one stacked bar per position."""
    shares = data.usage / np.maximum(1, data.usage.sum(axis=1, keepdims=True))
    positions = [f"token {position}" for position in range(len(shares))]
    bars = [
        {
            "type": "bar",
            "orientation": "h",
            "name": str(code),
            "y": positions,
            "x": shares[:, code].round(5).tolist(),
            "text": [str(code) if share > 0.04 else "" for share in shares[:, code]],
            "textposition": "inside",
            "insidetextanchor": "middle",
            "textangle": 0,
            "marker": {"color": color, "line": {"width": 1, "color": style.darker(color, 0.15)}},
            "textfont": {"color": style.ink(color)},
            "hovertemplate": f"code {code}: %{{x:.1%}} of %{{y}}<extra></extra>",
        }
        for code, color in enumerate(style.code_colors(data.num_codes))
    ]
    layout = {
        **style.base_layout(theme, uirevision="usage"),
        "barmode": "stack",
        "bargap": 0.25,
        "showlegend": False,
        "xaxis": style.axis(theme, "share of transitions", tickformat=".0%", range=[0, 1], showgrid=False),
        "yaxis": style.axis(theme, autorange="reversed", showline=False, ticks=""),
    }
    return style.figure(bars, layout)


def nested_figure(data: NestedCounts, *, theme: str = "light") -> dict:
    """Draw the grid of grids; empty cells stay blank, clicks carry the sequence as one integer in `customdata`."""
    counts = data.counts
    logs = np.where(counts > 0, np.log10(np.maximum(counts, 1)), np.nan).round(4)
    labels = [
        [f"{data.label(code)}  \u00d7{count}" if count else "" for code, count in zip(codes, row)]
        for codes, row in zip(data.codes.tolist(), counts.tolist())
    ]
    top = max(1.0, float(np.nanmax(logs))) if counts.any() else 1.0
    powers = list(range(int(top) + 1))
    heat = {
        "type": "heatmap",
        "z": style.packed(logs),
        "zmin": 0,
        "zmax": top,
        "colorscale": style.sequential_scale(),
        "customdata": data.codes.tolist(),
        "text": labels,
        "hovertemplate": "%{text}<extra></extra>",
        "hoverongaps": False,
        "xgap": 0.5,
        "ygap": 0.5,
        "colorbar": style.color_bar("transitions", tickvals=powers, ticktext=[str(10**power) for power in powers]),
    }
    height, width = counts.shape
    quiet = {"showgrid": False, "showline": False, "ticks": "", "constrain": "domain"}
    x, y = _block_ticks(width, data.block[1]), _block_ticks(height, data.block[0])
    layout = {
        **style.base_layout(theme, uirevision="nested"),
        "xaxis": style.axis(theme, data.axis_title(1), range=[-0.5, width - 0.5], **x, **quiet),
        "yaxis": style.axis(theme, data.axis_title(0), range=[height - 0.5, -0.5], scaleanchor="x", **y, **quiet),
        "shapes": _block_lines(counts.shape, data.block, style.THEMES[theme]["text"]),
    }
    return style.figure([heat], layout)


def _block_ticks(length: int, block: int) -> dict:
    """Put the outer token's number at the middle of each block."""
    return {
        "tickmode": "array",
        "tickvals": [start + (block - 1) / 2 for start in range(0, length, block)],
        "ticktext": [str(number) for number in range(length // block)],
    }


def _block_lines(shape: tuple[int, ...], block: tuple[int, int], color: str) -> list[dict]:
    height, width = shape
    if block == (1, 1):
        return []
    line = {"type": "line", "name": "rule", "line": {"width": 1, "color": color}, "opacity": 0.55}
    ys = [y - 0.5 for y in range(0, height + 1, block[0])]
    xs = [x - 0.5 for x in range(0, width + 1, block[1])]
    rows = [{**line, "x0": -0.5, "x1": width - 0.5, "y0": y, "y1": y} for y in ys]
    return rows + [{**line, "y0": -0.5, "y1": height - 0.5, "x0": x, "x1": x} for x in xs]


def _rings(plane: Float32[np.ndarray, "k 2"], radius: float, color: str) -> list[dict]:
    line = {"type": "circle", "name": "rule", "line": {"width": 1, "color": color}, "opacity": 0.3, "layer": "below"}
    if not radius:
        return []
    return [{**line, "x0": x - radius, "x1": x + radius, "y0": y - radius, "y1": y + radius} for x, y in plane.tolist()]
