"""The results of a grid as JSON, Markdown and LaTeX: one table per axis, the base run marked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lapa.checkpoint import write_text
from lapa.eval.report import Table, latex_table, markdown_table

Facts = dict[str, Any]
TITLES = {
    "quantizer": "Quantizer",
    "conditioning": "How the decoder is told",
    "head": "Pixel head",
    "input": "What the encoder sees",
    "codes": "Tokens x codes",
    "width": "Width of a code vector",
    "window": "Window",
    "motion": "What a latent is held to",
    "seed": "The same run with other seeds",
}
COLUMNS = {
    "psnr_gain_db": ("gain, dB", ".2f"),
    "controllability_db": ("controllability, dB", ".2f"),
    "controllability_shuffled_db": ("against another clip's, dB", ".2f"),
    "perplexity": ("perplexity", ".1f"),
    "redundancy": ("said twice", ".2f"),
    "probe_r2_tokens": ("probe R2, tokens", ".2f"),
    "probe_r2_continuous": ("probe R2, continuous", ".2f"),
}
"""Column of a result -> what stands above it, and the format of its number."""


def lay_out(rows: Sequence[Facts]) -> list[Table]:
    """Return one table per axis."""
    header = ("setting", *(title for title, _ in COLUMNS.values()))
    return [
        Table(title=TITLES[axis], header=header, rows=tuple(_cells(row) for row in rows if row["axis"] == axis))
        for axis in dict.fromkeys(row["axis"] for row in rows)
    ]


def write_tables(rows: Sequence[Facts], about: Facts, out: Path) -> list[Path]:
    """Write ablation.json, .md and .tex; `about` says what all cells share."""
    tables, text = lay_out(rows), caption(about)
    parts = [text, *(f"## {table.title}\n\n{markdown_table(table)}" for table in tables)]
    latex = [f"% {text}\n% Needs \\usepackage{{booktabs}}.", *(latex_table(table) for table in tables)]
    files = {
        "ablation.json": json.dumps({**about, "caption": text, "rows": rows}, indent=1, allow_nan=False) + "\n",
        "ablation.md": "\n\n".join(parts) + "\n",
        "ablation.tex": "\n".join(latex),
    }
    for name, content in files.items():
        write_text(out / name, content)
    return [out / name for name in files]


def caption(about: Facts) -> str:
    """Return one line that says what all cells share."""
    return (
        f"One setting changed at a time (*: the base). {about['num_steps']} steps of {about['batch_size']} pairs, "
        f"{about['image_size']} pixels, width {about['width']}, on '{about['data']}'; judged on {about['num_pairs']} "
        "held-out pairs. Said twice: what two tokens share, 0 to 1. -: no tokens, or too few, to measure it on."
    )


def _cells(row: Facts) -> tuple[str, ...]:
    values = ("-" if row[key] is None else format(row[key], digits) for key, (_, digits) in COLUMNS.items())
    return (row["label"] + " *" * row["is_base"], *values)
