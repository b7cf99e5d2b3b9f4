"""`export clips`: some clips of a data set as videos in a folder, with their instructions in metadata.jsonl."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from lapa.cli import WrongUsage
from lapa.cli.options import parse


@dataclass(frozen=True, kw_only=True)
class ExportClips:
    """Write clips of a data set as one video each: what `open` and the app read back as a folder of videos."""

    data: Path
    """Data set: a LeRobot data set, or a folder of videos."""
    out: Path
    """Folder for the videos."""
    num: int = 20
    """How many, evenly over the kinds of scene."""


def main(verb: str, args: list[str]) -> None:
    options = parse(ExportClips, verb, args)
    if options.num < 1:
        raise WrongUsage(f"--num {options.num} is nothing to write: give 1 or more")
    from lapa.data.source import open_source
    from lapa.data.video import write_video

    source = open_source(options.data)
    lines = []
    for row in _evenly([record.scene for record in source.records], options.num):
        record, clip = source.records[row], source.clip(row)
        number = sum(line["scene"] == record.scene for line in lines)
        name = f"{record.scene or 'clip'}_{number:02d}.mp4"
        write_video(options.out / name, clip.frames, clip.fps)
        facts = {"instruction": record.instruction, "scene": record.scene, "split": record.split}
        lines.append({"file_name": name, **{k: v for k, v in facts.items() if v is not None}})
    (options.out / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    print(f"{options.out}: {len(lines)} clips")


def _evenly(scenes: list[str], num: int) -> list[int]:
    """Choose `num` rows, taking turns over the scenes; grouped by scene."""
    nth: dict[str, int] = {}
    turns = []
    for row, scene in enumerate(scenes):
        turns.append((nth.get(scene, 0), row))
        nth[scene] = nth.get(scene, 0) + 1
    return sorted((row for _, row in sorted(turns)[:num]), key=lambda row: (scenes[row], row))
