"""A tiny real quantizer, a tiny real data set with known motion, and a bundle on disk made of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from lapa.checkpoint import fingerprint, save_checkpoint
from lapa.data.video_writer import write_video
from lapa.index import save_index
from lapa.index_build import IndexConfig, build_index
from lapa.models.laq import LAQ, LAQConfig
from lapa.models.load import load_laq
from lapa.protocols import ClipRecord
from lapa.types import Clip

TINY = LAQConfig(
    image_size=64, patch=16, width=32, num_heads=2, num_spatial=1, num_temporal=1, num_decoder=1, code_width=8
)
WINDOW_S = 0.2


class MovingSquare:
    """A `ClipSource` in memory: a bright square whose position is known, so that displacements are."""

    name = "moving-square"
    path = Path("moving-square")
    state_xy = (0, 1)

    def __init__(self, num_clips: int = 6, num_frames: int = 12, splits: Sequence[str] = ("",)):
        rng = np.random.default_rng(0)
        self._paths = rng.integers(0, 25, size=(num_clips, num_frames, 2))
        self.records = [
            ClipRecord(name=f"clip_{i}", num_frames=num_frames, fps=10.0, split=splits[i % len(splits)])
            for i in range(num_clips)
        ]

    def clip(self, i: int) -> Clip:
        return Clip(frames=self.frames(i, range(len(self._paths[i]))), fps=10.0, source=self.records[i].name)

    def chunks(self, i: int) -> Iterator[np.ndarray]:
        return iter(np.array_split(self.clip(i).frames, 3))

    def frames(self, i: int, indices: Sequence[int]) -> np.ndarray:
        frames = np.full((len(indices), 32, 32, 3), 20 + i, np.uint8)
        for frame, (x, y) in zip(frames, self._paths[i][list(indices)], strict=True):
            frame[y : y + 7, x : x + 7] = 230
        return frames

    def actions(self, i: int) -> None:
        return None

    def states(self, i: int) -> np.ndarray:
        return np.pad(self._paths[i].astype(np.float32), ((0, 0), (0, 3)))

    def positions(self, i: int) -> np.ndarray | None:
        states = self.states(i)
        return None if states is None else states[:, :2]

    def identity(self, rows: Sequence[int]) -> list:
        return [self._paths[row].tolist() for row in rows]

    def __iter__(self) -> Iterator[Clip]:
        return (self.clip(i) for i in range(len(self.records)))


def save_tiny_laq(path: Path, seed: int = 0) -> Path:
    """Write a quantizer with random weights whose codes lie where its latents do."""
    torch.manual_seed(seed)
    model = LAQ(TINY)
    with torch.no_grad():
        model.quantizer.codebook.mul_(0.05)
    return save_checkpoint(
        path, kind="laq", model=TINY, tensors=model.state_dict(), stage={"window_s": WINDOW_S, "data": "squares"}
    )


def save_tiny_policy(path: Path, laq: Path) -> Path:
    """Write a policy with random weights for a quantizer."""
    from lapa.models.policy import PolicyConfig, build_net, latent_choices
    from lapa.models.tokenizer import InstructionTokenizer

    torch.manual_seed(0)
    config = PolicyConfig(width=32, num_layers=1, num_heads=2, vocab_size=300)
    tokenizer = InstructionTokenizer.train(["push the red star"], vocab_size=300, max_length=config.max_text)
    quantizer = load_laq(laq)
    net = build_net(config, quantizer, latent_choices(quantizer), tokenizer)
    (path / "backbone").mkdir(parents=True)
    net.backbone.save_files(path / "backbone")
    return save_checkpoint(
        path,
        kind="policy",
        model=config,
        tensors=net.state_dict(),
        stage={"window_s": WINDOW_S},
        parents={"laq": fingerprint(laq)},
    )


@pytest.fixture(scope="session")
def policy(tmp_path_factory, checkpoints) -> Path:
    """A policy for the quantizer of `checkpoints`, in a folder of its own."""
    return save_tiny_policy(tmp_path_factory.mktemp("policy") / "policy", checkpoints / "tabletop" / "laq")


@pytest.fixture(scope="session")
def source() -> MovingSquare:
    return MovingSquare()


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory, source) -> Path:
    """A checkpoints/ folder with the bundle "tabletop": a quantizer and its index, no policy."""
    root = tmp_path_factory.mktemp("checkpoints")
    laq = save_tiny_laq(root / "tabletop" / "laq")
    index = build_index(
        load_laq(laq),
        source,
        IndexConfig(num_rows=40, thumb_size=16),
        laq_sha256=fingerprint(laq),
        window_s=WINDOW_S,
    )
    save_index(index, root / "tabletop" / "index")
    return root


@pytest.fixture
def bundle(checkpoints, monkeypatch) -> Path:
    """Point the program at `checkpoints`."""
    monkeypatch.setenv("LAPA_CHECKPOINTS", str(checkpoints))
    return checkpoints / "tabletop"


@pytest.fixture(scope="session")
def video(tmp_path_factory, source) -> Path:
    """A short mp4 that is wider than high: 12 frames at 10 per second, 64 x 32."""
    frames = np.tile(source.clip(0).frames, (1, 1, 2, 1))
    return write_video(tmp_path_factory.mktemp("video") / "squares.mp4", frames, 10.0)
