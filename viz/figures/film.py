"""Time as pictures: the film strip, the token ribbon under it, and the chips that stand for one latent action.

As HTML for the page; everything given is escaped. For print: `viz/figures/paper.py`.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from itertools import groupby

from lapa.types import Frame, LatentAction
from viz.figures.frames import data_uri
from viz.figures.style import code_color, ink

FRAME_COLOR, FUTURE_COLOR = "#0072b2", "#d55e00"
TimedActions = Sequence[tuple[int, LatentAction]]


def token_chips(latent_action: LatentAction, *, size: str = "medium") -> str:
    """Return coloured chips, one per token; where margins are known a small bar under each says how sure it is.

    `size` is "small", "medium" or "large".
    """
    margins = latent_action.margins or (None,) * len(latent_action.tokens)
    chips = "".join(
        _chip(position, token, margin, latent_action.codebook_size)
        for position, (token, margin) in enumerate(zip(latent_action.tokens, margins, strict=True))
    )
    label = f"latent action {latent_action.label}"
    return f'<span class="lae-chips {html.escape(size, quote=True)}" role="img" aria-label="{label}">{chips}</span>'


def ribbon_html(
    actions: TimedActions,
    current_t: int | None = None,
    *,
    end: int | None = None,
    window: int = 1,
    meanings: Sequence[Sequence[str]] = (),
) -> str:
    """Return one lane per position, coloured by code along the clip, with a marker at exactly `current_t`.

    Equal neighbours are merged. The root carries `data-first`, `data-last`, `data-stride` and `data-end` (frame
    numbers; `end` is the last frame that can be chosen, by default the last action's) and `data-window`, so that a
    script can turn a pointer's x into a frame, and back. `meanings` [position][code] are told with a code.
    """
    if not actions:
        return '<div class="lae-ribbon" role="img" aria-label="no latent actions"></div>'
    times = [t for t, _ in actions]
    stride = times[1] - times[0] if len(times) > 1 else 1
    named = meanings or [()] * len(actions[0][1].tokens)
    lanes = "".join(_lane(position, actions, named[position]) for position in range(len(actions[0][1].tokens)))
    end = times[-1] if end is None else end
    now = "" if current_t is None else f' data-now="{current_t}"'
    return (
        f'<div class="lae-ribbon" role="img" data-first="{times[0]}" data-last="{times[-1]}" data-stride="{stride}" '
        f'data-end="{end}" data-window="{window}"{now} aria-label="latent actions of frames {times[0]} to {times[-1]}">'
        f"{lanes}{_ticks(times)}{_marker(times, stride, current_t, end)}</div>"
    )


def film_html(
    frames: Sequence[Frame], times: Sequence[int], *, current_t: int | None = None, future_t: int | None = None
) -> str:
    """Return thumbnails with their frame numbers, the current frame outlined in blue and the future in orange."""
    cells = []
    for frame, t in zip(frames, times, strict=True):
        kind = "frame" if t == current_t else "future" if t == future_t else ""
        picture = data_uri(frame, kind="jpeg", longer_side=160)
        cells.append(
            f'<figure class="{kind}" data-t="{t}"><img src="{picture}" alt="frame {t}">'
            f"<figcaption>{t}{' ' + kind if kind else ''}</figcaption></figure>"
        )
    return f'<div class="lae-film">{"".join(cells)}</div>'


def _chip(position: int, token: int, margin: float | None, num_codes: int) -> str:
    color = code_color(token, num_codes)
    sure = "" if margin is None else f", {margin:.0%} nearer than the next code"
    bar = "" if margin is None else f'<i><b style="width:{margin:.0%}"></b></i>'
    return (
        f'<span class="lae-chip" style="background:{color};color:{ink(color)}" '
        f'title="position {position}: code {token}{sure}">{token}{bar}</span>'
    )


def _lane(position: int, actions: TimedActions, meanings: Sequence[str]) -> str:
    num_codes, cells = actions[0][1].codebook_size, []
    for token, run in groupby(actions, key=lambda item: item[1].tokens[position]):
        times = [t for t, _ in run]
        when = f"frame {times[0]}" if len(times) == 1 else f"frames {times[0]} to {times[-1]}"
        color = code_color(token, num_codes)
        means = f": {html.escape(meanings[token])}" if token < len(meanings) and meanings[token] else ""
        cells.append(
            f'<span style="flex:{len(times)} 1 0;background:{color};color:{ink(color)}" '
            f'title="{when}, position {position}: code {token}{means}">{token}</span>'
        )
    return f'<span class="name">{position}</span><div class="lane">{"".join(cells)}</div>'


def _ticks(times: list[int], most: int = 8) -> str:
    picks = sorted({round(i * (len(times) - 1) / max(1, most - 1)) for i in range(most)})
    spans = "".join(f'<span style="left:{100 * (i + 0.5) / len(times):.2f}%">{times[i]}</span>' for i in picks)
    return f'<div class="ticks">{spans}</div>'


def _marker(times: list[int], stride: int, current_t: int | None, end: int) -> str:
    if current_t is None or not times[0] <= current_t <= max(end, times[-1]):
        return ""
    num_frames = len(times) * stride
    left = min(current_t - times[0], num_frames - 1)
    place = f"left:{100 * left / num_frames:.2f}%;width:{100 / num_frames:.2f}%"
    return f'<div class="over"><div class="now" style="{place}"></div></div>'
