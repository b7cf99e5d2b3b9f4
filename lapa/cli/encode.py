"""`encode`: the latent actions of a video."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from lapa.cli import WrongUsage
from lapa.cli.options import AnyModels, Models, Video, parse, usage


@dataclass(frozen=True, kw_only=True)
class Encode:
    """Print the latent action from each frame of a video to the one a window later."""

    video: Video
    """A video file, or a folder of pictures."""
    models: AnyModels = Models()
    window: int | None = None
    """Frames between the two; by default the quantizer's window at the video's frame rate."""
    stride: int = 1
    """Frames from one latent action to the next."""
    json: bool = False
    """Print one JSON object: {"window": .., "actions": [{"t": .., "tokens": [..]}, ..]}."""


def main(verb: str, args: list[str]) -> None:
    options = parse(Encode, verb, args)
    if options.stride < 1:
        raise WrongUsage(f"--stride {options.stride} leads nowhere: give 1 or more")
    explorer = options.models.open()
    clip = explorer.open_clip(options.video, max_frames=None)
    window = explorer.window_frames(clip.fps) if options.window is None else options.window
    if options.window is not None:
        with usage():
            clip.pair(0, window)
    actions = explorer.encode_clip(clip, window, options.stride, progress=True)
    if options.json:
        rows = [{"t": t, "tokens": list(action.tokens)} for t, action in actions]
        print(json.dumps({"window": window, "actions": rows}))
        return
    print(f"{Path(options.video).name}: {clip.num_frames} frames at {clip.fps:g} per second, window {window} frames")
    for t, action in actions:
        print(f"{t:6d}  {action.label}   sure {min(action.margins):4.0%}")
