"""What each frame of an episode was for: its task, or the subtask at hand; an episode is cut where that changes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

SUBTASKS = "language_persistent"
"""Column of v3.1: what was said of an episode and from when on; every frame carries the whole of it."""


@dataclass(frozen=True, kw_only=True)
class Segment:
    """Part of an episode with one instruction: `num_frames` from frame `first` on; `number` counts them, from 0."""

    row: int
    first: int
    num_frames: int
    instruction: str
    number: int = 0
    is_part: bool = False


def sentences_of(tasks: Any, known: dict[int, str]) -> list[str]:
    """Return the tasks that the episode table names: a list of sentences or their numbers, or one sentence."""
    listed = tasks if isinstance(tasks, list) else [] if tasks is None else [tasks]
    found = [known.get(task, "") if isinstance(task, int) else str(task) for task in listed]
    return [text for text in (sentence.strip() for sentence in found) if text]


def subtasks_at(said: Sequence[dict[str, Any]], times: np.ndarray) -> list[str]:
    """Return the subtask at each time, "" before the first; one holds until the next begins.

    Args:
        said: rows of a `language_persistent` cell: content, style, timestamp (seconds in the episode).
    """
    rows = [row for row in said if row.get("style") == "subtask" and row.get("content")]
    rows = sorted(rows, key=lambda row: row.get("timestamp") or 0.0)
    starts = np.array([row.get("timestamp") or 0.0 for row in rows])
    active = np.searchsorted(starts, times + 1e-4, side="right") - 1
    return [str(rows[i]["content"]).strip() if i >= 0 else "" for i in active.tolist()]


def cut(row: int, sentences: Sequence[str]) -> list[Segment]:
    """Cut an episode into runs of frames with one sentence."""
    runs = [(text, len(list(same))) for text, same in itertools.groupby(sentences)]
    starts = itertools.accumulate((length for _, length in runs), initial=0)
    return [
        Segment(row=row, first=first, num_frames=length, instruction=text, number=number, is_part=len(runs) > 1)
        for number, (first, (text, length)) in enumerate(zip(starts, runs, strict=False))
    ]
