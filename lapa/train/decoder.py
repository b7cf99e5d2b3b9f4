"""Stage 1b, for a world that stays sharp: train a quantizer's decoder further, on its own pictures.

A dream feeds each picture back in, which stage 1 never did; and a squared error is least where an unsure decoder blurs.
Here it goes on from what it drew itself, several windows in a row, towards the recorded frames, and is held to their
edges and to what the encoder sees in them: a thin arm that fades costs few pixels, but the encoder misses it. What
encodes, and what a policy sees, stays as it is: the tokens are the same to the last bit, so what was made with the
quantizer it came from (policies, labels, indexes) goes on with this one.

Source: training on own outputs as in scheduled sampling (Bengio et al. 2015, arXiv 1506.03099), without the schedule;
the gradient difference loss of Mathieu et al. (2016, arXiv 1511.05440). Not in the LAPA paper.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from lapa.checkpoint import fingerprint, read_config, save_checkpoint, token_fingerprint
from lapa.data.frame_store import FrameStore
from lapa.data.pairs import PairTable
from lapa.data.source import open_source
from lapa.data.splits import split_rows
from lapa.finished import begin, is_finished
from lapa.frames import pixels_from_uint8
from lapa.models.heads import LinearHead
from lapa.models.laq import LAQ
from lapa.models.load import load_laq
from lapa.processes import averaged, on_main
from lapa.train.laq import changed, draw_samples
from lapa.train.loop import LoopConfig, finish, fit, join_processes
from lapa.types import LapaError


@dataclass(frozen=True, kw_only=True)
class TrainDecoderConfig:
    """A run that trains the decoder of a finished quantizer further."""

    laq: str = "runs/tabletop/laq"
    """Quantizer to start from."""
    data: str = ""
    """Data set; by default the one the quantizer was trained on."""
    camera: str = ""
    """Camera of a LeRobot data set; by default the one the quantizer was trained on."""
    window_s: float = 0.0
    """Filled in from the quantizer."""
    num_validation: int = 60
    """Clips held out for evaluation where the data set names no validation split."""
    num_windows: int = 3
    """Windows in a row that the decoder dreams."""
    still_share: float = 0.1
    """Share of the examples in which nothing happens, so that it learns to leave the picture alone."""
    changed_weight: float = 3.0
    """How much more a pixel that changed weighs."""
    changed_from: float = 0.05
    """Mean absolute difference over the channels, in [0, 1], from which a pixel counts as changed."""
    edge_weight: float = 0.05
    """Weight of the difference in gradient magnitude, beside the squared error."""
    seen_weight: float = 0.05
    """Weight of the difference between what the encoder sees in the drawn and in the recorded frame."""
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(num_steps=4000, batch_size=16, lr=5e-4, eval_every=500))
    """Length and speed of the run."""


def run(config: TrainDecoderConfig, *, out: Path, overwrite: bool = False) -> Path:
    """Train the decoder and write a checkpoint of kind "laq" to `out`.

    A finished `out` is returned as is, unless `overwrite`.

    Raises:
        OtherOptions: if `out` holds what other options made.
        LapaError: if the quantizer is not ours, or the data cannot be used.
    """
    join_processes()
    if is_finished(out, "laq", config, overwrite=overwrite, filled=("data", "camera", "window_s")):
        return out
    torch.manual_seed(config.loop.seed)
    before = read_config(Path(config.laq), "laq")
    stage = DecoderStage(config, before)
    on_main(begin, out, "laq", config)
    fit(stage, config.loop, out)
    on_main(_save, stage, before, out)
    return out


def _save(stage: DecoderStage, before: dict, out: Path) -> None:
    config = stage.config
    report = {"num_runs_train": len(stage.train), "num_runs_validation": len(stage.validation)}
    report |= stage.evaluate(out / "samples", config.loop.num_steps)
    save_checkpoint(
        out,
        kind="laq",
        model=stage.model.laq.config,
        tensors=stage.model.laq.state_dict(),
        stage=stage.config,
        parents=(before.get("parents") or {}) | stage.parents(),
        seed=config.loop.seed,
        extra_files={"report.json": json.dumps(report, indent=2) + "\n"},
    )
    finish(out)


class Dreamer(nn.Module):
    """A quantizer that goes on from its own pictures, with the tokens of the recorded frames."""

    def __init__(self, laq: LAQ):
        super().__init__()
        self.laq = laq.requires_grad_(False)
        for part in decoding_parts(laq):
            part.requires_grad_(True)

    def forward(self, frames: Float[Tensor, "b t 3 h w"]) -> tuple[Float[Tensor, "b u 3 h w"], Float[Tensor, ""]]:
        """Return the dreamt frames that should equal `frames[:, 1:]`, u = t - 1, and how differently they are seen.

        No gradient goes back a step.
        """
        with torch.no_grad():
            seen = self.laq.see(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
            pairs = [self.laq.compare(seen[:, i], seen[:, i + 1]) for i in range(frames.shape[1] - 1)]
        frame, drawn = frames[:, 0], []
        for pair in pairs:
            drawn.append(self.laq.decode(frame, pair.tokens))
            frame = drawn[-1].detach().clamp(0, 1)
        drawn = torch.stack(drawn, dim=1)
        apart = self.laq.see(drawn.flatten(0, 1)) - seen[:, 1:].flatten(0, 1)
        return drawn, apart.float().square().mean()


class DecoderStage:
    """What `fit` needs to train a decoder."""

    lr_scales: dict[str, float] = {}

    def __init__(self, config: TrainDecoderConfig, before: dict):
        laq = load_laq(config.laq)
        if not isinstance(laq, LAQ):
            raise LapaError(f"'{config.laq}' is a released quantizer: only our own decoder can be trained further")
        stage = before["stage"]
        data, window_s = config.data or stage["data"], float(stage["window_s"])
        camera = config.camera or ("" if config.data else str(stage.get("camera") or ""))
        self.config = replace(config, data=data, camera=camera, window_s=window_s)
        self.model = Dreamer(laq.train())
        self.model.laq.head.to(memory_format=torch.channels_last)
        source = open_source(data, camera=camera)
        train, validation = split_rows(source, config.num_validation)
        size = laq.config.image_size
        self.train, self.validation = (
            PairTable.of(FrameStore.open(source, rows, size), window_s, config.num_windows)
            for rows in (train, validation)
        )

    def draw_batch(self, rng: np.random.Generator, batch_size: int) -> dict[str, Tensor]:
        frames = self._frames(self.train, rng.integers(len(self.train), size=batch_size))
        still = torch.from_numpy(rng.random(batch_size) < self.config.still_share)
        frames[still] = frames[still][:, :1]
        return {"frames": frames}

    def loss(
        self, model: nn.Module, batch: dict[str, Tensor], *, progress: float, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float | int]]:
        frames = batch["frames"]
        drawn, apart = model(frames)
        drawn, truth = drawn.flatten(0, 1), frames[:, 1:].flatten(0, 1)
        before = frames[:, :1].expand_as(frames[:, 1:]).flatten(0, 1)
        weight = 1 + (self.config.changed_weight - 1) * changed(before, truth, self.config.changed_from)
        error = (weight * (drawn - truth).square()).mean() / averaged(weight.mean())
        edges = edge_error(drawn, truth, weight)
        loss = error + self.config.edge_weight * edges + self.config.seen_weight * apart
        return loss, {"error": error.item(), "edges": edges.item(), "seen": apart.item()}

    def maintain(self, step: int, *, progress: float, generator: torch.Generator) -> None:
        pass

    @torch.inference_mode()
    def evaluate(self, folder: Path, step: int) -> dict[str, float | int]:
        """Measure on 128 held-out runs, always the same: gain over copying and sharpness, first and last window."""
        self.model.eval()
        rows = np.sort(np.random.default_rng(0).choice(len(self.validation), min(128, len(self.validation)), False))
        errors, energy, pictures = np.zeros((2, 2)), np.zeros((2, 2)), []
        for part in np.array_split(rows, max(1, len(rows) // 16)):
            frames = self._frames(self.validation, part).to(self.model.laq.device)
            drawn = self.model(frames)[0].clamp(0, 1)
            for place, t in enumerate((0, -1)):
                truth, guess = frames[:, 1:][:, t], drawn[:, t]
                errors[place] += [(x - truth).square().mean().item() * len(part) for x in (frames[:, 0], guess)]
                energy[place] += [_gradients(x).square().mean().item() * len(part) for x in (truth, guess)]
            pictures.append(rearrange(torch.cat([frames[0], drawn[0]]), "t c h w -> 1 c h (t w)"))
        draw_samples(torch.cat(pictures[:8]), folder / f"{step:06d}.png")
        gain = 10 * np.log10(errors[:, 0] / np.maximum(errors[:, 1], 1e-12))
        sharp = energy[:, 1] / np.maximum(energy[:, 0], 1e-12)
        names = ("first", "last")
        return {f"gain_{n}_db": g for n, g in zip(names, gain, strict=True)} | {
            f"sharpness_{n}": s for n, s in zip(names, sharp, strict=True)
        }

    def extra_state(self) -> dict[str, Tensor]:
        return {}

    def load_extra_state(self, state: dict[str, Tensor]) -> None:
        pass

    def parents(self) -> dict[str, str]:
        """Return the fingerprints of the quantizer it came from, and of the one whose tokens both speak."""
        laq = self.config.laq
        return {"decoder": fingerprint(laq), "encoder": token_fingerprint(laq)}

    def _frames(self, table: PairTable, rows: np.ndarray) -> Float[Tensor, "b t 3 h w"]:
        runs = table.runs(rows, self.config.num_windows)
        return pixels_from_uint8(runs.reshape(-1, *runs.shape[2:])).unflatten(0, runs.shape[:2])


def decoding_parts(laq: LAQ) -> list[nn.Module | nn.Parameter]:
    """Return what only decoding uses: neither tokens, nor frame features, nor details depend on it."""
    is_cross = laq.config.conditioning == "cross"
    parts = [laq.decoder_bias, laq.decoder, *([laq.widen, laq.token_position] if is_cross else [laq.widen_all])]
    head = laq.head
    if isinstance(head, LinearHead):
        return [*parts, head]
    return [*parts, head.from_tokens, head.up_8, head.up_4, head.up_2, head.to_flow, head.to_paint]


def edge_error(
    drawn: Float[Tensor, "b 3 h w"], truth: Float[Tensor, "b 3 h w"], weight: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, ""]:
    """Return how much the magnitudes of the pictures' gradients differ, along both axes: where one is blurred, much.

    Source: gradient difference loss of Mathieu et al. (2016) with exponent 1, weighted per pixel.
    """
    apart = (_gradients(drawn).abs() - _gradients(truth).abs()).abs().mean(dim=1)
    inner = weight[..., :-1, :-1]
    return (inner * apart).mean() / averaged(inner.mean())


def _gradients(picture: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 2 3 y x"]:
    down, right = picture[..., 1:, :-1] - picture[..., :-1, :-1], picture[..., :-1, 1:] - picture[..., :-1, :-1]
    return torch.stack([down, right], dim=1)
