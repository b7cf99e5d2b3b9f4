"""The selection, always in sight: the frame, the window, the latent action; and the shelf of clips."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from pathlib import Path

import gradio as gr

from lapa.types import LapaError
from viz.tabs.actions import common_actions
from viz.tabs.markup import button, chips, empty, meant_chips, novelty_html, picture
from viz.tabs.page import Page, Updates, act_html, banner, sentence
from viz.tabs.selection import Selection, seconds, whole_number
from viz.tabs.shelf import Entry

SHOWN_PER_SEARCH = 24
THUMB = 120
SHOWN_PRECISION_S = 0.001
LONGEST_WINDOW_S = 5.0
"""Where the window's slider ends; a link may ask for more."""
GROUP_TITLES = {
    "tabletop": "Tabletop, held-out scenes",
    "bodies": "Three bodies, two looks",
    "droid": "DROID, real robots",
    "real_clips": "Other real robots",
}
VIDEO_TYPES = [
    "video", ".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".ts", ".ogv", ".y4m", ".gif", ".webp",
    ".png", ".apng",
]  # fmt: skip
"""What the browser offers to upload; pictures, because some move."""


def build_sidebar(page: Page, *, max_upload_mb: int, max_upload_s: int) -> None:
    """Build the column that shows and changes the selection."""
    bench = page.bench
    with gr.Column(elem_id="sidebar", scale=0, min_width=288):
        now = act_html("now")
        frame = gr.Slider(0, 1, value=0, step=1, label="Frame", elem_id="frame-slider", buttons=[])
        window = gr.Slider(0.1, 3, value=0.6, step=0.1, label="Window (s)", elem_id="window-s", buttons=[])
        latent = act_html("latent")
        upload = gr.UploadButton(
            f"Upload a video (up to {max_upload_mb} MB, {max_upload_s // 60} min)",
            file_types=VIDEO_TYPES,
            elem_id="upload",
            size="sm",
        )
        with gr.Group(elem_id="picker"):
            group = gr.Dropdown(
                [(GROUP_TITLES.get(name, name), name) for name in bench.shelf.sources],
                value=next(iter(bench.shelf.sources)),
                label="Clips",
                elem_id="clip-group",
            )
            search = gr.Textbox(
                placeholder="Search instructions or names", show_label=False, container=False, elem_id="clip-search"
            )
            clips = act_html("clips")

    actions = common_actions(bench)
    for part in (now, latent, clips):
        page.on_act(part, actions)
    page.on(frame.input, lambda s, t: bench.fit(s.at(whole_number(t, "a frame number"))), [frame])

    def set_window(selection: Selection, value: float | None) -> Selection:
        window_s = seconds(value)
        if abs(window_s - selection.window_s) < SHOWN_PRECISION_S:
            return selection
        return bench.fit(replace(selection, window_s=window_s, tokens=None, row=None))

    page.on(window.input, set_window, [window])

    def take_upload(selection: Selection, file: str | None) -> tuple[Selection, Updates]:
        if not file:
            raise LapaError("no file arrived: choose a video")
        path = Path(file)
        try:
            new, note = bench.add_upload(selection, path, path.name)
        finally:
            path.unlink(missing_ok=True)
        return new, {page.banner: banner(sentence(note))} if note else {}

    page.on(upload.upload, take_upload, [upload])

    def find(selection: Selection, name: str, text: str) -> tuple[Selection, Updates]:
        return selection, {clips: clip_list(page, selection, name, text)}

    page.on(search.input, find, [group, search], [clips])
    page.on(group.input, find, [group, search], [clips])

    page.add_view(None, [now], lambda s: {now: now_html(page, s)}, key=lambda s: (s.bundle, s.clip, s.t))
    page.add_view(
        None,
        [frame, window],
        lambda s: {
            frame: gr.Slider(maximum=max(1, bench.last(s)), value=s.t),
            window: window_slider(page, s),
        },
        key=lambda s: (s.clip, s.t, s.window_s),
    )
    page.add_view(None, [latent], lambda s: {latent: latent_html(page, s)}, key=lambda s: replace(s, tab=""))

    def show_clips(selection: Selection) -> Updates:
        shown = shown_group(page, selection)
        return {group: shown, search: "", clips: clip_list(page, selection, shown, "")}

    page.add_view(None, [group, search, clips], show_clips, key=lambda s: (s.bundle, shown_group(page, s)))


