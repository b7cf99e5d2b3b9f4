"""Stage 1, latent action quantization: videos in, a quantizer out (paper, section 3.1 and Appendix A).

The loss is the squared error of the predicted future. Pixels that changed weigh more at first, so that the codes find
what moves, and like all others in the end, so that the decoder does not overstate it. Beside it a latent is held to
where the moving region went (see lapa/train/motion.py), and to saying nothing where nothing happened. A run has two
phases: noise substitution while codes settle and unused ones are revived, then the codes themselves (see
lapa/models/quantizer).
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor, nn

from lapa.checkpoint import fingerprint, save_checkpoint
from lapa.data.augment import augment_pairs, nothing_happened
from lapa.data.frame_store import FrameStore
from lapa.data.labels import labelled
from lapa.data.pairs import PairTable
from lapa.data.source import open_source
from lapa.data.splits import split_rows
from lapa.finished import begin, is_finished
from lapa.frames import pixels_from_uint8, to_frames
from lapa.models.laq import LAQ, Encoding, LAQConfig
from lapa.models.load import load_laq
from lapa.processes import averaged, gathered, on_main, summed
from lapa.train.loop import LoopConfig, finish, fit, join_processes
from lapa.train.motion import MotionReader, motions
from lapa.types import LapaError

MOTION_WEIGHT, NOTHING_SHARE = 0.004, 0.1
"""The presets' `motion_weight` and `nothing_share`; both 0 give the paper's loss."""


@dataclass(frozen=True, kw_only=True)
class TrainLAQConfig:
    """A quantizer's training run."""

    data: str = "data/tabletop"
    """Data set: a LeRobot data set, or a folder of videos."""
    camera: str = ""
    """Camera of a LeRobot data set; by default one that sees the scene in colour."""
    init: str = ""
    """Quantizer of the same shape whose weights to start from; its codes are placed anew."""
    window_s: float = 0.6
    """Seconds between the current and the future frame, at the data set's own frame rate."""
    num_validation: int = 60
    """Clips held out for evaluation where the data set names no validation split, at most a fifth of them."""
    leave_out: str = ""
    """Label of clips never to see, such as site=5030472d or embodiment=hand: for `eval laq --only`, the same label."""
    num_train: int = 0
    """Clips to train on, spread evenly over the others; 0 takes them all."""
    changed_weight: float = 9.0
    """How much more a pixel that changed weighs in the loss, at the start of the run."""
    changed_weight_end: float = 1.0
    """The same at the end of the run; above 1, tokens steer more and the picture is a little farther from the truth."""
    changed_from: float = 0.05
    """Mean absolute difference over the channels, in [0, 1], from which a pixel counts as changed."""
    revive_every: int = 10
    """Steps between revivals of unused codes."""
    revive_share: float = 0.2
    """A code counts as unused below this share of an even portion."""
    revive_until: float = 0.6
    """Share of the run with revivals."""
    noise_until: float = 0.0
    """Share of the run with noise substitution; after it the decoder sees the codes themselves."""
    motion_weight: float = 0.0
    """Weight of reading off the latent where the moving region went, by optical flow (see lapa/train/motion.py)."""
    nothing_share: float = 0.0
    """Share of the examples in which no action happened: a frame beside itself, or, as many, beside another clip's."""
    augment: bool = False
    """Crop, mirror and re-light each pair (for real video, where clips are few)."""
    model: LAQConfig = field(default_factory=LAQConfig)
    """Shape of the quantizer."""
    loop: LoopConfig = field(default_factory=LoopConfig)
    """Length and speed of the run."""


def run(config: TrainLAQConfig, *, out: Path, overwrite: bool = False) -> Path:
    """Train a quantizer and write its checkpoint to `out`; a finished `out` is returned as is, unless `overwrite`.

    Raises:
        OtherOptions: if `out` holds what other options made.
        LapaError: if the data cannot be used.
    """
    join_processes()
    if is_finished(out, "laq", config, overwrite=overwrite):
        return out
    torch.manual_seed(config.loop.seed)
    stage = LAQStage(config)
    on_main(begin, out, "laq", config)
    fit(stage, config.loop, out)
    on_main(_save, stage, out)
    return out


def _save(stage: LAQStage, out: Path) -> None:
    config = stage.config
    report = {"num_pairs_train": len(stage.train), "num_pairs_validation": len(stage.validation)}
    report |= stage.evaluate(out / "samples", config.loop.num_steps)
    save_checkpoint(
        out,
        kind="laq",
        model=config.model,
        tensors=stage.model.state_dict(),
        stage=config,
        parents=stage.parents(),
        seed=config.loop.seed,
        extra_files={"report.json": json.dumps(report, indent=2) + "\n"},
    )
    finish(out)


