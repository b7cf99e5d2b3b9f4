"""What many transitions have in common: codes and sequences against how common they are anyway, and a montage."""

from __future__ import annotations

from html import escape

import numpy as np

from lapa.types import LatentAction, LatentIndex
from viz.figures.token_statistics import BEYOND_CHANCE, TokenStatistics, sequence_statistics, token_statistics
from viz.tabs.map_query import Query
from viz.tabs.markup import button, chips, code_style, empty, section
from viz.tabs.neighbour import neighbour_html
from viz.tabs.page import Page
from viz.tabs.selection import Selection

NOTHING = (
    "Words are looked up in instructions and clip names; a pattern such as 3-*-7-* has one code or * for each token; "
    "split:train names a split. An empty field shows all again."
)
NUM_SEQUENCES = 8
NUM_PICTURES = 8
NUMBERS_FROM = 0.55
"""Share from which a bar stands behind its numbers, so that these get a ground of their own."""


def picked_html(page: Page, selection: Selection, rows: np.ndarray, query: Query) -> str:
    """Return the summary of a set of transitions; "" for all of them, of which there is nothing to say."""
    index = page.bench.explorer(selection.bundle).need_index()
    if query.by == "all":
        return ""
    if not len(rows):
        return empty(f"No transition is {query.words}. {NOTHING}")
    spread = rows[np.linspace(0, len(rows) - 1, min(NUM_PICTURES, len(rows))).astype(int)]
    montage = "".join(neighbour_html(page, selection, int(row), f"transition {row}") for row in spread)
    facts = (
        f"{escape(query.words[:1].upper() + query.words[1:])}. Mean change {index.magnitude[rows].mean():.3f} per "
        f"pixel; over all transitions {index.magnitude.mean():.3f}. Under each code: how often it is said here, and "
        f"how much more often than anyway; pale where {BEYOND_CHANCE:g} standard deviations of chance would do."
    )
    tables = f'<div class="steer">{token_table(token_statistics(index, rows))}{sequences(index, rows)}</div>'
    title = f"{len(rows):,} of {len(index):,} transitions"
    return section(title, f'{tables}<div class="grid four moving">{montage}</div>', note=facts)


def token_table(statistics: TokenStatistics) -> str:
    """Return, per position, each code's count and share among the chosen, and its lift over the base rate."""
    num_codes = statistics.counts.shape[1]
    codes = "".join(f'<th scope="col" class="sr-only">code {code}</th>' for code in range(num_codes))
    body = []
    for position in range(len(statistics.counts)):
        cells = "".join(_cell(statistics, position, code) for code in range(num_codes))
        body.append(f'<tr class="bars"><th class="position" scope="row">token {position}</th>{cells}</tr>')
    caption = '<caption class="sr-only">count, share and lift of each code at each position</caption>'
    return (
        f'<table class="probabilities lifts" style="--num-codes:{num_codes}">{caption}'
        f'<thead class="sr-only"><tr><th scope="col">position</th>{codes}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table>"
    )


def sequences(index: LatentIndex, rows: np.ndarray) -> str:
    """Return the commonest sequences as buttons that set the latent action, with counts and lifts."""
    codes, statistics = sequence_statistics(index, rows)
    lines = []
    for i, code in enumerate(codes[:NUM_SEQUENCES].tolist()):
        action = LatentAction.from_code(code, code_seq_len=index.code_seq_len, codebook_size=index.codebook_size)
        words = f"{statistics.counts[0, i]:,} of {statistics.totals[0, i]:,}"
        inside = f"{chips(action, 'small')}<small>{words}</small><small>{_times(statistics.lift[0, i])}</small>"
        lines.append(
            button(inside, "tokens", label=f"use {action.label}, {words}", classes="quiet", tokens=action.label)
        )
    more = f"<small>{len(codes):,} different sequences</small>"
    return f'<div class="commonest"><h4>Commonest sequences</h4>{"".join(lines)}{more}</div>'


def _cell(statistics: TokenStatistics, position: int, code: int) -> str:
    at = position, code
    count, share, base = statistics.counts[at], statistics.shares[at], statistics.base[at]
    full = " full" if share > NUMBERS_FROM else ""
    is_chance = abs(statistics.scores[at]) < BEYOND_CHANCE
    title = (
        f"code {code}: {count:,} of {statistics.num_chosen:,} ({share:.1%}); among all {base:.1%}; "
        f"{statistics.scores[at]:+.1f} standard deviations from chance"
    )
    style = f"{code_style(code, statistics.counts.shape[1])[:-1]};--p:{share:.3f};--base:{base:.3f}"
    return (
        f'<td class="bar{" chance" if is_chance else ""}{full}" title="{title}" {style}"><i></i><u></u><b>{code}</b>'
        f'<span class="numbers"><small>{count:,}</small><small>{_times(statistics.lift[at])}</small></span></td>'
    )


def _times(lift: float) -> str:
    return "" if lift != lift else f"\u00d7{lift:.1f}" if lift < 9.95 else f"\u00d7{lift:.0f}"
