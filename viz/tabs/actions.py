"""The actions that mean the same in every tab. Each is `(selection, data) -> selection`; `data` came from a browser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lapa.types import LapaError
from viz.tabs.page import Handler
from viz.tabs.selection import TABS, Selection, seconds, whole_number
from viz.tabs.workbench import Workbench

Data = Mapping[str, Any]


def common_actions(bench: Workbench) -> dict[str, Handler]:
    """Return the actions by the name that buttons carry in `data-do`."""

    def clip(selection: Selection, data: Data) -> Selection:
        return choose_clip(bench, selection, str(data.get("clip", "")))

    def jump(selection: Selection, data: Data) -> Selection:
        return bench.fit(selection.at(whole_number(data.get("t"), "a frame number")))

    def token(selection: Selection, data: Data) -> Selection:
        tokens = list(bench.chosen(selection).tokens)
        position = whole_number(data.get("position"), "a position")
        if not 0 <= position < len(tokens):
            raise LapaError(f"there is no position {position}: a latent action has {len(tokens)}")
        tokens[position] = whole_number(data.get("code"), "a code")
        return choose_tokens(bench, selection, "-".join(map(str, tokens)))

    def tokens(selection: Selection, data: Data) -> Selection:
        return choose_tokens(bench, selection, str(data.get("tokens", "")))

    def seen(selection: Selection, data: Data) -> Selection:
        return replace(selection, tokens=None, row=None)

    def row(selection: Selection, data: Data) -> Selection:
        return choose_row(bench, selection, whole_number(data.get("row"), "a row of the index"))

    def tab(selection: Selection, data: Data) -> Selection:
        return read_tab(selection, str(data.get("tab", "")))

    return {"clip": clip, "jump": jump, "token": token, "tokens": tokens, "seen": seen, "row": row, "tab": tab}


def link_readers(bench: Workbench) -> dict[str, Any]:
    """Return what reads each piece of a link, in the order in which they depend on each other."""
    return {
        "bundle": lambda selection, text: choose_bundle(bench, selection, text),
        "clip": lambda selection, text: choose_clip(bench, selection, text),
        "w": lambda selection, text: bench.fit(replace(selection, window_s=seconds(text))),
        "t": lambda selection, text: choose_frame(bench, selection, text),
        "row": lambda selection, text: choose_row(bench, selection, whole_number(text, "a row of the index")),
        "tokens": lambda selection, text: choose_tokens(bench, selection, text),
        "other": lambda selection, text: choose_other(bench, selection, text),
        "tab": read_tab,
    }


def choose_bundle(bench: Workbench, selection: Selection, bundle: str) -> Selection:
    """Switch the models. A clip of the old bundle's own videos gives way to one of the new; any other stays."""
    start = bench.start(bundle)
    is_at_home = not selection.clip or bench.shelf.entry(selection.clip).group == bench.group(selection.bundle)
    if is_at_home:
        return replace(start, tab=selection.tab, other=selection.other)
    return bench.fit(replace(selection, bundle=bundle, window_s=start.window_s, tokens=None, row=None))


def choose_clip(bench: Workbench, selection: Selection, clip_id: str) -> Selection:
    """Show another clip, a third of the way in, in the window the models were trained with."""
    entry = bench.shelf.entry(clip_id)
    window_s = bench.explorer(selection.bundle).window_s
    return bench.fit(
        replace(selection, clip=clip_id, t=entry.num_frames // 3, window_s=window_s, tokens=None, row=None)
    )


def choose_frame(bench: Workbench, selection: Selection, text: str) -> Selection:
    """Go to a frame that a link names; unlike a slider's, it may lie outside the clip."""
    t, last = whole_number(text, "a frame number"), bench.last(selection)
    if not 0 <= t <= last:
        raise LapaError(f"frame {t} is outside: with this window the clip has frames 0 to {last}")
    return selection.at(t)


def choose_row(bench: Workbench, selection: Selection, row: int) -> Selection:
    """Pick a transition of the index: go to its clip where that is on this machine, else take its tokens alone."""
    index = bench.explorer(selection.bundle).index
    if index is None or not 0 <= row < len(index):
        raise LapaError(f"the map has no transition {row}")
    clip_id = bench.shelf.find(index.data, index.clip_names[index.clip[row]])
    if clip_id is None:
        return replace(selection, row=row, tokens=index.latent_action(row).tokens)
    there = replace(selection, clip=clip_id, t=int(index.t[row]), window_s=index.window_s, tokens=None, row=row)
    return bench.fit(there)


def choose_tokens(bench: Workbench, selection: Selection, label: str) -> Selection:
    """Set the latent action by hand; the one that is seen anyway does not count as set."""
    tokens = bench.read_tokens(selection, label).tokens
    is_seen = bool(selection.clip) and tokens == bench.seen(selection).tokens
    return replace(selection, tokens=None if is_seen else tokens, row=None)


def choose_other(bench: Workbench, selection: Selection, bundle: str) -> Selection:
    """Choose the models to compare with."""
    if bundle not in bench.bundles:
        raise LapaError(f"there is no bundle '{bundle[:40]}' here: choose one of {', '.join(bench.bundles)}")
    return replace(selection, other=bundle)


def read_tab(selection: Selection, tab: str) -> Selection:
    """Open a tab; links of old name the report "about"."""
    tab = "report" if tab == "about" else tab
    if tab not in TABS:
        raise LapaError(f"there is no tab '{tab[:40]}': there are {', '.join(TABS)}")
    return replace(selection, tab=tab)
