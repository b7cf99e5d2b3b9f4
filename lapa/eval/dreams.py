"""Dreams to be judged: from a clip's frame and its own tokens, step after step on the decoder's own pictures.

Beside each dream stand the true frames, so the tokens say what happened and only the decoder can go wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from tqdm import tqdm

from lapa.data.left_out import leave_out
from lapa.data.video import window_frames
from lapa.frames import to_pixels
from lapa.models.load import AnyLAQ
from lapa.protocols import ClipSource
from lapa.types import LapaError


@dataclass(frozen=True, kw_only=True, eq=False)
class Starts:
    """Where dreams begin: clip and frame number [n], and the frames from step to step, window [n]."""

    clip: Int[np.ndarray, "n"]
    t: Int[np.ndarray, "n"]
    window: Int[np.ndarray, "n"]
    num_too_short: int
    """Clips that are too short for a dream."""

    def __len__(self) -> int:
        return len(self.clip)


@dataclass(frozen=True, kw_only=True, eq=False)
class Dreams:
    """Some dreams: rows of the starts, true frames and dreamt ones [b t 3 h w] with t = steps + 1, tokens [b steps l].

    Both begin with the same true frame.
    """

    rows: Int[np.ndarray, "b"]
    truth: Float[Tensor, "b t 3 h w"]
    dream: Float[Tensor, "b t 3 h w"]
    tokens: Int[Tensor, "b s l"]


def choose_starts(source: ClipSource, rows: Sequence[int], window_s: float, num_steps: int, num: int) -> Starts:
    """Begin with every clip's first frame, then a window later, and so on, until there are `num` starts.

    Raises:
        LapaError: if no clip is long enough.
    """
    windows = {row: window_frames(window_s, source.records[row].fps) for row in rows}
    room = {row: (source.records[row].num_frames - 1) // windows[row] - num_steps for row in rows}
    long = [row for row in rows if room[row] >= 0]
    if not long:
        longest = max((room[row] + num_steps for row in rows), default=0)
        raise LapaError(
            f"no clip of '{source.name}' is {num_steps} windows of {window_s:g} s long: the longest has {longest}, "
            "give fewer --steps or longer clips"
        )
    starts = [(k, row) for row in long for k in range(room[row] + 1)]
    chosen = sorted((row, k * windows[row]) for k, row in sorted(starts)[:num])
    clip, t = np.array(chosen, np.int64).T
    window = np.array([windows[row] for row in clip.tolist()], np.int64)
    return Starts(clip=clip, t=t, window=window, num_too_short=len(rows) - len(long))


@torch.inference_mode()
def dream_all(laq: AnyLAQ, source: ClipSource, starts: Starts, num_steps: int, batch_size: int) -> Iterator[Dreams]:
    """Dream from every start whose frames can be read, with a progress bar; what cannot be read is named."""
    size, device = laq.config.image_size, next(laq.parameters()).device
    with tqdm(total=len(starts), desc="dream", unit="dream", mininterval=1) as bar:
        for rows in np.array_split(np.arange(len(starts)), -(-len(starts) // batch_size)):
            found = {row: _truth(source, starts, row, num_steps, size, device) for row in rows.tolist()}
            found = {row: truth for row, truth in found.items() if truth is not None}
            bar.update(len(rows))
            if found:
                truth = torch.stack(list(found.values()))
                dream, tokens = _dream(laq, truth)
                yield Dreams(rows=np.array(list(found)), truth=truth, dream=dream, tokens=tokens)


def state_rows(source: ClipSource, starts: Starts, num_steps: int) -> Float[np.ndarray, "n t m"] | None:
    """Return the recorded states at every true frame of the dreams, or None where a clip has none."""
    found = []
    for clip, t, window in zip(starts.clip.tolist(), starts.t.tolist(), starts.window.tolist(), strict=True):
        states = source.states(clip)
        if states is None:
            return None
        found.append(states[t + window * np.arange(num_steps + 1)])
    return np.stack(found).astype(np.float64)


def _truth(
    source: ClipSource, starts: Starts, row: int, num_steps: int, size: int, device: torch.device
) -> Tensor | None:
    times = (starts.t[row] + starts.window[row] * np.arange(num_steps + 1)).tolist()
    try:
        return to_pixels(source.frames(int(starts.clip[row]), times), size, device)
    except LapaError as error:
        leave_out(f"a dream on {source.records[int(starts.clip[row])].name} of '{source.name}' ({error})")
        return None


def _dream(laq: AnyLAQ, truth: Float[Tensor, "b t 3 h w"]) -> tuple[Float[Tensor, "b t 3 h w"], Int[Tensor, "b s l"]]:
    frames, tokens = [truth[:, 0]], []
    for step in range(1, truth.shape[1]):
        tokens.append(laq.encode(truth[:, step - 1], truth[:, step]).tokens)
        frames.append(laq.decode(frames[-1], tokens[-1]).clamp(0, 1))
    return torch.stack(frames, 1), torch.stack(tokens, 1)
