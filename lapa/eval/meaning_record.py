"""Measure, for an index, what the app later says of each code: a direction word, a number and an arrow.

The first token of a residual quantizer means what moved in the pairs that have it. A later one only refines, so it
means what it adds to the others: the same question that swapping one token in the app asks. A quantizer whose tokens
each have a latent of their own has no order, and all its tokens are described by their pairs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int
from tqdm import tqdm

from lapa.data.flow import flows
from lapa.data.transitions import Transitions
from lapa.data.video import window_frames
from lapa.eval.meaning import MIXED, STILL, WORDS, additions, direction_word
from lapa.eval.targets import DISPLACEMENT, FLOW, why_flow
from lapa.protocols import ClipSource
from lapa.types import LatentIndex

FLOW_ROWS = 1500
"""Pairs whose motion in the picture is measured; about a minute of work."""
PAIRS_PER_STEP = 50
"""Pairs between two moves of the progress bar."""
MIN_PAIRS = 20
"""Fewer pairs than this say nothing: the directions of twenty random ones cancel to about 0.2."""
WEAK = 0.25
"""Additions of a lower concentration than this have no one direction."""
LITTLE = 0.1
"""Additions smaller than this share of the mean motion are next to nothing."""


def measure_meaning(index: LatentIndex, source: ClipSource) -> dict[str, Any]:
    """Describe every code of an index by what moved; `source` is the data set the index was built on.

    Returns:
        what `lapa.meaning.save_meaning` keeps: facts, and per position and code count, word, strength, adds, motion,
        picture and size (see `lapa.meaning.CodeMeaning`).
    """
    rows, flow = _flow_of(index, source)
    recorded = np.isfinite(index.displacement).all(axis=1)
    is_recorded = bool(recorded.sum() >= MIN_PAIRS)
    motion = index.displacement[recorded].astype(np.float64) if is_recorded else flow
    known = np.flatnonzero(recorded) if is_recorded else rows
    words = WORDS[is_recorded]
    described = _describe(index, known, motion, words)
    seen = described if not is_recorded else _describe(index, rows, flow, WORDS[False])
    codes = [
        [{**said, "picture": there["motion"] if there["word"] else None} for said, there in zip(*both, strict=True)]
        for both in zip(described, seen, strict=True)
    ]
    return {
        "laq": index.laq,
        "data": index.data,
        "num_pairs": len(known),
        "target": DISPLACEMENT if is_recorded else FLOW,
        "note": "" if is_recorded else why_flow(source),
        "typical": float(np.linalg.norm(motion, axis=1).mean()) if len(motion) else 0.0,
        "codes": codes,
    }


def _flow_of(index: LatentIndex, source: ClipSource) -> tuple[Int[np.ndarray, "r"], Float[np.ndarray, "r 2"]]:
    """Return some rows of the index, spread over all clips, and how what moves in their pictures moved."""
    place = {record.name: row for row, record in enumerate(source.records)}
    rows = np.unique(np.linspace(0, len(index) - 1, min(FLOW_ROWS, len(index))).astype(int))
    rows = rows[[index.clip_names[clip] in place for clip in index.clip[rows]]]
    clip = np.array([place[index.clip_names[c]] for c in index.clip[rows]], np.int64)
    fps = np.array([source.records[c].fps for c in clip])
    window = np.array([window_frames(index.window_s, each) for each in fps], np.int64)
    t = index.t[rows].astype(np.int64)
    parts = np.array_split(np.argsort(clip, kind="stable"), max(1, len(rows) // PAIRS_PER_STEP))
    moved = np.zeros((len(rows), 2))
    for part in tqdm(parts, desc="meaning", unit="step", delay=2):
        moved[part] = flows(source, Transitions(clip=clip[part], t=t[part], window=window[part]))
    known = np.isfinite(moved).all(axis=1)
    return rows[known], moved[known]


def _describe(
    index: LatentIndex, rows: Int[np.ndarray, "r"], motion: Float[np.ndarray, "r 2"], words: tuple[str, ...]
) -> list[list[dict[str, Any]]]:
    tokens, size = index.tokens[rows].astype(int), index.codebook_size
    typical = float(np.linalg.norm(motion, axis=1).mean()) if len(motion) else 0.0
    added = additions(tokens, size, motion)
    drawn = [added[position][tokens[:, position]] for position in range(index.code_seq_len)]
    left = motion - sum(drawn) - (motion.mean(axis=0) if len(motion) else 0.0)
    refines = index.continuous.shape[1] == 1
    table = []
    for position in range(index.code_seq_len):
        adds = refines and position > 0
        own = left + drawn[position] if adds else motion
        table.append(
            [_said(own[tokens[:, position] == code], typical, words, adds=adds) for code in range(size)],
        )
    return table


def _said(motion: Float[np.ndarray, "r 2"], typical: float, words: tuple[str, ...], *, adds: bool) -> dict[str, Any]:
    """Describe the motions of one code's pairs, or what the code leaves of them when the other tokens are taken off."""
    said = {"count": len(motion), "word": "", "strength": 0.0, "adds": adds, "motion": [0.0, 0.0], "size": 0.0}
    if len(motion) < MIN_PAIRS or typical <= 0:
        return said
    mean, lengths = motion.mean(axis=0), np.linalg.norm(motion, axis=1)
    size = float(np.linalg.norm(mean) / typical)
    concentration = float(np.linalg.norm(mean) / lengths.mean()) if lengths.mean() > 0 else 0.0
    word = direction_word(*mean, words) if concentration >= (WEAK if adds else MIXED) else "mixed"
    if adds and size < LITTLE:
        word = "little"
    elif not adds and lengths.mean() < STILL * typical:
        word = "still"
    return said | {
        "word": word,
        "strength": round(concentration, 4),
        "motion": [round(float(x), 6) for x in mean],
        "size": round(size, 4),
    }
