"""Which clips are trained on and which are held out, by the names of a data set's splits or, without names, evenly.

What a data set calls test, val, valid, validation or dev, in any case and as part of a longer name ("val_unseen"), is
never trained on.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from lapa.protocols import ClipRecord, ClipSource
from lapa.types import LapaError

_KINDS = {
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "dev": "validation",
    "eval": "validation",
    "evaluation": "validation",
    "test": "test",
    "testing": "test",
    "train": "train",
    "training": "train",
}
_SHARE = 5
"""One clip of so many is held out at most, where the data set does not say which."""

log = logging.getLogger(__name__)


def kind_of_split(name: str) -> str:
    """Return "train", "validation" or "test" for a split's name, or "" where the name says none of them."""
    kinds = [_KINDS[word] for word in re.findall(r"[a-z]+", name.lower()) if word in _KINDS]
    return next((kind for kind in ("test", "validation", "train") if kind in kinds), "")


def rows_of_kind(records: Sequence[ClipRecord], *kinds: str) -> list[int]:
    """Return the rows whose split is of one of these kinds (see `kind_of_split`)."""
    return [row for row, record in enumerate(records) if kind_of_split(record.split) in kinds]


def select_split(source: ClipSource, split: str | None) -> list[int]:
    """Return the rows of `source.records` in `split`; all of them if the source names no splits or `split` is None.

    A data set that calls its validation split "val" or "dev" has it under "validation" too; likewise train and test.

    Raises:
        LapaError: if the source names splits, but not this one.
    """
    names = sorted({record.split for record in source.records if record.split})
    if split is None or not names:
        return list(range(len(source.records)))
    rows = [row for row, record in enumerate(source.records) if record.split == split]
    if not rows and split in set(_KINDS.values()):
        rows = rows_of_kind(source.records, split)
    if not rows:
        raise LapaError(f"'{source.name}' has no split '{split}': it has {', '.join(names)}")
    return rows


def default_split(source: ClipSource) -> str | None:
    """Return the split to measure a model on: "validation", else "test", or None where the source has neither."""
    return next((kind for kind in ("validation", "test") if rows_of_kind(source.records, kind)), None)


def split_rows(source: ClipSource, num_validation: int) -> tuple[list[int], list[int]]:
    """Split clips, never frames, into those to train on and those held out.

    Held out is the data set's own validation split; without one, `num_validation` of the clips to train on, evenly
    spaced, at most a fifth of them and at least one. A test split is in neither.

    Returns:
        rows of `source.records` to train on, and rows held out; both in ascending order.

    Raises:
        LapaError: if there is nothing to train on or nothing to hold out.
    """
    train, held = _trainable(source), rows_of_kind(source.records, "validation")
    if not held:
        held = _hold_out(source, train, num_validation)
        train = sorted(set(train) - set(held))
    return train, held


def _trainable(source: ClipSource) -> list[int]:
    """Return the clips of the split "train"; where no split is called that, those of no split that is held out."""
    records = source.records
    rows = rows_of_kind(records, "train") or rows_of_kind(records, "")
    if not rows:
        names = ", ".join(sorted({record.split for record in records}))
        raise LapaError(f"'{source.name}' has nothing to train on: all its clips are in the splits {names}")
    unnamed = len(rows_of_kind(records, ""))
    if unnamed and kind_of_split(records[rows[0]].split) == "train":
        log.warning("%d clips of '%s' are in no split and are not trained on", unnamed, source.name)
    return rows


def _hold_out(source: ClipSource, rows: list[int], num_validation: int) -> list[int]:
    """Choose evenly spaced clips that can be read, of those with an instruction where some have one."""
    readable = [row for row in rows if source.records[row].num_frames > 1]
    if len(readable) < 2:
        raise LapaError(
            f"'{source.name}' has {len(readable) or 'no'} clip{'s' * (len(readable) != 1)} to train on that can be "
            "read, and training holds one out to measure itself on: add another, or cut a long one in two"
        )
    with_text = [row for row in readable if source.records[row].instruction]
    choice = with_text if len(with_text) > 1 else readable
    count = max(1, min(num_validation, len(readable) // _SHARE, len(choice) // 2))
    return [choice[i * len(choice) // count] for i in range(count)]
