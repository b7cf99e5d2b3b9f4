"""Which transitions of an index are meant: by their tokens, by what is said of their clip, by a loop on the map.

    3-*-7-*                       these tokens; fewer parts than tokens match the beginning: "3-0" is "3-0-*-*"
    red block                     a clip whose name or instruction has it
    split:train embodiment:hand   a fact of the clip
    3-* success:no red block      all of it at once

Deliberately knows nothing of what is drawn.
"""

from __future__ import annotations

import re

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from lapa.types import LatentIndex

PATTERN = re.compile(r"(\d{1,6}|\*)(\s*-\s*(\d{1,6}|\*))*")
SEVERAL = re.compile(r"(?<!\S)(?:\d{1,6}|\*)(?:-(?:\d{1,6}|\*))+(?!\S)")
FACT = re.compile(r"(?<!\S)(\w+):(\S+)")
CHUNK = 4_000_000
"""Comparisons of points with edges that are held at once."""

Plane = Float32[np.ndarray, "n 2"]
Loop = Float[np.ndarray, "v 2"]


def rows_matching(index: LatentIndex, text: str) -> Int64[np.ndarray, "m"]:
    """Return the rows that fit all of a search, in order; none for an empty one."""
    text = text.strip()
    if not text:
        return np.array([], np.int64)
    if PATTERN.fullmatch(text) and text.count("-") < index.code_seq_len:
        return np.flatnonzero(_says(index, text))
    fits, rest = np.ones(len(index), bool), text
    for pattern in SEVERAL.findall(text):
        if pattern.count("-") < index.code_seq_len:
            fits, rest = fits & _says(index, pattern), rest.replace(pattern, " ", 1)
    for name, wanted in FACT.findall(rest):
        known = index.clip_splits if name == "split" else index.clip_facts.get(name)
        if known is not None:
            fits, rest = fits & _of_clip(index, known, wanted), rest.replace(f"{name}:{wanted}", " ", 1)
    words = " ".join(rest.split())
    texts = [f"{name} {said}" for name, said in zip(index.clip_names, index.clip_instructions, strict=True)]
    return np.flatnonzero(fits & _of_clip(index, texts, words))


def rows_inside(xy: Plane, loop: Loop) -> Bool[np.ndarray, "n"]:
    """Say which points lie inside a closed loop (even-odd rule).

    Args:
        xy: points. loop: its corners in order, at least three; the last is joined to the first.
    """
    low, high = loop.min(axis=0), loop.max(axis=0)
    near = np.flatnonzero(((xy >= low) & (xy <= high)).all(axis=1))
    found = np.zeros(len(xy), bool)
    for start in range(0, len(near), max(1, CHUNK // len(loop))):
        part = near[start : start + max(1, CHUNK // len(loop))]
        found[part] = _crossings(xy[part].astype(np.float64), loop.astype(np.float64)) % 2 == 1
    return found


def _crossings(xy: Float[np.ndarray, "n 2"], loop: Loop) -> Int64[np.ndarray, "n"]:
    """Count the edges that a ray to the right of each point crosses."""
    (x0, y0), (x1, y1) = loop.T, np.roll(loop, -1, axis=0).T
    x, y = xy[:, :1], xy[:, 1:]
    spans = (y0 > y) != (y1 > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = x0 + (y - y0) * (x1 - x0) / (y1 - y0)
    return (spans & (x < at)).sum(axis=1)


def _says(index: LatentIndex, pattern: str) -> Bool[np.ndarray, "n"]:
    fits = np.ones(len(index), bool)
    for position, part in enumerate(pattern.replace(" ", "").split("-")):
        if part != "*":
            fits &= index.tokens[:, position] == int(part)
    return fits


def _of_clip(index: LatentIndex, texts, wanted: str) -> Bool[np.ndarray, "n"]:
    wanted = wanted.casefold()
    return np.array([wanted in text.casefold() for text in texts], bool)[index.clip]