class LAQStage:
    """What `fit` needs to train a quantizer."""

    # Noise substitution moves the codes only through the noise's size: at the common rate they trail the latents.
    lr_scales = {"quantizer.codebook": 10.0}

    def __init__(self, config: TrainLAQConfig):
        self.config = config
        self.model = LAQ(config.model)
        if config.init:
            self._start_from(config.init)
        self.model.head.to(memory_format=torch.channels_last)
        source = open_source(config.data, camera=config.camera)
        train, validation = split_rows(source, config.num_validation)
        if config.leave_out:
            away = set(labelled(source, range(len(source.records)), config.leave_out))
            train, validation = ([row for row in rows if row not in away] for rows in (train, validation))
            if not train or not validation:
                raise LapaError(f"'{config.leave_out}' leaves no clips to train on, or none to validate on")
        if 0 < config.num_train < len(train):
            train = [train[i * len(train) // config.num_train] for i in range(config.num_train)]
        size = config.model.image_size
        self.train = PairTable.of(FrameStore.open(source, train, size), config.window_s)
        self.validation = PairTable.of(FrameStore.open(source, validation, size), config.window_s)
        self.motions, self.validation_motions = (self._motions(table) for table in (self.train, self.validation))
        quantizer = self.model.quantizer
        self.reader = MotionReader(quantizer.num_latents * quantizer.code_width, float(self.motions.std()))
        self.counts = torch.zeros(self.model.codebooks.shape[:2], dtype=torch.int64)
        self.started = torch.zeros((), dtype=torch.int64)
        self.recent: deque[Tensor] = deque(maxlen=4)

    def draw_batch(self, rng: np.random.Generator, batch_size: int) -> dict[str, Tensor]:
        rows = rng.integers(len(self.train), size=batch_size)
        frame, future = map(pixels_from_uint8, self.train.frames(rows))
        motion = torch.from_numpy(self.motions[rows])
        if self.config.augment:
            frame, future, motion = augment_pairs(frame, future, motion, rng)
        batch = {"frame": frame, "future": future, "target": future, "motion": motion}
        if not self.config.nothing_share:
            return batch
        return nothing_happened(batch, self.train.clip[rows], rng, self.config.nothing_share)

    def loss(
        self, model: nn.Module, batch: dict[str, Tensor], *, progress: float, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float | int]]:
        frame, future, target = batch["frame"], batch["future"], batch["target"]
        if not self.started:
            self._start(frame, future, generator)
        mode = "noise" if progress < self.config.noise_until else "codes"
        out = model(frame, future, mode=mode, generator=generator)
        error = (out.future - target).square()
        more = self.config.changed_weight * (1 - progress) + self.config.changed_weight_end * progress
        weight = 1 + (more - 1) * changed(frame, target, self.config.changed_from)
        means = torch.stack([weight.mean(), (frame - target).square().mean(), error.detach().float().mean()])
        mean_weight, copy, missed = averaged(means)
        loss = (weight * error).mean() / mean_weight + 0.1 * out.loss
        metrics: dict[str, float | int] = {}
        if self.config.motion_weight:
            codes = self.model.latent_of(out.tokens) if self.model.has_tokens else out.continuous
            unread = self.reader.error(out.continuous.flatten(1), codes.flatten(1).float(), batch["motion"])
            loss, metrics = loss + self.config.motion_weight * unread, {"motion_error": unread.item()}
        self.recent.append(gathered(out.continuous.detach().float().cpu()))
        step_counts = summed(count_codes(out.tokens, self.config.model.codebook_size))
        self.counts += step_counts
        return loss, metrics | {"gain_db": 10 * torch.log10(copy / missed).item(), **usage(step_counts)}

    def maintain(self, step: int, *, progress: float, generator: torch.Generator) -> None:
        memory = 0.9 + 0.09 * progress  # codes chase the latents at first, and settle in the end
        self.model.quantizer.follow(self.recent[-1].to(self.model.device), memory)
        if (step + 1) % self.config.revive_every == 0:
            if progress < self.config.revive_until:
                latents = torch.cat(list(self.recent))
                self.model.quantizer.revive(self.counts, latents, generator, self.config.revive_share)
            self.counts.zero_()

    @torch.inference_mode()
    def evaluate(self, folder: Path, step: int) -> dict[str, float | int]:
        """Measure on 512 held-out pairs, always the same: gain over copying, controllability, code usage."""
        self.model.eval()
        rows = np.sort(np.random.default_rng(0).choice(len(self.validation), min(512, len(self.validation)), False))
        random = torch.Generator().manual_seed(0)
        errors, counts, pictures, missed = np.zeros(3), torch.zeros_like(self.counts), [], np.zeros(2)
        for part in np.array_split(rows, max(1, len(rows) // 32)):
            frame, future = map(pixels_from_uint8, self.validation.frames(part))
            frame, future = frame.to(self.model.device), future.to(self.model.device)
            encoding = self.model.encode(frame, future)
            decoded, misled = (drawn.clamp(0, 1) for drawn in self._draw(frame, encoding, random))
            errors += [(x - future).square().mean().item() * len(part) for x in (frame, decoded, misled)]
            counts += count_codes(encoding.tokens, self.config.model.codebook_size)
            missed += self._missed(encoding, torch.from_numpy(self.validation_motions[part]))
            pictures.append(torch.cat([frame[:1], future[:1], decoded[:1], misled[:1]], dim=-1))
        draw_samples(torch.cat(pictures[:8]), folder / f"{step:06d}.png")
        copy, right, wrong = (-10 * np.log10(max(e / len(rows), 1e-12)) for e in errors)
        misleading = "controllability_db" if self.model.has_tokens else "controllability_shuffled_db"
        motion = {"motion_r2": 1 - missed[0] / max(missed[1], 1e-12)} if self.config.motion_weight else {}
        return {"psnr": right, "psnr_gain_db": right - copy, misleading: right - wrong, **usage(counts), **motion}

    def extra_state(self) -> dict[str, Tensor]:
        recent = torch.stack(list(self.recent)) if self.recent else torch.zeros(0)
        return {"counts": self.counts, "started": self.started, "recent": recent, "moments": self.reader.moments}

    def load_extra_state(self, state: dict[str, Tensor]) -> None:
        self.counts, self.started = state["counts"], state["started"]
        self.recent.extend(state["recent"])
        self.reader.moments = state["moments"]

    def parents(self) -> dict[str, str]:
        """Return the fingerprints of what the weights were made from."""
        init = {"init": fingerprint(self.config.init)} if self.config.init else {}
        return init if self.model.vision is None else init | {"vision": self.model.vision.sha256}

    def _motions(self, table: PairTable) -> np.ndarray:
        return motions(table) if self.config.motion_weight else np.zeros((len(table), 2), np.float32)

    def _missed(self, encoding: Encoding, motion: Tensor) -> np.ndarray:
        """Return two summed squared errors: of the motions read off the latents, and of guessing no motion.

        The latents are those the decoder is fed: the quantised ones where there are tokens.
        """
        fed = self.model.latent_of(encoding.tokens) if self.model.has_tokens else encoding.continuous
        truth = self.reader.in_units(motion)
        guess = self.reader.read(fed.flatten(1).float().cpu())
        return np.array([(guess - truth).square().sum().item(), truth.square().sum().item()])

    def _draw(self, frame: Tensor, encoding: Encoding, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw the future under its latent action and under a wrong one: random tokens, or another pair's latents."""
        if not self.model.has_tokens:
            vectors = encoding.continuous
            return self.model.decode_vectors(frame, vectors), self.model.decode_vectors(frame, vectors.roll(1, dims=0))
        tokens = encoding.tokens
        wrong = torch.randint(self.config.model.codebook_size, tokens.shape, generator=random).to(self.model.device)
        return self.model.decode(frame, tokens), self.model.decode(frame, wrong)

    def _start_from(self, path: str) -> None:
        """Take over all weights that fit; codes are placed anew anyway, so another layout of them may differ."""
        other, mine = load_laq(path, needs_tokens=False).state_dict(), self.model.state_dict()
        fitting = {name: value for name, value in other.items() if mine.get(name, value[:0]).shape == value.shape}
        if not any(name.startswith("head.") for name in fitting) or "position" not in fitting:
            raise LapaError(
                f"'{path}' has another shape than this run's model: give --model the values of its config.json"
            )
        self.model.load_state_dict(fitting, strict=False)

    @torch.no_grad()
    def _start(self, frame: Tensor, future: Tensor, generator: torch.Generator) -> None:
        latents = gathered(self.model.encode(frame, future).continuous)
        self.model.quantizer.initialise(latents, generator)
        self.started += 1


def changed(
    frame: Float[Tensor, "b 3 h w"], future: Float[Tensor, "b 3 h w"], threshold: float
) -> Float[Tensor, "b 1 h w"]:
    """Mark with 1 the pixels that differ by more than `threshold`."""
    return ((future - frame).abs().mean(dim=1, keepdim=True) > threshold).float()


def count_codes(tokens: Int[Tensor, "b l"], codebook_size: int) -> Int[Tensor, "l k"]:
    """Count how often each token took each of its codes."""
    return F.one_hot(tokens.cpu(), codebook_size).sum(0)


def usage(counts: Int[Tensor, "l k"]) -> dict[str, float | int]:
    """Return the perplexity of the codes, and how many the poorest token uses; nothing where there are no tokens."""
    return {"perplexity": perplexity(counts), "codes_used": int((counts > 0).sum(1).min())} if len(counts) else {}


def perplexity(counts: Int[Tensor, "l k"]) -> float:
    """Return exp of the entropy of code usage, between 1 and the number of codes, as the mean over tokens."""
    share = counts.float() / counts.sum(1, keepdim=True).clamp(min=1)
    return float(torch.exp(-(share * share.clamp(min=1e-12).log()).sum(1)).mean())


def draw_samples(rows: Float[Tensor, "b 3 h w"], path: Path) -> None:
    """Save a picture: frame | future | decoded | decoded under random tokens, one pair a row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(list(to_frames(rows)))).save(path)
