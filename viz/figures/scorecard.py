"""A quantizer's scorecard as one figure: what it gains, what its tokens say, whether they say it elsewhere, and what.

Reads the JSON of `eval laq` (`--json`, or a report written with `--out FILE.json`); what was not measured is not drawn.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lapa.types import LapaError
from viz.figures import style

OURS, RIVAL = "#0072b2", style.NEUTRAL
"""Colours of what is measured, and of what it must beat."""
TARGETS = {"displacement": "#0072b2", "flow": "#e69f00", "action": "#009e73"}
"""Colours of what probes read."""
GAINS = {
    "psnr_gain_db": "over copying",
    "psnr_gain_db_moving": "over copying, moving half",
    "controllability_db": "over random tokens",
    "controllability_shuffled_db": "over another clip's tokens",
    "leak_db": "leak (0 is best)",
}
FEATURES = {
    "tokens": "tokens",
    "continuous": "continuous",
    "pca": "PCA of difference",
    "pretrained": "pretrained features",
    "untrained_continuous": "untrained, continuous",
    "untrained": "untrained, tokens",
}
ELSEWHERE = {
    "cycle_cosine": "drawn in another clip",
    "cycle_cosine_embodiment": "drawn on another body",
    "cycle_cosine_environment": "drawn in another environment",
    "cycle_cosine_direct": "in its own clip",
    "consistency_episode": "learned in other episodes",
    "consistency_scene": "learned in other scenes",
    "consistency_site": "learned at other sites",
    "consistency_embodiment": "learned on other bodies",
    "consistency_environment": "learned in other environments",
    "consistency_chance": "without the tokens",
}
BASELINES = {"leak_db", "cycle_cosine_direct", "consistency_chance"}
FLOOR = -0.25
"""R2 and cosines below this are drawn at it."""
PER_ROW = 4
"""Compasses in one row."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A value with its interval (or none), and what it is."""

    label: str
    value: float
    low: float | None
    high: float | None
    color: str


@dataclass(frozen=True, kw_only=True)
class Arrow:
    """What moves in the pairs that have a code: the mean motion, and how well they agree (0 to 1)."""

    position: int
    code: int
    x: float
    y: float
    concentration: float
    word: str
    count: int


@dataclass(frozen=True, kw_only=True, eq=False)
class ScorecardData:
    """What the figure shows.

    Attributes:
        gains: in dB. probes: R2 by target, then by features. elsewhere: cosines.
        arrows: one per code with a known motion; axes: what they point to, such as ("right", "forward").
        num_positions, num_codes: of the quantizer. length: mean length of all motions.
        shared: [l l], share of information that two positions have in common.
        caption: what was measured on what, or "".
    """

    gains: tuple[Bar, ...]
    probes: dict[str, tuple[Bar, ...]]
    elsewhere: tuple[Bar, ...]
    arrows: tuple[Arrow, ...]
    axes: tuple[str, str]
    num_positions: int
    num_codes: int
    length: float
    shared: np.ndarray
    caption: str


def read_scorecard(path: str | Path) -> dict[str, Any]:
    """Read the JSON that `eval laq` wrote.

    Raises:
        LapaError: if it is not there, or not a scorecard.
    """
    try:
        facts = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise LapaError(f"'{path}' is no scorecard: give the JSON that 'eval laq --out FILE.json' writes") from None
    scorecard_data(facts)
    return facts


def scorecard_data(facts: Mapping[str, Any]) -> ScorecardData:
    """Pick what the figure shows out of a scorecard.

    Raises:
        LapaError: if these are not the facts of `eval laq`.
    """
    if not isinstance(facts, Mapping) or "psnr_gain_db" not in facts or "codes" not in facts:
        raise LapaError("these are not the numbers of a quantizer: give what 'eval laq' measured")
    axes = ("right", "up" if facts.get("motion") == "flow" else "forward")
    known = [code for code in facts["codes"] if code.get("concentration") is not None]
    counts = np.array([code["count"] for code in known], float)
    lengths = np.array([code["length"] for code in known])
    probes: dict[str, tuple[Bar, ...]] = {}
    for target, color in TARGETS.items():
        rows = {row["features"]: row for row in facts.get("probes", ()) if row["target"] == target}
        bars = tuple(_bar(FEATURES[name], rows[name], "r2", color) for name in FEATURES if name in rows)
        if bars:
            probes[target] = bars
    return ScorecardData(
        gains=_bars(facts, GAINS),
        probes=probes,
        elsewhere=_bars(facts, ELSEWHERE),
        arrows=tuple(_arrow(code, axes) for code in known),
        axes=axes,
        num_positions=int(facts["code_seq_len"]),
        num_codes=int(facts["codebook_size"]),
        length=float((counts * lengths).sum() / counts.sum()) if len(known) else 0.0,
        shared=np.asarray(facts["shared_information"], float),
        caption=str(facts.get("caption", "")),
    )


