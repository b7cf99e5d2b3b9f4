"""Two models' maps of the same transitions, laid over each other as well as turning and mirroring allow.

Each model's latents are projected by PCA, then the second plane is brought onto the first (Procrustes), both at one
size. The residual is what no turning explains: 0 is the same shape, 1 has nothing in common; shuffled transitions tell
what chance gives. Knows nothing of models.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from lapa.types import LapaError
from viz.figures import style

LEAST = 8
"""Transitions below which an alignment says nothing."""
SHUFFLES = 20
SIDES = ("first", "second")


@dataclass(frozen=True, kw_only=True, eq=False)
class Aligned:
    """Both planes, [n 2] each, centred and of unit size, the second brought onto the first.

    Attributes:
        residual: of the planes. residual_full: of the whole latents.
        chance, chance_full: the same with the transitions of the second shuffled, mean of 20.
        explained: share of each model's variance that its plane shows.
    """

    first: Float[np.ndarray, "n 2"]
    second: Float[np.ndarray, "n 2"]
    residual: float
    residual_full: float
    chance: float
    chance_full: float
    explained: tuple[float, float]


def align(first: Float[np.ndarray, "n d"], second: Float[np.ndarray, "n e"], *, seed: int = 0) -> Aligned:
    """Project both and bring the second onto the first.

    Raises:
        LapaError: if there are fewer than 8 transitions, or one model says the same of all of them.
    """
    from scipy.spatial import procrustes  # half a second that only who compares pays

    if len(first) < LEAST:
        raise LapaError(f"{len(first)} transitions are too few to compare two maps: give {LEAST} or more")
    if min(np.ptp(first, axis=0).max(), np.ptp(second, axis=0).max()) <= 0:
        raise LapaError("one of the models says the same of all these transitions: there is no map to compare")
    (plane_1, share_1), (plane_2, share_2) = _plane(first), _plane(second)
    one, two, residual = procrustes(plane_1, plane_2)
    width = max(first.shape[1], second.shape[1])
    full_1, full_2 = (np.pad(x.astype(np.float64), ((0, 0), (0, width - x.shape[1]))) for x in (first, second))
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(first)) for _ in range(SHUFFLES)]
    return Aligned(
        first=one,
        second=two / max(float(np.linalg.norm(two)), 1e-12),  # the fit shrinks what does not fit: nothing would show
        residual=float(residual),
        residual_full=float(procrustes(full_1, full_2)[2]),
        chance=float(np.mean([procrustes(plane_1, plane_2[order])[2] for order in orders])),
        chance_full=float(np.mean([procrustes(full_1, full_2[order])[2] for order in orders])),
        explained=(share_1, share_2),
    )


def residual_words(aligned: Aligned) -> str:
    """Return the residuals as a sentence."""
    return (
        f"Procrustes residual {aligned.residual:.2f} in the plane ({aligned.chance:.2f} with transitions shuffled), "
        f"{aligned.residual_full:.2f} of the whole latents ({aligned.chance_full:.2f} shuffled); 0 is the same shape, "
        "1 has nothing in common."
    )


def aligned_figure(
    aligned: Aligned,
    codes: Int[np.ndarray, "n"],
    num_codes: int,
    *,
    names: tuple[str, str],
    selected: int | None = None,
    theme: str = "light",
) -> dict:
    """Draw both planes side by side for the screen, points coloured by one code; `customdata` is the transition.

    Returns:
        a Plotly figure as plain JSON; see `style.figure`.
    """
    layout = {**style.base_layout(theme, uirevision="aligned"), "annotations": [], "dragmode": "pan"}
    layout |= {"margin": {"l": 8, "r": 8, "t": 36, "b": 8}, "hovermode": "closest"}
    ticks = {"showticklabels": False, "ticks": "", "showgrid": False, "showline": False}
    traces = []
    for side, (plane, suffix) in enumerate(((aligned.first, ""), (aligned.second, "2"))):
        domain = [0.0, 0.49] if side == 0 else [0.51, 1.0]
        linked = {"matches": "x"} if side else {}
        layout[f"xaxis{suffix}"] = style.axis(theme, **ticks, domain=domain, anchor=f"y{suffix}", **linked)
        linked = {"matches": "y"} if side else {"scaleanchor": "x"}
        layout[f"yaxis{suffix}"] = style.axis(theme, **ticks, anchor=f"x{suffix}", **linked)
        layout["annotations"].append(_title(names[side], domain[0]))
        place = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        for code in range(num_codes):
            rows = np.flatnonzero(codes == code)
            if len(rows):
                traces.append(_dots(plane, rows, code, style.code_color(code, num_codes), side == 0) | place)
        if selected is not None:
            traces += [ring | place for ring in _ring(plane[selected])]
    layout["legend"] |= {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.0, "yanchor": "bottom"}
    return style.figure(traces, layout)


def _plane(points: Float[np.ndarray, "n d"]) -> tuple[Float[np.ndarray, "n 2"], float]:
    centred = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    values, axes = np.linalg.svd(centred, full_matrices=False)[1:]
    largest = np.take_along_axis(axes[:2], np.abs(axes[:2]).argmax(axis=1)[:, None], axis=1)
    plane = centred @ (axes[:2] * np.where(largest < 0, -1.0, 1.0)).T
    share = float((values[:2] ** 2).sum() / max((values**2).sum(), 1e-12))
    return np.pad(plane, ((0, 0), (0, 2 - plane.shape[1]))), share


def _dots(plane: np.ndarray, rows: np.ndarray, code: int, color: str, showlegend: bool) -> dict:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": str(code),
        "legendgroup": str(code),
        "showlegend": showlegend,
        "x": style.packed(plane[rows, 0]),
        "y": style.packed(plane[rows, 1]),
        "customdata": style.packed(rows),
        "hovertemplate": f"code {code}, transition %{{customdata}}<extra></extra>",
        "marker": {"size": 7, "color": color, "opacity": 0.85, "line": {"width": 0.5, "color": "rgba(0,0,0,0.35)"}},
    }


def _ring(point: np.ndarray) -> list[dict]:
    rim = {"type": "scatter", "mode": "markers", "showlegend": False, "hoverinfo": "skip"}
    place = {"x": [float(point[0])], "y": [float(point[1])]}
    look = {"size": 17, "symbol": "circle-open"}
    return [
        {**rim, **place, "marker": {**look, "color": color, "line": {"width": width, "color": color}}}
        for width, color in ((5, "#14171c"), (2, "#ffffff"))
    ]


def _title(text: str, x: float) -> dict:
    place = {"x": x, "y": 1.0, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
    return {"text": text, "showarrow": False, "font": {"size": 13}, **place}
