"""Build a latent index: run the quantizer over a sample of a data set, lay it out, learn what its frames look like.

How an index is kept and asked is `index.py`'s business; what its coordinates mean, `projection.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int
from tqdm import tqdm

from lapa import projection
from lapa.data.splits import kind_of_split, select_split
from lapa.data.transitions import ClipPart, Transitions, displacements, draw_transitions, read_clips
from lapa.data.video import window_frames
from lapa.frames import pixels_from_uint8, resize
from lapa.models.encode import encode_pairs
from lapa.models.load import AnyLAQ
from lapa.novelty import fit_novelty, pool_features
from lapa.protocols import ClipRecord, ClipSource
from lapa.types import LatentIndex


@dataclass(frozen=True, kw_only=True)
class IndexConfig:
    """What to put into an index."""

    num_rows: int = 4000
    """Transitions, drawn evenly over the clips."""
    splits: tuple[str, ...] = ()
    """Splits to draw from; none means all."""
    thumb_size: int = 64
    """Side of the before/after pictures, in pixels; 0 ships no pictures."""
    batch_size: int = 32
    """Pairs per pass through the quantizer."""
    seed: int = 0
    """Seed of the draw and of the map."""


def build_index(
    laq: AnyLAQ, source: ClipSource, config: IndexConfig, *, laq_sha256: str, window_s: float, name: str = ""
) -> LatentIndex:
    """Encode a sample of a data set, lay it out and learn what its frames look like; `name` stands in for the source's.

    Raises:
        LapaError: if a split is not there, or no clip is longer than the window.
    """
    rng = np.random.default_rng(config.seed)
    chosen = _rows_of(source, config.splits)
    where = draw_transitions(source, chosen, window_s, config.num_rows, rng)
    both, own, after = with_following(source, where)
    columns = _encode(laq, source, both, own, config)
    where, own, after = _read_ones(where, own, after, columns["row"])
    tokens, continuous = columns["tokens"].astype(np.int16), columns["continuous"][own]
    clips, clip = np.unique(where.clip, return_inverse=True)
    records = [source.records[i] for i in clips]
    splits = tuple(record.split for record in records)
    trained = _trained_rows(splits, clip)
    center, axes, scale = fit_novelty(columns["features"][trained], clip[trained], rng)
    flat = continuous.reshape(len(where), -1)
    planes = {"pca": projection.pca(flat), "umap": projection.umap(flat, config.seed)}
    return LatentIndex(
        laq=laq_sha256,
        data=name or source.name,
        codebook_size=laq.config.codebook_size,
        codebooks=laq.codebooks.detach().float().cpu().contiguous().numpy(),
        window=window_frames(window_s, float(np.median([record.fps for record in records]))),
        window_s=window_s,
        tokens=tokens[own],
        continuous=continuous,
        clip=clip.reshape(-1).astype(np.int32),
        t=where.t.astype(np.int32),
        magnitude=columns["magnitude"],
        displacement=displacements(source, where),
        **planes,
        novelty_center=center,
        novelty_axes=axes,
        novelty_scale=scale,
        clip_names=tuple(record.name for record in records),
        clip_instructions=tuple(record.instruction or "" for record in records),
        clip_splits=splits,
        thumbs=columns.get("thumbs"),
        following=np.where(after[:, None] >= 0, tokens[after], np.int16(-1)),
        clip_facts=_clip_facts(records),
        trustworthiness=_trust(flat, planes, config.seed),
    )


def with_following(
    source: ClipSource, where: Transitions
) -> tuple[Transitions, Int[np.ndarray, "n"], Int[np.ndarray, "n"]]:
    """Add to each transition the one that starts where it ends, if its clip is long enough.

    Returns:
        all of them by clip and time; int64 [n] which of them each of `where` is; int64 [n] which of them follows it,
        -1 where the clip ends before.
    """
    lengths = np.array([source.records[clip].num_frames for clip in where.clip.tolist()])
    fits = np.flatnonzero(where.t + 2 * where.window < lengths)
    clip = np.concatenate([where.clip, where.clip[fits]])
    t = np.concatenate([where.t, where.t[fits] + where.window[fits]])
    window = np.concatenate([where.window, where.window[fits]])
    order = np.lexsort((t, clip))
    place = np.argsort(order)
    after = np.full(len(where), -1, np.int64)
    after[fits] = place[len(where) :]
    return Transitions(clip=clip[order], t=t[order], window=window[order]), place[: len(where)], after


def _read_ones(
    where: Transitions, own: Int[np.ndarray, "n"], after: Int[np.ndarray, "n"], row: Int[np.ndarray, "m"]
) -> tuple[Transitions, Int[np.ndarray, "k"], Int[np.ndarray, "k"]]:
    """Keep the transitions that could be read: `row` [m] says which of all; `own` and `after` become places in it."""
    kept = np.isin(own, row)
    follows = np.isin(after[kept], row)
    after = np.where(follows, np.searchsorted(row, after[kept]), -1)
    return where.at(np.flatnonzero(kept)), np.searchsorted(row, own[kept]), after


def _encode(
    laq: AnyLAQ, source: ClipSource, where: Transitions, own: Int[np.ndarray, "n"], config: IndexConfig
) -> dict[str, np.ndarray]:
    """Run the quantizer over the transitions; return row, tokens and continuous of all that can be read, in order, and
    of those that `own` names magnitude, features and perhaps thumbs."""
    parts: dict[str, list[np.ndarray]] = {}
    with tqdm(total=len(where), desc="index", unit="pair", mininterval=1) as bar:
        for part in read_clips(source, where, laq.config.image_size):
            for name, values in _columns(laq, part, np.isin(part.rows, own), config):
                parts.setdefault(name, []).append(values)
            bar.update(len(part.rows))
    return {name: np.concatenate(values) for name, values in parts.items()}


@torch.inference_mode()
def _columns(
    laq: AnyLAQ, part: ClipPart, own: Bool[np.ndarray, "r"], config: IndexConfig
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (column, values) of a clip's transitions, some of them in several pieces."""
    small = part.frames
    yield "row", part.rows

    def look(numbers: np.ndarray) -> torch.Tensor:
        return pixels_from_uint8(small[numbers], laq.device)

    for encoding in encode_pairs(laq, look, part.first, part.later, batch_size=config.batch_size):
        yield "tokens", encoding.tokens.cpu().numpy()
        yield "continuous", encoding.continuous.float().cpu().numpy()
    firsts, laters = part.first[own], part.later[own]
    for start in range(0, len(firsts), config.batch_size):
        first, later = (x[start : start + config.batch_size] for x in (firsts, laters))
        frame = look(first)
        yield "magnitude", (frame - look(later)).abs().mean(dim=(1, 2, 3)).cpu().numpy()
        yield "features", pool_features(laq.frame_features(frame))
    if config.thumb_size:
        thumbs = np.stack([resize(frame, config.thumb_size, config.thumb_size) for frame in small])
        yield "thumbs", np.stack([thumbs[firsts], thumbs[laters]], axis=1)