def scorecard_figure(facts: Mapping[str, Any], *, theme: str = "light") -> dict:
    """Draw a scorecard for the screen: gains, probes, elsewhere; below them a compass per position and what they share.

    Returns:
        a Plotly figure as plain JSON; see `style.figure`.
    """
    data = scorecard_data(facts)
    layout = {**style.base_layout(theme, uirevision="scorecard"), "annotations": [], "shapes": [], "barmode": "group"}
    layout |= {"showlegend": True, "height": 330 + 230 * compass_rows(data)}
    layout["legend"] |= {"orientation": "h", "x": 0.36, "y": 1.0, "yanchor": "bottom", "font": {"size": 11}}
    layout["margin"] |= {"t": 56, "l": 150}
    split = 230 * compass_rows(data) / layout["height"]
    upper = [split + 0.09, 0.97]
    traces = _bar_panel(layout, data.gains, "", [0.0, 0.24], upper, "dB", theme)
    traces += _probe_panel(layout, data, "2", [0.42, 0.64], upper, theme)
    traces += _bar_panel(layout, data.elsewhere, "3", [0.82, 1.0], upper, "cosine", theme)
    num_cells = min(PER_ROW, data.num_positions) + 1
    for position in range(data.num_positions):
        row, column = divmod(position, PER_ROW)
        traces += _compass(layout, data, position, _cell(column, num_cells), _row(row, data, split), theme)
    traces += _shared_panel(layout, data, _cell(num_cells - 1, num_cells), _row(0, data, split), theme)
    return style.figure(traces, layout)


def scorecard_table(data: ScorecardData) -> Iterable[Sequence]:
    """Say each plotted number in one long table: the panel, of what, the value and its interval."""
    yield ["panel", "of", "value", "low", "high"]
    panels = {"gain_db": data.gains, "cosine": data.elsewhere}
    panels |= {f"probe_r2 of the {target}": bars for target, bars in data.probes.items()}
    for panel, bars in panels.items():
        for bar in bars:
            yield [panel, bar.label, *("" if v is None else f"{v:.6g}" for v in (bar.value, bar.low, bar.high))]
    for a in data.arrows:
        for axis, value in zip((*data.axes, "concentration"), (a.x, a.y, a.concentration), strict=True):
            yield [axis, f"token {a.position} code {a.code} ({a.word})", f"{value:.6g}", "", ""]
    for (row, column), value in np.ndenumerate(data.shared):
        yield ["shared", f"tokens {row} and {column}", f"{value:.6g}", "", ""]


