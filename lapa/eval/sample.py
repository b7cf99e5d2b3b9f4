"""What a quantizer is judged on: transitions of held-out episodes, each beside one of another episode.

The other ones come from a small bank that stays in memory, so that any number of pairs is measured in one pass and
the memory does not grow with the pictures. Knows nothing of what is measured.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from tqdm import tqdm

from lapa.data.labels import LABELS
from lapa.data.splits import default_split, select_split
from lapa.data.transitions import Transitions, draw_transitions, read_transitions
from lapa.eval.metrics import episode_folds
from lapa.frames import pixels_from_uint8
from lapa.models.load import AnyLAQ
from lapa.protocols import ClipSource
from lapa.types import LapaError

BANK = 256
"""Pairs kept to serve as the other clip's."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Some transitions, each beside one of another clip.

    Attributes:
        rows: of the transitions.
        frame, future: in [0, 1].
        others: bank rows of another clip's transition, of the same body where it is known; None if there is one clip.
    """

    rows: Int[np.ndarray, "b"]
    frame: Float[Tensor, "b 3 h w"]
    future: Float[Tensor, "b 3 h w"]
    others: Int[np.ndarray, "b"] | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Bank:
    """Transitions kept at hand, as the quantizer sees them."""

    frame: UInt8[np.ndarray, "n h w 3"]
    future: UInt8[np.ndarray, "n h w 3"]
    clip: Int[np.ndarray, "n"]
    tokens: Int[np.ndarray, "n l"]

    @classmethod
    def draw(cls, laq: AnyLAQ, source: ClipSource, rows: Sequence[int], window_s: float, seed: int) -> Bank:
        """Draw transitions evenly over the clips `rows`, and encode them."""
        where = draw_transitions(source, rows, window_s, BANK, np.random.default_rng([seed, 1]))
        size = laq.config.image_size
        rows, frame, future = map(np.array, zip(*read_transitions(source, where, size), strict=True))
        parts = np.array_split(np.arange(len(rows)), -(-len(rows) // 32))
        tokens = [_encode(laq, frame[part], future[part]) for part in parts]
        return cls(frame=frame, future=future, clip=where.clip[rows], tokens=np.concatenate(tokens))

    def pixels(self, rows: Int[np.ndarray, "b"], device: torch.device) -> tuple[Tensor, Tensor]:
        """Return frame and future of bank rows, [b 3 h w] each."""
        return pixels_from_uint8(self.frame[rows], device), pixels_from_uint8(self.future[rows], device)


def rows_to_judge(source: ClipSource, split: str | None) -> list[int]:
    """Return the clips of a split, or "all"; without one, those of `default_split`, else all.

    Raises:
        LapaError: if the source names splits, but not this one.
    """
    return select_split(source, None if split == "all" else split or default_split(source))


def check_tokens(laq: AnyLAQ) -> None:
    """Refuse a quantizer that quantises nothing.

    Raises:
        LapaError: saying so.
    """
    if not getattr(laq, "has_tokens", True):
        raise LapaError("this quantizer is continuous, it has no tokens to judge: give one that quantises")


def labels_of(source: ClipSource, clips: Sequence[int]) -> dict[str, list[str]]:
    """Return what tells these clips apart: {"site": one name per clip, ...}, for each of `LABELS` with two or more."""
    found = {name: [getattr(source.records[i], name) for i in clips] for name in LABELS}
    return {name: values for name, values in found.items() if len(set(values) - {""}) > 1}


def choose_others(
    clip: Int[np.ndarray, "n"],
    bank_clip: Int[np.ndarray, "m"],
    rng: np.random.Generator,
    *,
    kind: dict[int, str] | None = None,
    same_kind: bool = True,
) -> Int[np.ndarray, "n"] | None:
    """Choose for each row a bank row of another clip, of the same `kind` (clip -> body, site) or of another.

    In the same fold of episodes where there is one, so that a probe fitted on the other folds has seen neither clip.

    Returns:
        bank rows, or None where some row has no such clip.
    """
    distinct = np.unique(np.concatenate([clip, bank_clip]))
    fold = dict(zip(distinct.tolist(), episode_folds(distinct).tolist(), strict=True))
    bank_fold = np.array([fold[c] for c in bank_clip.tolist()])
    bank_kind = np.array([kind[c] if kind else "" for c in bank_clip.tolist()])
    others = np.empty(len(clip), np.int64)
    for c in np.unique(clip).tolist():
        fits = bank_clip != c
        alike = bank_kind == (kind[c] if kind else "")
        if not same_kind:
            fits = fits & ~alike
        elif (fits & alike).any():
            fits = fits & alike
        near = fits & (bank_fold == fold[c])
        choices = np.flatnonzero(near if near.any() else fits)
        if not len(choices):
            return None
        rows = np.flatnonzero(clip == c)
        others[rows] = rng.choice(choices, size=len(rows))
    return others


def batches(
    laq: AnyLAQ, source: ClipSource, where: Transitions, others: Int[np.ndarray, "n"] | None, batch_size: int
) -> Iterator[Batch]:
    """Decode the transitions clip by clip, with a progress bar, and hand out in batches those that can be read."""
    size, device = laq.config.image_size, next(laq.parameters()).device
    read = read_transitions(source, where, size)
    pairs = iter(tqdm(read, desc="eval", total=len(where), unit="pair", mininterval=1))
    while batch := list(islice(pairs, batch_size)):
        rows, frames, futures = (np.stack(column) for column in zip(*batch, strict=True))
        yield Batch(
            rows=rows,
            frame=pixels_from_uint8(frames, device),
            future=pixels_from_uint8(futures, device),
            others=None if others is None else others[rows],
        )


def stack(parts: Sequence[T]) -> T:
    """Join the columns of several dataclasses of arrays of one kind; a column that is None stays None."""
    first = parts[0]
    columns = {f.name: [getattr(part, f.name) for part in parts] for f in dataclasses.fields(first)}
    return type(first)(**{k: None if v[0] is None else np.concatenate(v) for k, v in columns.items()})


@torch.inference_mode()
def _encode(laq: AnyLAQ, frame: np.ndarray, future: np.ndarray) -> Int[np.ndarray, "b l"]:
    device = next(laq.parameters()).device
    return laq.encode(pixels_from_uint8(frame, device), pixels_from_uint8(future, device)).tokens.cpu().numpy()
