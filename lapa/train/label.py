"""Between stage 1 and 2: a labeler names what happens at every frame of a data set (paper, section 3.2).

Folder out: labels.npz (clip, t, tokens, held) and config.json of kind "labels", which says what the labels are (kind,
choices of each place), whose, and of which clips; for true actions, actions.json with the bins.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int
from tqdm import tqdm

from lapa.checkpoint import FORMAT_VERSION, read_config, token_fingerprint, write_text
from lapa.data.identity import clips_digest
from lapa.data.source import open_source
from lapa.data.splits import split_rows
from lapa.data.stream import stream_pairs
from lapa.device import resolve_device
from lapa.finished import begin, is_finished
from lapa.models.load import AnyLAQ, load_laq
from lapa.models.robot import ACTIONS_FILE
from lapa.protocols import ClipSource, Labeler
from lapa.train.labelers import ActionLabeler, TokenLabeler
from lapa.types import LapaError


@dataclass(frozen=True, kw_only=True)
class LabelConfig:
    """What to label, and with what."""

    data: str = "data/tabletop"
    """Data set: a LeRobot data set, or a folder of videos."""
    camera: str = ""
    """Camera of a LeRobot data set; by default one that sees the scene in colour."""
    laq: str = "checkpoints/tabletop/laq"
    """Quantizer whose tokens to write; its window is used, whoever labels."""
    labeler: Literal["tokens", "actions"] = "tokens"
    """Label with the quantizer's tokens, or with the actions recorded in the data set, as bins (an upper bound)."""
    num_bins: int = 32
    """Most bins of an action dimension, with `--labeler actions`."""
    num_validation: int = 60
    """Clips held out for evaluation where the data set names no validation split (the quantizer's, if the same)."""
    stride: int = 1
    """Label every n-th frame of a clip."""
    batch_size: int = 64
    """Pairs per batch."""


@dataclass(frozen=True, eq=False)
class Labels:
    """Latent actions of a data set, one row per pair, sorted by clip and time.

    Attributes:
        config: how they were made.
        laq_sha256, window_s: of the quantizer.
        clip: int32 [n], row of the source's records; t: int32 [n], the current frame; tokens: int16 [n l].
        held: bool [n], whether the clip is kept for evaluation.
        kind: what the labels are, "tokens" or "actions"; num_choices: how many values each of the l places has, empty
            where an older folder does not say: then as many as its quantizer has codes.
        clips: digest of the names and lengths of the source's clips; empty where an older folder does not say.
    """

    config: LabelConfig
    laq_sha256: str
    window_s: float
    clip: Int[np.ndarray, "n"]
    t: Int[np.ndarray, "n"]
    tokens: Int[np.ndarray, "n l"]
    held: Bool[np.ndarray, "n"]
    kind: str
    num_choices: tuple[int, ...]
    clips: str = ""

    def __len__(self) -> int:
        return len(self.clip)

    def check_clips(self, source: ClipSource, path: str | Path) -> None:
        """Refuse a source that does not hold the clips, in the order, that were labelled; `path` is the labels' folder.

        Raises:
            LapaError: saying what to do.
        """
        fits = self.clips in ("", clips_digest(source.records))
        if not fits or self.clip.max(initial=-1) >= len(source.records):
            raise LapaError(
                f"the labels in '{path}' were made of other clips than '{source.name}' holds now (some were added, "
                "removed, renamed or changed in length): label it again with --overwrite"
            )


def run(config: LabelConfig, *, out: Path, overwrite: bool = False) -> Path:
    """Label every pair of a data set and write them to `out`; a finished `out` is returned as is, unless `overwrite`.

    Raises:
        OtherOptions: if `out` holds what other options made.
        LapaError: if the data or the quantizer cannot be used.
    """
    if is_finished(out, "labels", config, overwrite=overwrite):
        return out
    device = resolve_device()
    laq = load_laq(config.laq).to(device)
    window_s = float(read_config(config.laq, "laq")["stage"]["window_s"])
    source = open_source(config.data, camera=config.camera)
    train, held = split_rows(source, config.num_validation)
    labeler = _labeler(config, laq, source, train)
    size = laq.config.image_size
    clip, t, tokens = _label(labeler, source, (train, held), size, window_s, config.stride)
    order = np.lexsort((t, clip))
    begin(out, "labels", config)
    np.savez_compressed(
        out / "labels.npz",
        clip=clip[order].astype(np.int32),
        t=t[order].astype(np.int32),
        tokens=tokens[order].astype(np.int16),
        held=np.isin(clip[order], held),
    )
    facts = {
        "kind": "labels",
        "format_version": FORMAT_VERSION,
        "stage": dataclasses.asdict(config),
        "parents": {"laq": token_fingerprint(config.laq)},
        "window_s": window_s,
        "num_rows": len(clip),
        "clips": clips_digest(source.records),
        "labels": {"kind": labeler.kind, "num_choices": list(labeler.num_choices)},
    }
    if isinstance(labeler, ActionLabeler):
        write_text(out / ACTIONS_FILE, labeler.bins.to_json())
    write_text(out / "config.json", json.dumps(facts, indent=2) + "\n")
    return out


def load_labels(path: str | Path) -> Labels:
    """Read what `run` wrote.

    Raises:
        LapaError: if `path` holds no labels, or they are damaged.
    """
    path = Path(path)
    facts = read_config(path, "labels")
    try:
        with np.load(path / "labels.npz", allow_pickle=False) as file:
            columns = {name: file[name] for name in ("clip", "t", "tokens", "held")}
        said = facts.get("labels") or {"kind": "tokens", "num_choices": ()}
        return Labels(
            config=LabelConfig(**facts["stage"]),
            laq_sha256=facts["parents"]["laq"],
            window_s=float(facts["window_s"]),
            kind=said["kind"],
            num_choices=tuple(said["num_choices"]),
            clips=facts.get("clips", ""),
            **columns,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LapaError(f"the labels in '{path}' cannot be read ({error}): run 'python -m lapa label' again") from error


def _labeler(config: LabelConfig, laq: AnyLAQ, source: ClipSource, train: Sequence[int]) -> Labeler:
    if config.labeler == "actions":
        return ActionLabeler(source, train, config.num_bins)
    return TokenLabeler(laq, config.batch_size)


def _label(
    labeler: Labeler, source: ClipSource, parts: Sequence[Sequence[int]], size: int, window_s: float, stride: int
) -> tuple[Int[np.ndarray, "n"], Int[np.ndarray, "n"], Int[np.ndarray, "n l"]]:
    """Return clip, time and label of every pair, part by part; the next clips are decoded while these are labelled.

    Raises:
        LapaError: if no clip can be read and is long enough.
    """
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    with tqdm(total=sum(map(len, parts)), desc="label", unit="clip", mininterval=2.0) as bar:
        for rows in parts:
            for chunk in stream_pairs(source, rows, size, window_s, stride=stride):
                labels = labeler.label(chunk)
                known = labels[:, 0] >= 0
                found.append((chunk.clip[known], chunk.t[known], labels[known]))
                bar.update(len(np.unique(chunk.clip)))
    if not found:
        raise LapaError(
            f"no clip of '{source.name}' can be read and is longer than the quantizer's window of {window_s:g} s: give "
            "longer clips, or a quantizer with a shorter window"
        )
    clip, t, labels = (np.concatenate(columns) for columns in zip(*found, strict=True))
    return clip, t, labels