def compass_rows(data: ScorecardData) -> int:
    """Return how many rows the compasses take."""
    return -(-data.num_positions // PER_ROW)


def probe_labels(data: ScorecardData) -> list[str]:
    """Return what probes read from, in the order of the rows."""
    return list(dict.fromkeys(bar.label for bars in data.probes.values() for bar in bars))


def probe_shift(data: ScorecardData, target: str) -> float:
    """Return how far below its row's middle a target is drawn, so that targets do not hide each other."""
    return 0.22 * (list(data.probes).index(target) - (len(data.probes) - 1) / 2)


def reach(data: ScorecardData) -> float:
    """Return how far a compass reaches: the longest arrow and the mean length both fit."""
    return 1.15 * max([data.length, *(float(np.hypot(a.x, a.y)) for a in data.arrows), 1e-9])


def drawn_value(value: float) -> float:
    """Return where a value is drawn: not below `FLOOR`, where an unlucky baseline would squeeze the rest."""
    return max(FLOOR, value)


def _bars(facts: Mapping[str, Any], names: Mapping[str, str]) -> tuple[Bar, ...]:
    known = {key: label for key, label in names.items() if facts.get(key) is not None}
    return tuple(_bar(label, facts, key, RIVAL if key in BASELINES else OURS) for key, label in known.items())


def _bar(label: str, row: Mapping[str, Any], key: str, color: str) -> Bar:
    return Bar(label=label, value=row[key], low=row.get(f"{key}_low"), high=row.get(f"{key}_high"), color=color)


def _arrow(code: Mapping[str, Any], axes: tuple[str, str]) -> Arrow:
    place = {"position": code["position"], "code": code["code"], "count": code["count"]}
    return Arrow(x=code[axes[0]], y=code[axes[1]], concentration=code["concentration"], word=code["word"], **place)


def _whiskers(bars: tuple[Bar, ...]) -> dict:
    """Return Plotly's error bars, around the drawn values; none where an interval is not known."""
    ends = [
        (drawn_value(b.value), b.value if b.low is None else b.low, b.value if b.high is None else b.high) for b in bars
    ]
    return {
        "type": "data",
        "symmetric": False,
        "array": [max(0.0, high - value) for value, _, high in ends],
        "arrayminus": [max(0.0, value - drawn_value(low)) for value, low, _ in ends],
        "thickness": 1.2,
        "width": 3,
    }


def _bar_panel(
    layout: dict, bars: tuple[Bar, ...], suffix: str, x: list[float], y: list[float], unit: str, theme: str
) -> list[dict]:
    layout["xaxis" + suffix] = style.axis(theme, unit, domain=x, anchor=f"y{suffix}", nticks=5)
    layout["yaxis" + suffix] = style.axis(
        theme, domain=y, anchor=f"x{suffix}", showgrid=False, autorange="reversed", showline=False
    )
    return [
        {
            "type": "bar",
            "orientation": "h",
            "showlegend": False,
            "x": [drawn_value(bar.value) for bar in bars],
            "y": [bar.label for bar in bars],
            "customdata": [[bar.value, bar.low, bar.high] for bar in bars],
            "error_x": {**_whiskers(bars), "color": style.THEMES[theme]["muted"]},
            "marker": {"color": [bar.color for bar in bars]},
            "xaxis": f"x{suffix}",
            "yaxis": f"y{suffix}",
            "hovertemplate": "%{y}: %{customdata[0]:.3g} (%{customdata[1]:.3g} to %{customdata[2]:.3g})<extra></extra>",
        }
    ]


def _probe_panel(
    layout: dict, data: ScorecardData, suffix: str, x: list[float], y: list[float], theme: str
) -> list[dict]:
    labels = probe_labels(data)
    place = {"domain": x, "anchor": f"y{suffix}", "range": [FLOOR, 1]}
    names = {"tickvals": list(range(len(labels))), "ticktext": labels, "range": [len(labels) - 0.4, -0.6]}
    layout["xaxis" + suffix] = style.axis(theme, "R2 of a linear probe", **place)
    layout["yaxis" + suffix] = style.axis(theme, domain=y, anchor=f"x{suffix}", showline=False, **names)
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": target,
            "cliponaxis": False,
            "x": [drawn_value(bar.value) for bar in bars],
            "y": [labels.index(bar.label) + probe_shift(data, target) for bar in bars],
            "customdata": [[bar.label, bar.value, bar.low, bar.high] for bar in bars],
            "error_x": {**_whiskers(bars), "color": TARGETS[target]},
            "marker": {
                "color": TARGETS[target],
                "size": 8,
                "symbol": ["triangle-left" if bar.value < FLOOR else "circle" for bar in bars],
            },
            "xaxis": f"x{suffix}",
            "yaxis": f"y{suffix}",
            "hovertemplate": f"{target} from %{{customdata[0]}}: %{{customdata[1]:.3f}} "
            "(%{customdata[2]:.3f} to %{customdata[3]:.3f})<extra></extra>",
        }
        for target, bars in data.probes.items()
    ]


