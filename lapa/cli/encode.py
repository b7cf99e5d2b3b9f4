"""`encode`: the latent actions of a video, or of every clip of a data set."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lapa.cli import WrongUsage
from lapa.cli.options import AnyModels, Models, Video, parse, usage
from lapa.types import LapaError

if TYPE_CHECKING:
    from lapa.explorer import Explorer
    from lapa.protocols import ClipSource
    from lapa.types import Clip


@dataclass(frozen=True, kw_only=True)
class Encode:
    """Print the latent action from each frame of a video to the one a window later."""

    video: Video
    """A video file, a folder of pictures, or a data set: then each of its clips, by itself."""
    camera: str = ""
    """Camera of a LeRobot data set; by default one that sees the scene in colour."""
    models: AnyModels = Models()
    window: int | None = None
    """Frames between the two; by default the quantizer's window at the video's frame rate."""
    stride: int = 1
    """Frames from one latent action to the next."""
    json: bool = False
    """Print one JSON object: {"window": .., "actions": [{"t": .., "tokens": [..]}, ..]}; of a data set {"clips": [..]}
    of these, each with its name."""


def main(verb: str, args: list[str]) -> None:
    options = parse(Encode, verb, args)
    if options.stride < 1:
        raise WrongUsage(f"--stride {options.stride} leads nowhere: give 1 or more")
    explorer = options.models.open()
    source = _data_set(options)
    if source is None:
        clip = explorer.open_clip(options.video, max_frames=None)
        if options.window is not None:
            with usage():
                clip.pair(0, options.window)
        found = _encode(explorer, clip, options)
        if options.json:
            print(json.dumps(found))
        else:
            _show(Path(options.video).name, clip, found)
        return
    clips = [_show_one(explorer, source, row, options) for row in range(len(source.records))]
    if options.json:
        print(json.dumps({"clips": [facts for facts in clips if facts is not None]}))
    if not any(clips):
        raise LapaError(f"no clip of '{source.name}' can be read and is longer than the window")


def _data_set(options: Encode) -> ClipSource | None:
    """Open a data set of several clips; None if the path is one video or one folder of pictures."""
    from lapa.data.picture_reader import list_pictures
    from lapa.data.source import is_lerobot, open_source

    path = options.video
    if path.is_dir() and not list_pictures(path) or path.exists() and is_lerobot(path):
        source = open_source(path, camera=options.camera)
        return source if path.is_dir() or len(source.records) > 1 else None
    return None


def _show_one(explorer: Explorer, source: ClipSource, row: int, options: Encode) -> dict[str, Any] | None:
    """Encode a clip of a data set, from its first frame to its last and never beyond; None if that cannot be done."""
    from lapa.data.blocks import read_shrunk
    from lapa.data.left_out import leave_out
    from lapa.limits import fit
    from lapa.types import Clip

    record = source.records[row]
    frames = list(read_shrunk(source, row, fit))
    try:
        if len(frames) < 2:
            raise LapaError("it has no pair of frames")
        clip = Clip(frames=np.stack(frames), fps=record.fps, source=record.name, instruction=record.instruction)
        found = _encode(explorer, clip, options)
    except LapaError as error:
        leave_out(f"{record.name} of '{source.name}' ({error})")
        return None
    if not options.json:
        _show(record.name, clip, found)
    return {"name": record.name, **found}


def _encode(explorer: Explorer, clip: Clip, options: Encode) -> dict[str, Any]:
    window = explorer.window_frames(clip.fps) if options.window is None else options.window
    actions = explorer.encode_clip(clip, window, options.stride, progress=True)
    rows = [{"t": t, "tokens": list(action.tokens)} for t, action in actions]
    if options.json:
        return {"window": window, "actions": rows}
    lines = [f"{t:6d}  {action.label}   sure {min(action.margins):4.0%}" for t, action in actions]
    return {"window": window, "lines": lines}


def _show(name: str, clip: Clip, found: dict[str, Any]) -> None:
    print(f"{name}: {clip.num_frames} frames at {clip.fps:g} per second, window {found['window']} frames")
    print("\n".join(found["lines"]))
