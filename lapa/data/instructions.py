"""Whose instruction to hold against the right one: of another episode with the same kind of scene."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from lapa.protocols import ClipRecord


def with_instruction(records: Sequence[ClipRecord], rows: Sequence[int]) -> list[int]:
    """Return those of `rows` whose record says what is being done."""
    return [row for row in rows if (records[row].instruction or "").strip()]


def swap_instructions(
    records: Sequence[ClipRecord], clips: Int[np.ndarray, "n"], rng: np.random.Generator
) -> list[str | None]:
    """Draw for each clip an instruction of another of `clips` whose scene is of the same kind, and whose text differs.

    None where there is no such clip. The draw is per place, so one clip meets several wrong instructions.
    """
    pools: dict[str, list[str]] = {}
    for row in np.unique(clips):
        pools.setdefault(records[row].scene, []).append(records[row].instruction or "")
    swapped: list[str | None] = []
    for row in clips:
        own = _plain(records[row].instruction)
        others = [text for text in pools[records[row].scene] if text and _plain(text) != own]
        swapped.append(others[rng.integers(len(others))] if others else None)
    return swapped


def _plain(text: str | None) -> str:
    return " ".join((text or "").lower().split())
