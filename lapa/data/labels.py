"""Whose body, which look, which laboratory: labels that clips carry, to leave some out and to judge on only those."""

from __future__ import annotations

from collections.abc import Sequence

from lapa.protocols import ClipSource
from lapa.types import LapaError

LABELS = ("embodiment", "environment", "site", "scene")
"""Fields of a `ClipRecord` by which clips may be told apart."""


def labelled(source: ClipSource, rows: Sequence[int], label: str) -> list[int]:
    """Return those of the clips `rows` that carry a label, such as "site=5030472d" or "embodiment=hand".

    Raises:
        LapaError: if it is not of that form, or no clip of the whole source carries it.
    """
    name, _, value = label.partition("=")
    if name not in LABELS or not value:
        raise LapaError(f"'{label}' is no label: give NAME=VALUE, where NAME is one of {', '.join(LABELS)}")
    known = {getattr(record, name) for record in source.records} - {""}
    if value not in known:
        there = f"it has {', '.join(sorted(known))}" if known else f"it says nothing of a clip's {name}"
        raise LapaError(f"no clip of '{source.name}' has {name} '{value}': {there}")
    return [row for row in rows if getattr(source.records[row], name) == value]
