"""`export clips`: some clips of a data set as videos in a folder, with their instructions in metadata.jsonl."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

from lapa.cli import WrongUsage
from lapa.cli.options import AnyReading, Reading, parse
from lapa.types import LapaError


@dataclass(frozen=True, kw_only=True)
class ExportClips:
    """Write clips of a data set as one video each: what `open` and the app read back as a folder of videos."""

    data: Path
    """Data set: a LeRobot data set, or a folder of videos."""
    reading: AnyReading = Reading()
    out: Path
    """Folder for the videos."""
    num: int = 20
    """How many, evenly over the kinds of clip."""
    by: tuple[Literal["embodiment", "environment", "site", "scene"], ...] = ("scene",)
    """What makes a kind of clip, and its name: labels that the data set gives."""


def main(verb: str, args: list[str]) -> None:
    options = parse(ExportClips, verb, args)
    if options.num < 1:
        raise WrongUsage(f"--num {options.num} is nothing to write: give 1 or more")
    from lapa.data.blocks import read_blocks
    from lapa.data.labels import LABELS
    from lapa.data.video import write_video

    source = options.reading.open(options.data)
    readable = {row: record for row, record in enumerate(source.records) if record.num_frames}
    kinds = {
        row: "_".join(filter(None, (getattr(record, name) for name in options.by))) or "clip"
        for row, record in readable.items()
    }
    lines, written = [], Counter[str]()
    for row in _evenly(kinds, options.num):
        record, blocks = readable[row], read_blocks(source, row)
        start = next(blocks, None)
        if start is None:  # its name was said when it was read
            continue
        name = f"{kinds[row]}_{written[kinds[row]]:02d}.mp4"
        written[kinds[row]] += 1
        write_video(options.out / name, chain(start, chain.from_iterable(blocks)), record.fps)
        facts = {name: getattr(record, name) for name in ("instruction", *LABELS, "split")}
        lines.append({"file_name": name, **{k: v for k, v in facts.items() if v}})
    if not lines:
        raise LapaError(f"no clip of '{source.name}' can be read, so there is nothing to write")
    (options.out / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    print(f"{options.out}: {len(lines)} clips")


def _evenly(kinds: dict[int, str], num: int) -> list[int]:
    """Choose `num` rows, taking turns over the kinds; grouped by kind."""
    nth, turns = Counter[str](), []
    for row, kind in kinds.items():
        turns.append((nth[kind], row))
        nth[kind] += 1
    return sorted((row for _, row in sorted(turns)[:num]), key=lambda row: (kinds[row], row))