def _clip_facts(records: Sequence[ClipRecord]) -> dict[str, tuple[str, ...]]:
    """Return the clips' metadata as text, one entry per clip; a field that is empty in all clips is left out."""
    known = {
        "scene": tuple(record.scene for record in records),
        "embodiment": tuple(record.embodiment for record in records),
        "environment": tuple(record.environment for record in records),
        "success": tuple({True: "yes", False: "no", None: ""}[record.success] for record in records),
    }
    return {name: texts for name, texts in known.items() if any(texts)}


def _trust(flat: Float32[np.ndarray, "n d"], planes: dict[str, np.ndarray], seed: int) -> dict[str, float]:
    """Return how far each plane can be trusted, without those that too few points say nothing of."""
    measured = {name: projection.trustworthiness(flat, plane, seed) for name, plane in planes.items()}
    return {name: value for name, value in measured.items() if value is not None}


def _rows_of(source: ClipSource, splits: tuple[str, ...]) -> list[int]:
    if not splits:
        return select_split(source, None)
    return sorted({row for split in splits for row in select_split(source, split)})


def _trained_rows(splits: tuple[str, ...], clip: Int[np.ndarray, "n"]) -> Int[np.ndarray, "r"]:
    """Return the rows whose clips were trained on: split "train"; all of them where no clip says so."""
    train = np.array([kind_of_split(split) == "train" for split in splits])
    return np.flatnonzero(train[clip]) if train.any() else np.arange(len(clip))
