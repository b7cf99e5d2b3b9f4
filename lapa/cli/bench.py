"""`bench`: how fast the models answer in a warm process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lapa.cli.options import AnyModels, Models, Video, parse, print_facts
from lapa.data.video import open_video
from lapa.limits import MAX_SIDE

if TYPE_CHECKING:
    from lapa.explorer import Explorer


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Time encode, decode, a whole video and the steps of a dream, on this machine, models loaded and warm."""

    video: Video
    """A video to take frames from."""
    instruction: str = "push the red star to the left"
    """What to dream of."""
    repeats: int = 20
    """How often each is timed; medians are printed."""
    json: bool = False
    """Print one JSON object."""
    models: AnyModels = Models()


def main(verb: str, args: list[str]) -> None:
    options = parse(Bench, verb, args)
    from lapa.models.compute import describe

    explorer = options.models.open()
    clip = explorer.open_clip(options.video)
    pair = clip.pair(0, explorer.window_frames(clip.fps))
    action = explorer.encode(pair.frame, pair.future)
    facts = {
        "encode_ms": 1e3 * _median_s(lambda: explorer.encode(pair.frame, pair.future), options.repeats),
        "decode_ms": 1e3 * _median_s(lambda: explorer.decode(pair.frame, action), options.repeats),
        "play_steps_per_s": 8 / _median_s(lambda: list(explorer.play(pair.frame, [action] * 8)), options.repeats // 4),
    }
    facts |= _whole_video(explorer, options.video, max(3, options.repeats // 4))
    if explorer.has_policy:
        dream = lambda: list(explorer.rollout(pair.frame, options.instruction, num_steps=8))  # noqa: E731
        facts["dream_steps_per_s"] = 8 / _median_s(dream, options.repeats // 4)
    print_facts(facts | {"arithmetic": describe("no", explorer.device)}, as_json=options.json)


def _whole_video(explorer: Explorer, video: Path, repeats: int) -> dict[str, float]:
    """Time a video from the file to its tokens: each frame once, and decoding and encoding pair by pair."""
    window = explorer.window_frames(explorer.open_clip(video).fps)

    def pair_by_pair() -> None:
        film = open_video(video, max_side=MAX_SIDE)
        for t in range(film.num_frames - window):
            explorer.encode(*film.frames([t, t + window]))

    once = _median_s(lambda: explorer.encode_clip(explorer.open_clip(video, max_frames=None), window), repeats)
    apart = _median_s(pair_by_pair, repeats)
    return {"video_s": once, "video_pair_by_pair_s": apart, "video_speedup": apart / once}


def _median_s(action: Callable[[], object], repeats: int) -> float:
    action()
    times = []
    for _ in range(max(3, repeats)):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return float(np.median(times))
