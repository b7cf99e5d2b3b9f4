"""Training curves out of metrics.jsonl: one panel per quantity, held-out data over training data."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence

from viz.figures import style

HELD_OUT = "eval_"
HIDDEN = {"step", "lr"}
TITLES = {
    "loss": "loss",
    "psnr": "PSNR (dB)",
    "psnr_gain_db": "gain over copying (dB)",
    "gain_db": "gain, batch (dB)",
    "controllability_db": "controllability (dB)",
    "perplexity": "perplexity of the codes",
    "codes_used": "codes used",
    "nll": "negative log-likelihood (nats)",
    "nll_right": "NLL, right instruction (nats)",
    "nll_swapped": "NLL, swapped instruction (nats)",
    "nll_gap": "worth of the instruction (nats)",
    "nll_marginal": "NLL of token frequencies (nats)",
    "change_nll": "NLL of where things change (nats)",
    "accuracy": "accuracy",
    "action_error": "error of the action",
    "action_error_constant": "error of a constant action",
}
SIDES = {"training": ("#868e96", 1.5), "held-out": ("#d55e00", 2.2)}
"""Colour and line width on screen."""
Row = dict[str, int | float]
Curve = list[tuple[int, float]]


def read_rows(text: str) -> list[Row]:
    """Read the text of a metrics.jsonl; a last line cut short by a running training is left out."""
    rows = []
    for line in text.splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(row, dict) and isinstance(row.get("step"), int):
            rows.append(row)
    return rows


def panels(rows: Iterable[Row], names: Sequence[str] | None = None) -> dict[str, dict[str, Curve]]:
    """Sort rows into {quantity: {"training" | "held-out": [(step, value), ...]}}, known quantities first."""
    found: dict[str, dict[str, Curve]] = {}
    for row in rows:
        for key, value in row.items():
            name = key.removeprefix(HELD_OUT)
            if name in HIDDEN or not isinstance(value, (int, float)) or not math.isfinite(value):
                continue
            side = "held-out" if key.startswith(HELD_OUT) else "training"
            found.setdefault(name, {}).setdefault(side, []).append((row["step"], float(value)))
    order = names if names is not None else [*TITLES, *sorted(set(found) - set(TITLES))]
    return {name: found[name] for name in order if name in found}


def smooth(curve: Curve, weight: float = 0.9) -> Curve:
    """Average a noisy curve over its past, without the pull towards 0 at the start."""
    total, norm, smoothed = 0.0, 0.0, []
    for step, value in curve:
        total, norm = weight * total + (1 - weight) * value, weight * norm + (1 - weight)
        smoothed.append((step, total / norm))
    return smoothed


def drawn(sides: dict[str, Curve], side: str) -> Curve:
    """Return one side as it is drawn: training is smoothed, what was measured on held-out data is not."""
    curve = sides.get(side, [])
    return smooth(curve) if side == "training" else curve


def curves_table(rows: Iterable[Row], names: Sequence[str] | None = None) -> Iterable[Sequence]:
    """Say what is drawn: per quantity, side and step the value that was logged, and the one drawn."""
    yield ["quantity", "side", "step", "logged", "drawn"]
    for name, sides in panels(rows, names).items():
        for side in SIDES:
            for (step, value), (_, shown) in zip(sides.get(side, []), drawn(sides, side), strict=True):
                yield [name, side, step, f"{value:.8g}", f"{shown:.8g}"]


def curves_figure(
    rows: Iterable[Row], *, names: Sequence[str] | None = None, num_columns: int = 3, theme: str = "light"
) -> dict:
    """Draw training curves for the screen, small multiples with one axis of steps."""
    sorted_rows = panels(rows, names)
    data, layout = [], {**style.base_layout(theme, uirevision="curves"), "annotations": [], "showlegend": True}
    layout["margin"] |= {"t": 56}
    num_rows = max(1, -(-len(sorted_rows) // num_columns))
    for number, (name, sides) in enumerate(sorted_rows.items()):
        row, column = divmod(number, num_columns)
        suffix = "" if number == 0 else str(number + 1)
        x, y = _cell(column, num_columns, 0.07), _cell(num_rows - 1 - row, num_rows, 0.3 / num_rows)
        layout["xaxis" + suffix] = style.axis(theme, domain=x, anchor=f"y{suffix}", showgrid=False, nticks=5)
        layout["yaxis" + suffix] = style.axis(theme, domain=y, anchor=f"x{suffix}", showline=False, nticks=5)
        layout["annotations"].append(_title(TITLES.get(name, name.replace("_", " ")), x[0], y[1]))
        data += _lines(sides, suffix)
    for side in SIDES:
        for line in [line for line in data if line["name"] == side][:1]:
            line["showlegend"] = True
    layout["legend"] |= {"orientation": "h", "x": 0, "y": -0.12, "yanchor": "top"}
    return style.figure(data, layout)


def _lines(sides: dict[str, Curve], suffix: str) -> list[dict]:
    lines = []
    for side, (color, width) in SIDES.items():
        curve = drawn(sides, side)
        if not curve:
            continue
        lines.append(
            {
                "type": "scatter",
                "mode": "lines+markers" if side == "held-out" else "lines",
                "name": side,
                "legendgroup": side,
                "showlegend": False,
                "x": [step for step, _ in curve],
                "y": [value for _, value in curve],
                "xaxis": f"x{suffix}",
                "yaxis": f"y{suffix}",
                "line": {"color": color, "width": width},
                "marker": {"size": 5},
                "hovertemplate": "step %{x}: %{y:.4g}<extra></extra>",
            }
        )
    return lines


def _cell(number: int, count: int, gap: float) -> list[float]:
    size = (1.0 - gap * (count - 1)) / count
    return [number * (size + gap), min(1.0, number * (size + gap) + size)]


def _title(text: str, x: float, y: float) -> dict:
    place = {"x": x, "y": y, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
    return {"text": text, "showarrow": False, "font": {"size": 12}, **place}
