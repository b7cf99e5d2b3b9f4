"""The contact sheet: row = position, column = code at that position, the other tokens as chosen."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from lapa.explorer import CodeMeaning
from lapa.limits import MAX_SIDE, THUMB_SIDE
from lapa.types import Frame
from viz.figures.compass import compass_html
from viz.figures.frames import signed_difference
from viz.tabs.markup import code_style, meaning_note, picture, same_size, section
from viz.tabs.page import Page
from viz.tabs.selection import Selection
from viz.tabs.shelf import BoundedCache
from viz.tabs.workbench import Workbench

MAX_CODES_SHOWN = 64
SHOWS = ("Picture", "Change")
KEPT_BYTES = 48 * 2**20


class Variants:
    """Futures of frames under tokens, of all visitors, the most recently used kept: one swap changes few."""

    def __init__(self, bench: Workbench):
        self._bench = bench
        self._kept = BoundedCache(KEPT_BYTES, lambda frame: frame.nbytes)

    def decode(
        self, selection: Selection, tokens: Sequence[tuple[int, ...]], *, max_side: int = MAX_SIDE
    ) -> list[Frame]:
        """Return the selected frame's future under each of `tokens`, at most `max_side` on the longer side."""
        frame = self._bench.frame(selection)
        where = selection.bundle, selection.clip, selection.t, min(max_side, max(frame.shape))
        found = {each: self._kept.get((*where, each)) for each in dict.fromkeys(tokens)}
        missing = [each for each, frame in found.items() if frame is None]
        if missing:
            explorer = self._bench.explorer(selection.bundle)
            for each, decoded in zip(missing, explorer.decode_many(frame, missing, max_side=max_side), strict=True):
                found[each] = self._kept.put((*where, each), decoded.copy())
        return [found[each] for each in tokens]


def sheet_html(page: Page, variants: Variants, selection: Selection, shown: str) -> str:
    """Return the contact sheet of the selected frame, with each code's measured meaning."""
    explorer, frame = page.bench.explorer(selection.bundle), page.bench.frame(selection)
    chosen = page.bench.chosen(selection).tokens
    num_codes = min(explorer.codebook_size, MAX_CODES_SHOWN)
    tokens = [
        (*chosen[:position], code, *chosen[position + 1 :])
        for position in range(len(chosen))
        for code in range(num_codes)
    ]
    decoded = variants.decode(selection, tokens, max_side=THUMB_SIDE)
    if shown == SHOWS[1]:
        start = same_size(frame, decoded[0])
        decoded = [signed_difference(start, after) for after in decoded]
    meaning = explorer.meaning
    rows = []
    for position, token in enumerate(chosen):
        row = decoded[position * num_codes : (position + 1) * num_codes]
        means = meaning.codes[position] if meaning else (None,) * explorer.codebook_size
        cells = "".join(
            _cell(after, position, code, code == token, code_style(code, explorer.codebook_size), means[code])
            for code, after in enumerate(row)
        )
        rows.append(
            f'<div class="sheet-row" role="radiogroup" aria-label="position {position}">'
            f'<div class="position"><span>position {position}</span>{_compass(position, token, means)}</div>'
            f'<div class="cells">{cells}</div></div>'
        )
    note = (
        "Each row swaps one token and keeps the others. Press a picture to choose it; on the keyboard, type a code's "
        "digit, and move between positions and codes with the arrow keys. A compass shows which way things moved in "
        "recorded pairs that have each code; each is drawn to the scale of its own longest arrow."
    )
    kind = " diff" if shown == SHOWS[1] else ""
    columns = f"--codes:{min(num_codes, 8)}"
    return section(
        "What each code does",
        f'<div class="sheet{kind}" style="{columns}" data-editor>{"".join(rows)}</div>{meaning_note(explorer)}',
        note=note,
    )


def _compass(position: int, token: int, means: Sequence[CodeMeaning | None]) -> str:
    if all(meaning is None or meaning.picture is None for meaning in means):
        return ""
    said = ", ".join(f"{m.code} {m.label}" for m in means if m is not None and m.label)
    return compass_html(
        [meaning.picture for meaning in means],
        [meaning.sentence for meaning in means],
        chosen=token,
        faint=[meaning.code for meaning in means if not meaning.points],
        title=f"measured motion of the codes at position {position}: {said}",
    )


def _cell(frame: Frame, position: int, code: int, is_chosen: bool, style: str, meaning: CodeMeaning | None) -> str:
    word = (meaning.label or "rare") if meaning else ""
    label = f"position {position}, code {code}{', ' + word if word else ''}"
    told = f' title="{escape(meaning.sentence)}"' if meaning else ""
    return (
        f'<button type="button" role="radio" class="sheet-cell" data-do="token" data-position="{position}" '
        f'data-code="{code}" data-key="cell-{position}-{code}" {style} aria-checked="{str(is_chosen).lower()}" '
        f'tabindex="{0 if is_chosen else -1}" aria-label="{escape(label)}"{told}>{picture(frame, "", side=200)}'
        f"<b>{code}</b><small>{escape(word)}</small></button>"
    )
