"""What Compare shows beside its maps: the same frames, the same clip and the same measures through two bundles."""

from __future__ import annotations

from dataclasses import replace
from html import escape

from viz.figures.film import ribbon_html
from viz.figures.frames import error_heat
from viz.figures.psnr import psnr
from viz.tabs.compared import names_of, other_of
from viz.tabs.markup import chips, empty, figure, later_words, novelty_html, same_size, section
from viz.tabs.page import Page
from viz.tabs.selection import Selection
from viz.tabs.tables import grid

ALONE = (
    "There is only one bundle here. Put another beside it in the checkpoints folder, or start the app with --laq DIR "
    "to compare your own quantizer with the shipped ones."
)
NOTE = (
    "Both models look at the same frames, however far apart the selection puts them; each was trained with a window of "
    "its own."
)


def seen_html(page: Page, selection: Selection) -> str:
    """Return the pair, and what each model says of it, draws of it and misses."""
    bench, other = page.bench, other_of(page, selection)
    if other is None:
        return empty(ALONE)
    pair = bench.pair(selection)
    cards = "".join(
        _card(page, replace(selection, bundle=name, tokens=None, row=None), title)
        for name, title in zip((selection.bundle, other), names_of(page, selection), strict=True)
    )
    later = later_words(pair.window, bench.clip(selection).fps)
    frames = figure(pair.frame, f"Frame {pair.t}", "now") + figure(pair.future, f"Frame {pair.t + pair.window}", later)
    inside = f'<div class="compare-grid"><div class="compare-pair">{frames}</div>{cards}</div>'
    return section("The selected frames", inside, note=NOTE)


def ribbons_html(page: Page, selection: Selection) -> str:
    """Return the tokens of the clip by both models, over the same stretch of time."""
    other = other_of(page, selection)
    if other is None:
        return ""
    lanes = "".join(
        f"<h4>{escape(title)}</h4>{ribbon_html(page.bench.ribbon(replace(selection, bundle=name)), selection.t)}"
        for name, title in zip((selection.bundle, other), names_of(page, selection), strict=True)
    )
    note = "Equal colours mean equal codes within a model, not across: each has codes of its own."
    return section("Along the clip", f'<div class="compare-lanes">{lanes}</div>', note=note)


def numbers_html(page: Page, selection: Selection) -> str:
    """Return what both were measured by, side by side, with the difference."""
    other = other_of(page, selection)
    if other is None:
        return ""
    one, two = (page.bench.explorer(name).records() for name in (selection.bundle, other))
    names = names_of(page, selection)
    parts = "".join(
        f"<h4>{escape(t.title[:1].upper() + t.title[1:])}</h4>{grid((t.header[0], *names, t.header[3]), t.rows)}"
        for t in one.beside(two)
    )
    saves = "".join(
        f'<button type="button" class="quiet" data-server="export" data-save="{kind}" data-what="comparison" '
        f'data-bundle="{escape(selection.bundle)}" data-beside="{escape(other)}" '
        f'aria-label="save the comparison as {title}">{title}</button>'
        for kind, title in (("json", "JSON"), ("md", "Markdown"), ("tex", "LaTeX"))
    )
    note = f"The difference is {names[1]} less {names[0]}."
    body = parts or empty("Neither has numbers that the other has, too.")
    return section("Numbers", f'<div class="compare-tables">{body}</div><div class="toolbar">{saves}</div>', note=note)


def progress_html(done: int, total: int) -> str:
    """Return how far the models are."""
    return (
        f'<div class="progress running" role="status"><progress max="{total}" value="{done}"></progress>'
        f"<span>Both models look at clip {done} of {total}</span></div>"
    )


def _card(page: Page, selection: Selection, title: str) -> str:
    bench, pair = page.bench, page.bench.pair(selection)
    explorer, seen = bench.explorer(selection.bundle), bench.seen(selection)
    rebuilt = same_size(explorer.decode(pair.frame, seen), pair.future)
    quality, copied = psnr(rebuilt, pair.future), psnr(pair.frame, pair.future)
    facts = (
        f"<dl><dt>from these tokens</dt><dd>{quality:.1f} dB</dd><dt>if nothing moved</dt><dd>{copied:.1f} dB</dd>"
        f"<dt>trained with a window of</dt><dd>{explorer.window_s:.2g} s</dd></dl>"
    )
    head = f"<h4>{escape(title)}</h4>{chips(seen, 'large')}{novelty_html(explorer, pair.frame, is_short=True)}{facts}"
    shots = figure(rebuilt, "Decoded", "from its tokens") + figure(error_heat(rebuilt, pair.future), "Missed", "error")
    return f'<div class="compare-card"><div class="panel">{head}</div><div class="compare-pair">{shots}</div></div>'
