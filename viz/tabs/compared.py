"""Which two bundles are compared, on which transitions: shared by the tab, its figures and its exports."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from viz.exports.common import Common, encode_common, shared_transitions
from viz.figures.aligned import Aligned, align
from viz.tabs.header import TITLES
from viz.tabs.page import Page
from viz.tabs.selection import Selection
from viz.tabs.shelf import BoundedCache

KEPT = BoundedCache(24)
"""Transitions that two bundles were asked about, and how they lie over each other; by whom does not matter."""
ENCODED = BoundedCache(512)
"""What one bundle said of one clip: a job that was stopped goes on from there."""


def other_of(page: Page, selection: Selection) -> str | None:
    """Return the bundle to compare with: the one chosen, else the next; None if there is only one."""
    others = [name for name in page.bench.bundles if name != selection.bundle]
    return selection.other if selection.other in others else next(iter(others), None)


def names_of(page: Page, selection: Selection) -> tuple[str, str]:
    """Return both bundles' names for people."""
    one, other = selection.bundle, other_of(page, selection) or ""
    return TITLES.get(one, one), TITLES.get(other, other)


def common_of(page: Page, selection: Selection) -> Common | None:
    """Return the transitions that both are compared on, if they were gathered."""
    return KEPT.get(key_of(page, selection))


def aligned_of(page: Page, selection: Selection, common: Common) -> Aligned:
    """Return both planes of these transitions, the second laid over the first; computed once."""
    return KEPT.get(("aligned", key_of(page, selection)), lambda: align(*common.continuous))


def gather(page: Page, selection: Selection) -> Iterator[tuple[int, int]]:
    """Gather these transitions: those both indices hold, else clips that both encode now; yield (clips done, all)."""
    other = other_of(page, selection)
    assert other is not None, "the tab offers nothing to compare where there is one bundle"
    bench = page.bench
    explorers = bench.explorer(selection.bundle), bench.explorer(other)
    common = shared_transitions(*(explorer.index for explorer in explorers))
    if common is None:
        source = bench.shelf.sources[group_of(page, selection)]
        common = yield from encode_common(*explorers, source, selection.window_s, remember=ENCODED.get)
    KEPT.put(key_of(page, selection), common)


def group_of(page: Page, selection: Selection) -> str:
    """Return the group of clips that both encode: the selected clip's; the bundle's own where that is an upload."""
    group = page.bench.shelf.entry(selection.clip).group
    return group if group in page.bench.shelf.sources else page.bench.group(selection.bundle)


def key_of(page: Page, selection: Selection) -> Hashable:
    """Return what the transitions depend on."""
    other = other_of(page, selection)
    hashes = [page.bench.explorer(name).laq_path for name in (selection.bundle, other) if name]
    return *hashes, group_of(page, selection), round(selection.window_s, 4)