def window_slider(page: Page, selection: Selection) -> gr.Slider:
    """Return the window's slider over what the clip allows, a frame at a time."""
    clip = page.bench.clip(selection)
    longest = min(LONGEST_WINDOW_S, (clip.num_frames - 1) / clip.fps)
    step = 1 / clip.fps
    value = round(selection.window_s, 3)
    return gr.Slider(
        minimum=min(value, round(step, 3)), maximum=max(value, round(longest, 3)), step=round(step, 4), value=value
    )


def shown_group(page: Page, selection: Selection) -> str:
    """Return the group whose clips are listed: the selected clip's own, where it is not an upload."""
    group = page.bench.shelf.entry(selection.clip).group if selection.clip else ""
    return group if group in page.bench.shelf.sources else page.bench.group(selection.bundle)


def now_html(page: Page, selection: Selection) -> str:
    """Return the selected frame with what is known of its clip."""
    bench = page.bench
    entry, clip = bench.shelf.entry(selection.clip), bench.clip(selection)
    image = picture(bench.frame(selection), f"frame {selection.t} of {entry.title}", side=200)
    facts = f"{clip.num_frames} frames at {clip.fps:g} per second"
    words = f"<p>{escape(entry.instruction or entry.title)}</p>"
    return (
        f'<div class="now">{image}<div>{words}<small>{escape(entry.title)}<br>{facts}</small></div></div>'
        + novelty_html(bench.explorer(selection.bundle), bench.frame(selection), is_short=True)
    )


def latent_html(page: Page, selection: Selection) -> str:
    """Return the selected latent action and where it comes from."""
    chosen = page.bench.chosen(selection)
    meanings = page.bench.explorer(selection.bundle).meanings(chosen)
    if selection.tokens is None:
        origin, undo = "seen between the two frames", ""
    else:
        seen = page.bench.seen(selection)
        origin = "set by hand" if selection.row is None else "from the map"
        undo = button(f"back to {chips(seen, 'small')}", "seen", label="back to the tokens seen here", classes="quiet")
    shown = meant_chips(chosen, meanings)
    return f'<div class="latent"><h2>Latent action</h2>{shown}<small>{origin}</small>{undo}</div>'


def clip_list(page: Page, selection: Selection, group: str, text: str) -> str:
    """Return the clips of a group that fit a search, as buttons with pictures."""
    shelf = page.bench.shelf
    if group not in shelf.sources:
        raise LapaError(f"there is no group of clips '{group[:40]}'")
    words = text.lower().split()[:12]
    found = [e for e in shelf.entries(group) if all(w in f"{e.title} {e.instruction}".lower() for w in words)]
    cells = "".join(_clip_button(page, entry, entry.id == selection.clip) for entry in found[:SHOWN_PER_SEARCH])
    rest = len(found) - SHOWN_PER_SEARCH
    more = f'<p class="empty">{rest} more: search to find them.</p>' if rest > 0 else ""
    return f'<div class="clips">{cells}</div>{more}' if found else empty("No clip fits this search.")


def _clip_button(page: Page, entry: Entry, is_selected: bool) -> str:
    try:
        image = picture(page.bench.shelf.first_frame(entry.id), entry.title, side=THUMB)
    except LapaError:
        image = '<span class="broken">cannot be read</span>'
    text = escape(entry.instruction or entry.title)
    return button(
        f"{image}<span>{text}</span>",
        "clip",
        label=entry.instruction or entry.title,
        classes="clip",
        pressed=is_selected,
        clip=entry.id,
    )
