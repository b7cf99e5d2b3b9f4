"""The map on the screen, as a Plotly figure.

Points carry the row of the index they stand for as `customdata`, whatever trace they are in, and a trace the number of
its category as `meta` (-1: unknown); arrays travel as base64, not as thousands of numbers. Knows nothing of pictures:
the page shows them by row.
"""

from __future__ import annotations

import html
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float32

from lapa.types import LatentIndex
from viz.figures import style
from viz.figures.map_data import MapData, Rows, latent_map_data, point_sizes

GL_FROM = 5000
"""Points from which WebGL draws them; below, SVG needs no graphics card and looks crisper."""
MANY = 20_000
"""Points from which dots are small and bare and carry no words: a hundred thousand of them weigh more than the map."""


def latent_map(
    index: LatentIndex,
    *,
    coords: str = "umap",
    colour_by: str = "token 0",
    level: str = "transition",
    highlight_rows: Rows = (),
    query: Float32[np.ndarray, "2"] | None = None,
    theme: str = "light",
) -> dict:
    """Return the map as a Plotly figure, in one call. See `latent_map_data` and `map_figure`."""
    data = latent_map_data(index, coords=coords, colour_by=colour_by, level=level, highlight_rows=highlight_rows)
    return map_figure(replace(data, query=query), theme=theme)


def map_figure(data: MapData, *, theme: str = "light") -> dict:
    """Draw the map for the screen: {"data", "layout", "themes"}, plain JSON (see `style.figure`)."""
    traces = [_category(data, number) for number in range(len(data.groups))] if data.groups else [_quantity(data)]
    unknown = np.isnan(data.values)
    if unknown.any():
        dots = {**_dots(data, unknown), "color": style.NEUTRAL, "opacity": 0.35}
        traces.insert(
            0, _trace(data, unknown, name="unknown", marker=dots, showlegend=bool(data.groups)) | {"meta": -1}
        )
    traces = [trace for trace in traces if trace is not None]
    traces += _rings(data.xy[data.rings], "selected", 15.0)
    if data.query is not None:
        traces += _rings(data.query[None], "this pair", 19.0)
    ticks = {"showticklabels": False, "ticks": "", "showgrid": False, "showline": False}
    layout = {
        **style.base_layout(theme, uirevision=f"map {data.coords} {data.level}"),
        "xaxis": style.axis(theme, **ticks),
        "yaxis": style.axis(theme, **ticks, scaleanchor="x", scaleratio=1),
        "margin": {"l": 8, "r": 8, "t": 28, "b": 8},
        "dragmode": "pan",
        "hovermode": "closest",
    }
    layout["legend"] |= {"orientation": "h", "x": 0, "y": 0, "yanchor": "top"}
    return style.figure(traces, layout)


def _dots(data: MapData, chosen: Bool[np.ndarray, "n"]) -> dict:
    if data.level == "transition":
        small = 6.5 if len(data.rows) <= 3000 else 5.0 if len(data.rows) < MANY else 3.0
        rim = {} if len(data.rows) >= MANY else {"line": {"width": 0.5, "color": "rgba(0,0,0,0.35)"}}
        return {"size": small, "opacity": 0.8 if rim else 0.6, **rim}
    sizes = point_sizes(data, 5.0, 26.0) if data.level == "sequence" else point_sizes(data, 22.0, 44.0)
    return {"size": style.packed(sizes[chosen]), "opacity": 0.8, "line": {"width": 0.5, "color": "rgba(0,0,0,0.35)"}}


def _trace(data: MapData, chosen: Bool[np.ndarray, "n"], *, name: str, marker: dict, showlegend: bool) -> dict:
    return {
        "type": "scattergl" if len(data.rows) >= GL_FROM else "scatter",
        "mode": "markers+text" if data.level == "code" else "markers",
        "name": html.escape(name),
        "x": style.packed(data.xy[chosen, 0]),
        "y": style.packed(data.xy[chosen, 1]),
        "customdata": style.packed(data.rows[chosen]),
        **_words(data, chosen),
        "marker": marker,
        "showlegend": showlegend,
    }


def _words(data: MapData, chosen: Bool[np.ndarray, "n"]) -> dict:
    """Return what is written on points, and what a mouse over them reads; `ids` are the tokens of merged points."""
    if len(data.rows) >= MANY:
        return {"hovertemplate": "transition %{customdata}<extra></extra>"}
    labels = [label for label, wanted in zip(data.labels, chosen) if wanted]
    if data.level == "transition":
        return {"text": labels, "hovertemplate": "%{text}<extra></extra>"}
    counts = data.counts[chosen].tolist()
    titles = [f"{label}  \u00d7{count:,}" for label, count in zip(labels, counts)]
    written = {"text": [_short(data, label) for label in labels], "textfont": {"size": 11}}
    more = {"hovertext": titles, "hovertemplate": "%{hovertext}<extra></extra>"}
    return {"ids": labels, **(written if data.level == "code" else {}), **more}


def _short(data: MapData, label: str) -> str:
    """Write a code's pattern as the code, with its token where several are shown."""
    position, code = next((i, part) for i, part in enumerate(label.split("-")) if part != "*")
    return code if data.colour_by.startswith("token ") else f"{position}: {code}"


def _category(data: MapData, number: int) -> dict | None:
    chosen, (name, color) = data.values == number, data.groups[number]
    if not chosen.any():
        return None
    return _trace(data, chosen, name=name, marker={**_dots(data, chosen), "color": color}, showlegend=True) | {
        "meta": number
    }


def _quantity(data: MapData) -> dict | None:
    known = ~np.isnan(data.values)
    if not known.any():
        return None
    low, high = data.value_range
    cyclic = data.colour_by == "direction"
    marker = {
        **_dots(data, known),
        "color": style.packed(data.values[known]),
        "colorscale": style.cyclic_scale() if cyclic else style.sequential_scale(),
        "cmin": low,
        "cmax": high,
        "colorbar": style.color_bar(data.colour_by, **_bar_ticks(data.colour_by, high)),
    }
    return _trace(data, known, name=data.colour_by, marker=marker, showlegend=False)


def _bar_ticks(colour_by: str, high: float) -> dict:
    if colour_by == "direction":
        return {"tickvals": [0, 90, 180, 270, 360], "ticktext": ["right", "forward", "left", "back", "right"]}
    if colour_by == "count":
        powers = list(range(int(high) + 1))
        return {"tickvals": powers, "ticktext": [str(10**power) for power in powers]}
    return {}


def _rings(xy: Float32[np.ndarray, "n 2"], name: str, size: float) -> list[dict]:
    """Ring points in white on black, so that rings show on any theme and any colour."""
    if not len(xy):
        return []
    places = {"x": style.packed(xy[:, 0]), "y": style.packed(xy[:, 1])}
    rim = {"type": "scatter", "mode": "markers", "name": name, "showlegend": False, "hoverinfo": "skip", **places}
    rings = []
    for width, color in ((4.5, "#14171c"), (1.8, "#ffffff")):
        line = {"width": width, "color": color}
        rings.append({**rim, "marker": {"size": size, "symbol": "circle-open", "color": color, "line": line}})
    return rings
