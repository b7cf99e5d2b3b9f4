"""Between stage 1 and 2: the quantizer names what happens at every frame of a data set (paper, section 3.2).

Folder out: labels.npz (clip, t, tokens, held) and config.json of kind "labels", which says whose tokens these are.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Int
from tqdm import tqdm

from lapa.checkpoint import FORMAT_VERSION, read_config, token_fingerprint, write_text
from lapa.data.source import open_source
from lapa.data.splits import split_rows
from lapa.data.stream import PairChunk, stream_pairs
from lapa.device import resolve_device
from lapa.finished import begin, is_finished
from lapa.frames import pixels_from_uint8
from lapa.models.encode import encode_pairs
from lapa.models.load import AnyLAQ, load_laq
from lapa.protocols import ClipSource
from lapa.types import LapaError


@dataclass(frozen=True, kw_only=True)
class LabelConfig:
    """What to label, and with which quantizer."""

    data: str = "data/tabletop"
    """Data set: a LeRobot data set, or a folder of videos."""
    camera: str = ""
    """Camera of a LeRobot data set; by default one that sees the scene in colour."""
    laq: str = "checkpoints/tabletop/laq"
    """Quantizer whose tokens to write; its window is used."""
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
    """

    config: LabelConfig
    laq_sha256: str
    window_s: float
    clip: Int[np.ndarray, "n"]
    t: Int[np.ndarray, "n"]
    tokens: Int[np.ndarray, "n l"]
    held: Bool[np.ndarray, "n"]

    def __len__(self) -> int:
        return len(self.clip)


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
    clip, t, tokens = _label(laq, source, (train, held), window_s, config)
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
    }
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
        return Labels(
            config=LabelConfig(**facts["stage"]),
            laq_sha256=facts["parents"]["laq"],
            window_s=float(facts["window_s"]),
            **columns,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LapaError(f"the labels in '{path}' cannot be read ({error}): run 'python -m lapa label' again") from error


def _label(
    laq: AnyLAQ, source: ClipSource, parts: Sequence[Sequence[int]], window_s: float, config: LabelConfig
) -> tuple[Int[np.ndarray, "n"], Int[np.ndarray, "n"], Int[np.ndarray, "n l"]]:
    """Return clip, time and tokens of every pair, part by part; the next clips are decoded while these are encoded.

    Raises:
        LapaError: if no clip can be read and is long enough.
    """
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    with tqdm(total=sum(map(len, parts)), desc="label", unit="clip", mininterval=2.0) as bar:
        for rows in parts:
            for chunk in stream_pairs(source, rows, laq.config.image_size, window_s, stride=config.stride):
                found.append((chunk.clip, chunk.t, _encode(laq, chunk, config.batch_size)))
                bar.update(len(np.unique(chunk.clip)))
    if not found:
        raise LapaError(
            f"no clip of '{source.name}' can be read and is longer than the quantizer's window of {window_s:g} s: give "
            "longer clips, or a quantizer with a shorter window"
        )
    clip, t, tokens = (np.concatenate(columns) for columns in zip(*found, strict=True))
    return clip, t, tokens


def _encode(laq: AnyLAQ, chunk: PairChunk, batch_size: int) -> Int[np.ndarray, "n l"]:
    def look(numbers: np.ndarray) -> torch.Tensor:
        return pixels_from_uint8(chunk.frames[numbers], laq.device)

    encodings = encode_pairs(laq, look, chunk.first, chunk.later, batch_size=batch_size)
    return np.concatenate([encoding.tokens.cpu().numpy() for encoding in encodings])
