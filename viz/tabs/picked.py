"""What many transitions have in common: the codes at each position, the commonest sequences, and a montage."""

from __future__ import annotations

from html import escape

import numpy as np

from lapa.types import LatentAction, LatentIndex
from viz.tabs.inspect import neighbour_html
from viz.tabs.markup import button, chips, code_style, empty, section
from viz.tabs.page import Page
from viz.tabs.selection import Selection

NUM_SEQUENCES = 8
NUM_PICTURES = 12


def picked_html(page: Page, selection: Selection, rows: np.ndarray, what: str) -> str:
    """Return the summary of `rows` of the index, which were picked by `what`."""
    index = page.bench.explorer(selection.bundle).index
    if not len(rows):
        return section("Picked", empty(f"No transition fits {what}."))
    title = f"{len(rows):,} of {len(index):,} transitions"
    spread = rows[np.linspace(0, len(rows) - 1, min(NUM_PICTURES, len(rows))).astype(int)]
    montage = "".join(neighbour_html(page, selection, int(row), f"transition {row}") for row in spread)
    facts = (
        f"Picked by {escape(what)}. Mean change {index.magnitude[rows].mean():.3f} per pixel; "
        f"over all transitions {index.magnitude.mean():.3f}."
    )
    tables = f'<div class="steer">{share_table(index, rows)}{commonest(index, rows)}</div>'
    return section(title, f'{tables}<div class="grid four">{montage}</div>', note=facts)


def share_table(index: LatentIndex, rows: np.ndarray) -> str:
    """Return, per position, the share of each code among `rows`."""
    body = []
    for position in range(index.code_seq_len):
        share = np.bincount(index.tokens[rows, position], minlength=index.codebook_size) / len(rows)
        cells = "".join(
            f'<td class="bar" {code_style(code, index.codebook_size)[:-1]};--p:{value:.3f}"><i></i><b>{code}</b>'
            f"<small>{value:.0%}</small></td>"
            for code, value in enumerate(share)
        )
        body.append(f'<tr class="bars"><th class="position" scope="row">position {position}</th>{cells}</tr>')
    caption = '<caption class="sr-only">share of each code at each position</caption>'
    return f'<table class="probabilities">{caption}{"".join(body)}</table>'


def commonest(index: LatentIndex, rows: np.ndarray) -> str:
    """Return the commonest sequences as buttons that set the latent action."""
    codes, counts = np.unique(index.codes[rows], return_counts=True)
    lines = []
    for i in np.argsort(-counts, kind="stable")[:NUM_SEQUENCES]:
        action = LatentAction.from_code(
            int(codes[i]), code_seq_len=index.code_seq_len, codebook_size=index.codebook_size
        )
        inside = f"{chips(action, 'small')}<small>{counts[i]:,}</small>"
        lines.append(button(inside, "tokens", label=f"use {action.label}", classes="quiet", tokens=action.label))
    return f'<div class="commonest"><h4>Commonest sequences</h4>{"".join(lines)}</div>'
