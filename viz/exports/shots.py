"""Ask an Explorer for what a figure shows: arrays and nouns, not yet drawn. See `settings` for the questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lapa.explorer import Explorer
from lapa.types import Clip, Frame, LapaError, LatentAction
from viz.exports import settings as export_settings
from viz.figures.canvas import like
from viz.figures.paper_films import FilmRow
from viz.figures.paper_pair import Seen
from viz.figures.paper_ribbon import Ribbon
from viz.figures.paper_sheet import Sheet

MOST_PAIRS = 48
"""Latent actions along a ribbon, unless a stride is asked for; the same as the app's."""
MOST_CODES = 64
MOST_ACTIONS = 64
SHEET_SIDE = 640
"""Longer side of a sheet's pictures, in pixels: twice what is printed of them."""


@dataclass(frozen=True, kw_only=True)
class Film:
    """Rows of pictures one window apart, and what else was measured of them."""

    rows: tuple[FilmRow, ...]
    window_s: float
    facts: dict


def pair_shot(explorer: Explorer, clip: Clip, settings: export_settings.Pair) -> Seen:
    """Encode a pair and decode it again."""
    window = window_of(explorer, clip, settings)
    pair = clip.pair(settings.t, window)
    action = explorer.encode(pair.frame, pair.future)
    decoded = like(explorer.decode(pair.frame, action), pair.future)
    return Seen(pair=pair, window_s=window / clip.fps, action=action, decoded=decoded)


def ribbon_shot(explorer: Explorer, clip: Clip, settings: export_settings.Ribbon) -> Ribbon:
    """Encode along a clip."""
    window = window_of(explorer, clip, settings)
    stride = settings.stride or -(-max(1, clip.num_frames - window) // MOST_PAIRS)
    return Ribbon(clip=clip, window=window, actions=explorer.encode_clip(clip, window=window, stride=stride))


def sheet_shot(explorer: Explorer, clip: Clip, settings: export_settings.Sheet) -> Sheet:
    """Decode a frame under every code of every position."""
    if settings.tokens:
        chosen, frame = _read(explorer, settings.tokens), _frame(clip, settings.t)
    else:
        pair = clip.pair(settings.t, window_of(explorer, clip, settings))
        chosen, frame = explorer.encode(pair.frame, pair.future), pair.frame
    if explorer.codebook_size > MOST_CODES:
        raise LapaError(
            f"a sheet of {explorer.codebook_size} codes would show nothing: it can be drawn up to {MOST_CODES}"
        )
    variants = [
        (*chosen.tokens[:position], code, *chosen.tokens[position + 1 :])
        for position in range(explorer.code_seq_len)
        for code in range(explorer.codebook_size)
    ]
    futures = explorer.decode_many(frame, variants, max_side=SHEET_SIDE)
    shape = (explorer.code_seq_len, explorer.codebook_size, *futures.shape[1:])
    return Sheet(frame=like(frame, futures[0]), chosen=chosen, futures=futures.reshape(shape))


def strip_shot(explorer: Explorer, clip: Clip, settings: export_settings.Strip) -> Film:
    """Dream by an instruction, or play given tokens, beside what was recorded."""
    window, start = window_of(explorer, clip, settings), _frame(clip, settings.t)
    if bool(settings.instruction) == bool(settings.tokens):
        raise LapaError("a strip needs either an instruction for the policy or tokens to play: give one of the two")
    if settings.tokens:
        words = settings.tokens.replace(",", " ").split()
        if len(words) > MOST_ACTIONS:
            raise LapaError(f"{len(words)} latent actions are too many for a strip: give up to {MOST_ACTIONS}")
        steps, title = list(explorer.play(start, [_read(explorer, word) for word in words])), "played"
    else:
        chosen = {"temperature": settings.temperature, "seed": settings.seed, "top_k": settings.top_k}
        steps = list(explorer.rollout(start, settings.instruction, settings.steps, **chosen))
        title = f"dreamed: {settings.instruction}"
    recorded = clip.frames[settings.t + window :: window][: len(steps)]
    rows = [
        FilmRow(
            title=title,
            frames=(like(start, steps[0].frame), *(step.frame for step in steps)),
            actions=tuple(step.latent_action for step in steps),
            distributions=tuple(step.distributions for step in steps),
        )
    ]
    rows += [FilmRow(title="recorded", frames=(start, *recorded))] if len(recorded) else []
    return Film(rows=tuple(rows), window_s=window / clip.fps, facts={})


def transfer_shot(explorer: Explorer, clip: Clip, other: Clip, settings: export_settings.Transfer) -> Film:
    """Play a clip's latent actions from its own frame and from another clip's; say how many tokens are seen again."""
    window = window_of(explorer, clip, settings)
    clip.pair(settings.t, window)
    times = range(settings.t, clip.num_frames - window, window)[: settings.steps]
    recorded = [clip.frames[t] for t in (*times, times[-1] + window)]
    actions = explorer.encode_pairs(recorded[:-1], recorded[1:])
    here, there = clip.frames[settings.t], _frame(other, settings.other_t)
    rows = [FilmRow(title="recorded", frames=tuple(recorded), actions=tuple(actions))]
    facts = {}
    for name, start in (("here", here), ("there", there)):
        steps = [step.frame for step in explorer.play(start, actions)]
        frames = (like(start, steps[0]), *steps)
        facts[f"agreement_{name}"] = agreement(explorer, frames, actions)
        title = {"here": "decoded here", "there": f"decoded on {Path(other.source).name}"}[name]
        rows.append(FilmRow(title=f"{title}, {facts[f'agreement_{name}']:.0%} of tokens seen again", frames=frames))
    return Film(rows=tuple(rows), window_s=window / clip.fps, facts=facts)


def agreement(explorer: Explorer, frames: Sequence[Frame], actions: Sequence[LatentAction]) -> float:
    """Return the share of tokens that the quantizer sees again in a film that was decoded from them."""
    again = explorer.encode_pairs(frames[:-1], frames[1:])
    equal = [
        a == b for one, two in zip(again, actions, strict=True) for a, b in zip(one.tokens, two.tokens, strict=True)
    ]
    return float(np.mean(equal))


def window_of(explorer: Explorer, clip: Clip, settings: export_settings.Settings) -> int:
    """Return the window in frames."""
    return settings.window or explorer.window_frames(clip.fps)


def _frame(clip: Clip, t: int) -> Frame:
    if not 0 <= t < clip.num_frames:
        raise LapaError(f"there is no frame {t}: '{clip.source}' has frames 0 to {clip.num_frames - 1}")
    return clip.frames[t]


def _read(explorer: Explorer, label: str) -> LatentAction:
    return LatentAction.from_label(label, code_seq_len=explorer.code_seq_len, codebook_size=explorer.codebook_size)