def _compass(
    layout: dict, data: ScorecardData, position: int, x: list[float], y: list[float], theme: str
) -> list[dict]:
    suffix, colors = str(4 + position), style.THEMES[theme]
    size, empty = reach(data), {"visible": False}
    layout["xaxis" + suffix] = style.axis(theme, domain=x, anchor=f"y{suffix}", range=[-size, size], **empty)
    layout["yaxis" + suffix] = style.axis(
        theme, domain=y, anchor=f"x{suffix}", range=[-size, size], scaleanchor=f"x{suffix}", **empty
    )
    layout["annotations"].append(_title(f"token {position}", x, y))
    if position == 0:
        ways = {
            "showarrow": False,
            "xref": f"x{suffix}",
            "yref": f"y{suffix}",
            "font": {"size": 10, "color": style.NEUTRAL},
        }
        said = f"\u2192 {data.axes[0]}  \u2191 {data.axes[1]}"  # under the circle, where no arrow can be
        layout["annotations"].append({**ways, "text": said, "x": 0, "y": -size, "yanchor": "top"})
    ring = {"type": "circle", "xref": f"x{suffix}", "yref": f"y{suffix}", "line": {"color": colors["line"], "width": 1}}
    radius = data.length
    layout["shapes"].append(ring | {"x0": -radius, "x1": radius, "y0": -radius, "y1": radius})
    return [
        {
            "type": "scatter",
            "mode": "lines+markers+text",
            "showlegend": False,
            "x": [0.0, arrow.x],
            "y": [0.0, arrow.y],
            "text": ["", str(arrow.code)],
            "textposition": "top center",
            "opacity": _opacity(arrow),
            "line": {"color": style.code_color(arrow.code, data.num_codes), "width": 2.5},
            "marker": {
                "size": [0, 9],
                "color": style.code_color(arrow.code, data.num_codes),
                "symbol": "triangle-up",
                "angle": float(np.degrees(np.arctan2(arrow.x, arrow.y))),
            },
            "xaxis": f"x{suffix}",
            "yaxis": f"y{suffix}",
            "hovertemplate": f"token {position}, code {arrow.code}: {arrow.word}, concentration "
            f"{arrow.concentration:.2f}, {arrow.count} pairs<extra></extra>",
        }
        for arrow in data.arrows
        if arrow.position == position
    ]


def _shared_panel(layout: dict, data: ScorecardData, x: list[float], y: list[float], theme: str) -> list[dict]:
    suffix = str(4 + data.num_positions)
    ticks = {"tickvals": list(range(data.num_positions)), "showline": False, "showgrid": False}
    layout["xaxis" + suffix] = style.axis(theme, domain=x, anchor=f"y{suffix}", constrain="domain", **ticks)
    layout["yaxis" + suffix] = style.axis(
        theme,
        domain=y,
        anchor=f"x{suffix}",
        autorange="reversed",
        scaleanchor=f"x{suffix}",
        constrain="domain",
        **ticks,
    )
    layout["annotations"].append(_title("said twice", x, y))
    return [
        {
            "type": "heatmap",
            "z": data.shared.tolist(),
            "zmin": 0,
            "zmax": 1,
            "colorscale": style.sequential_scale(),
            "showscale": False,
            "texttemplate": "%{z:.2f}",
            "xaxis": f"x{suffix}",
            "yaxis": f"y{suffix}",
            "hovertemplate": "tokens %{y} and %{x} share %{z:.2f} of what they say<extra></extra>",
        }
    ]


def _opacity(arrow: Arrow) -> float:
    return 0.25 + 0.75 * min(1.0, max(0.0, arrow.concentration))


def _cell(column: int, count: int) -> list[float]:
    size = (1.0 - 0.03 * (count - 1)) / count
    return [column * (size + 0.03), min(1.0, column * (size + 0.03) + size)]


def _row(row: int, data: ScorecardData, split: float) -> list[float]:
    size = split / compass_rows(data)
    top = split - row * size
    return [top - 0.86 * size, top - 0.12 * size]


def _title(text: str, x: list[float], y: list[float]) -> dict:
    place = {"x": x[0], "y": y[1], "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
    return {"text": text, "showarrow": False, "font": {"size": 12}, **place}
