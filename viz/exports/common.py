"""Transitions that two models both know, for comparing them: of both indices, or of clips that both encode now."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from lapa.explorer import Explorer
from lapa.protocols import ClipSource
from lapa.types import Frame, LapaError, LatentIndex
from viz.figures.aligned import SIDES

NUM_CLIPS, PER_CLIP = 16, 12
ENOUGH = 64
"""Transitions that two indices must share, to be compared by these."""
Seen = tuple[Int[np.ndarray, "n l"], Float[np.ndarray, "n d"]]
Remember = Callable[[Hashable, Callable[[], Any]], Any]
"""(key, make) -> what was made for this key before, or now."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Common:
    """n transitions as two models see them.

    Attributes:
        clips: name of each transition's clip in its data set. times, windows: its frame, and the window in frames.
        tokens: [n l] of the first and of the second; continuous: [n d] likewise, flattened.
        codebook_sizes: of both.
        origin: which transitions these are, as a sentence.
        data: name of the data set.
        is_encoded: whether both encoded these clips now; else they are rows of both indices.
    """

    clips: tuple[str, ...]
    times: Int[np.ndarray, "n"]
    windows: Int[np.ndarray, "n"]
    tokens: tuple[Int[np.ndarray, "n l"], Int[np.ndarray, "n m"]]
    continuous: tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "n e"]]
    codebook_sizes: tuple[int, int]
    origin: str
    data: str
    is_encoded: bool

    def colours(self, colour_by: str) -> tuple[Int[np.ndarray, "n"], int]:
        """Return a code per transition, and how many codes there are; `colour_by` is "first 0" or "second 3".

        Raises:
            LapaError: if there is no such token.
        """
        side, _, position = colour_by.partition(" ")
        if side in SIDES and position.isdecimal():
            tokens = self.tokens[SIDES.index(side)]
            if int(position) < tokens.shape[1]:
                return tokens[:, int(position)].astype(np.int64), self.codebook_sizes[SIDES.index(side)]
        raise LapaError(f"points cannot be coloured by '{colour_by[:20]}': choose a token of one, such as first 0")

    def labels(self) -> tuple[list[str], list[str]]:
        """Return the tokens of both as text."""
        one, two = (["-".join(map(str, row)) for row in tokens.tolist()] for tokens in self.tokens)
        return one, two

    def find(self, clip: str, t: int) -> int | None:
        """Return the transition of a clip that is nearest to a frame; None if none is of this clip."""
        rows = np.array([i for i, name in enumerate(self.clips) if name == clip], int)
        return int(rows[np.abs(self.times[rows] - t).argmin()]) if len(rows) else None


def shared_transitions(first: LatentIndex | None, second: LatentIndex | None) -> Common | None:
    """Return the transitions that both indices hold: same data, clip, frame and window; None if these are few."""
    if first is None or second is None or first.data != second.data or first.window != second.window:
        return None
    theirs = {(second.clip_names[c], t): row for row, (c, t) in enumerate(zip(second.clip.tolist(), second.t.tolist()))}
    mine = [(first.clip_names[c], t) for c, t in zip(first.clip.tolist(), first.t.tolist())]
    rows = np.array([(row, theirs[key]) for row, key in enumerate(mine) if key in theirs], int).reshape(-1, 2)
    if len(rows) < ENOUGH:
        return None
    return Common(
        clips=tuple(mine[row][0] for row in rows[:, 0]),
        times=first.t[rows[:, 0]],
        windows=np.full(len(rows), first.window),
        tokens=(first.tokens[rows[:, 0]], second.tokens[rows[:, 1]]),
        continuous=(_flat(first.continuous[rows[:, 0]]), _flat(second.continuous[rows[:, 1]])),
        codebook_sizes=(first.codebook_size, second.codebook_size),
        origin=f"{len(rows):,} transitions of '{first.data}' that both indices hold, {first.window_s:g} s apart",
        data=first.data,
        is_encoded=False,
    )


def encode_common(
    one: Explorer,
    other: Explorer,
    source: ClipSource,
    window_s: int | float,
    *,
    num_clips: int = NUM_CLIPS,
    per_clip: int = PER_CLIP,
    remember: Remember = lambda key, make: make(),
) -> Iterator[tuple[int, int]]:
    """Encode transitions spread evenly over a data set's clips with both models.

    `remember` may keep what a model said of a clip, so that a job that was stopped goes on where it was, and a model
    that is compared with a third one is not asked again.

    Yields:
        (clips done, clips in all), first before any, then after each clip.

    Returns:
        the `Common` transitions, when the generator is done.

    Raises:
        LapaError: if no clip is as long as the window.
    """
    windows = [max(1, round(window_s * record.fps)) for record in source.records]
    able = [i for i, record in enumerate(source.records) if record.num_frames > windows[i]]
    if not able:
        raise LapaError(f"no clip of '{source.name}' is longer than {window_s:g} s: choose a shorter window")
    chosen = [able[i] for i in np.unique(np.linspace(0, len(able) - 1, num_clips).astype(int))]
    places, seen = [], ([], [])
    yield 0, len(chosen)
    for done, i in enumerate(chosen):
        record, window = source.records[i], windows[i]
        times = np.unique(np.linspace(0, record.num_frames - 1 - window, per_clip).astype(int))
        frames = cache(partial(_frames, source, i, np.union1d(times, times + window)))
        for explorer, found in zip((one, other), seen, strict=True):
            key = (str(explorer.laq_path), str(source.path), record.name, window, per_clip)
            found.append(remember(key, partial(_encode, explorer, frames, times, window)))
        places += [(record.name, t, window) for t in times.tolist()]
        yield done + 1, len(chosen)
    return Common(
        clips=tuple(name for name, _, _ in places),
        times=np.array([t for _, t, _ in places]),
        windows=np.array([window for _, _, window in places]),
        tokens=tuple(np.concatenate([tokens for tokens, _ in found]) for found in seen),
        continuous=tuple(np.concatenate([latents for _, latents in found]) for found in seen),
        codebook_sizes=(one.codebook_size, other.codebook_size),
        origin=f"{len(places):,} transitions of {len(chosen)} clips of '{source.name}', {window_s:g} s apart, "
        "encoded by both",
        data=source.name,
        is_encoded=True,
    )


def finish(job: Iterator[tuple[int, int]]) -> Common:
    """Run `encode_common` to its end."""
    while True:
        try:
            next(job)
        except StopIteration as end:
            return end.value


def _frames(source: ClipSource, i: int, wanted: Int[np.ndarray, "m"]) -> dict[int, Frame]:
    return dict(zip(wanted.tolist(), source.frames(i, wanted.tolist()), strict=True))


def _encode(
    explorer: Explorer, frames: Callable[[], dict[int, Frame]], times: Int[np.ndarray, "n"], window: int
) -> Seen:
    """Return tokens and flattened latents of a clip's transitions by one model."""
    shown = frames()
    actions = explorer.encode_pairs(*([shown[t] for t in some.tolist()] for some in (times, times + window)))
    latents = [a.continuous.reshape(-1) for a in actions if a.continuous is not None]
    assert len(latents) == len(actions), "what was encoded has a continuous latent"
    return np.array([a.tokens for a in actions]), np.stack(latents)


def _flat(latents: np.ndarray) -> np.ndarray:
    return latents.reshape(len(latents), -1)
