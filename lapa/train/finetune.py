"""Stage 3, action finetuning: a few labelled episodes turn a policy into a robot's (paper, section 3.3).

The latent head is thrown away and a fresh one chooses a bin of each action dimension. The vision side stays frozen;
frames are augmented, so features are computed at every step (episodes are few).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from lapa.checkpoint import load_checkpoint, save_checkpoint
from lapa.data.frame_store import FrameStore, Shrink
from lapa.data.instructions import with_instruction
from lapa.data.left_out import all_recorded
from lapa.data.source import open_source
from lapa.data.splits import split_rows
from lapa.device import resolve_device
from lapa.finished import begin, is_finished
from lapa.frames import pixels_from_uint8
from lapa.models.action_bins import ActionBins
from lapa.models.action_head import TokenHead
from lapa.models.policy import load_net, pretrained_choices
from lapa.models.robot import ACTIONS_FILE, middle_bin
from lapa.processes import on_main, own
from lapa.protocols import ClipSource
from lapa.train.loop import LoopConfig, finish, fit, join_processes
from lapa.train.policy import token_shares
from lapa.types import LapaError


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig:
    """A finetuning run."""

    policy: str = "checkpoints/tabletop/policy"
    """Policy to start from."""
    init: str = ""
    """Released policy (import-released) to start from, instead of `policy`."""
    lora_rank: int = 0
    """With `init`: learn additions of this rank to the language model; 0 learns all weights."""
    laq: str = "checkpoints/tabletop/laq"
    """Quantizer whose patch encoder the policy sees with."""
    data: str = "data/tabletop"
    """Data set with instructions and true actions."""
    camera: str = ""
    """Camera of a LeRobot data set; by default one that sees the scene in colour."""
    num_episodes: int = 200
    """Episodes to learn from, drawn with the seed."""
    num_validation: int = 60
    """Clips held out for evaluation where the data set names no validation split."""
    num_bins: int = 32
    """Most bins of an action dimension."""
    augment: bool = True
    """Shift, crop and re-light each frame."""
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(num_steps=2000, batch_size=64, lr=5e-4))
    """Length and speed of the run."""


def run(config: FinetuneConfig, *, out: Path, overwrite: bool = False) -> Path:
    """Finetune a policy and write a checkpoint of kind "robot" to `out`.

    A finished `out` is returned as is, unless `overwrite`.

    Raises:
        OtherOptions: if `out` holds what other options made.
        LapaError: if policy, quantizer and data do not go together, or the data has no actions.
    """
    join_processes()
    if is_finished(out, "robot", config, overwrite=overwrite):
        return out
    torch.manual_seed(config.loop.seed)
    if config.init:
        from lapa.train import released_finetune

        return released_finetune.run(config, config.init, out=out)
    stage = FinetuneStage(config)
    on_main(begin, out, "robot", config)
    on_main(stage.model.backbone.save_files, out / "backbone")
    fit(stage, config.loop, out)
    on_main(_save, stage, out)
    return out


def _save(stage: FinetuneStage, out: Path) -> None:
    config = stage.config
    report = {"num_episodes": len(np.unique(stage.train.clip)), "num_bins": list(stage.bins.num_bins)}
    report |= stage.evaluate(out / "samples", config.loop.num_steps)
    save_checkpoint(
        out,
        kind="robot",
        model=stage.policy.model,
        tensors=stage.model.state_dict(),
        stage=config,
        parents={"laq": stage.policy.parents["laq"], "policy": stage.policy.sha256},
        seed=config.loop.seed,
        extra_files={
            ACTIONS_FILE: stage.bins.to_json(),
            "report.json": json.dumps(report, indent=2) + "\n",
        },
    )
    finish(out)


@dataclass(frozen=True, eq=False)
class ActedFrames:
    """Frames with the action taken at each: actions float32 [n a], clip int [n] (row of the source's records), place
    int [n] (row of the store's frames)."""

    store: FrameStore
    actions: np.ndarray
    clip: np.ndarray
    place: np.ndarray

    def frames(self, rows: np.ndarray) -> UInt8[np.ndarray, "b h w 3"]:
        return self.store.frames[self.place[rows]]


class FinetuneStage:
    """What `fit` needs to finetune a policy."""

    lr_scales: dict[str, float] = {}

    def __init__(self, config: FinetuneConfig):
        self.config, self.policy = config, load_checkpoint(config.policy, "policy")
        self.model, self.laq = load_net(self.policy, config.laq, pretrained_choices(self.policy))
        self.laq.to(resolve_device())
        source = open_source(config.data, camera=config.camera)
        train, held = split_rows(source, config.num_validation)
        train, held = with_instruction(source.records, train), with_instruction(source.records, held)
        drawn = np.random.default_rng(config.loop.seed).permutation(len(train))[: config.num_episodes]
        size = self.laq.config.image_size
        self.train = gather(source, [train[i] for i in sorted(drawn)], size)
        self.held = gather(source, held, size)
        self.bins = ActionBins.fit(self.train.actions, config.num_bins)
        self.model.change = None
        self.model.head = TokenHead(self.model.backbone.width, self.bins.num_bins)
        self.model.head.prior.copy_(
            token_shares(self.bins.encode(self.train.actions), max(self.bins.num_bins)) * self.model.head.allowed
        )
        self.ids, self.mask = self.model.backbone.read([record.instruction or "" for record in source.records])

    def draw_batch(self, rng: np.random.Generator, batch_size: int) -> dict[str, Tensor]:
        batch = self._batch(self.train, np.sort(rng.integers(len(self.train.clip), size=batch_size)))
        if self.config.augment:
            batch["pixels"] = augment(batch["pixels"], rng)
        return batch

    def loss(
        self, model: nn.Module, batch: dict[str, Tensor], *, progress: float, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        torch.manual_seed(own(generator).initial_seed())  # dropout, too, is a function of the step
        features = self.model.backbone.look(batch["pixels"])
        logits = model(features, batch["ids"], batch["mask"], batch["tokens"]).logits
        loss = F.cross_entropy(logits.flatten(0, 1), batch["tokens"].flatten())
        return loss, {"accuracy": (logits.argmax(-1) == batch["tokens"]).float().mean().item()}

    def maintain(self, step: int, *, progress: float, generator: torch.Generator) -> None:
        pass

    @torch.no_grad()
    def evaluate(self, folder: Path, step: int) -> dict[str, float]:
        """Measure on 512 held-out frames: bins guessed right, and how far actions are off, beside a constant."""
        self.model.eval()
        rng, device = np.random.default_rng(0), self.model.head.start.device
        rows = np.sort(rng.choice(len(self.held.clip), min(512, len(self.held.clip)), replace=False))
        nll, guesses = [], []
        for part in np.array_split(rows, max(1, len(rows) // 64)):
            batch = {name: tensor.to(device) for name, tensor in self._batch(self.held, part).items()}
            inputs = (self.model.backbone.look(batch["pixels"]), batch["ids"], batch["mask"])
            logits = self.model(*inputs, batch["tokens"]).logits
            nll.append(F.cross_entropy(logits.mT, batch["tokens"], reduction="none").mean(1).cpu().numpy())
            chosen, _ = self.model.choose(*inputs, pick=middle_bin)
            guesses.append(chosen.cpu().numpy())
        guess, truth = np.concatenate(guesses), self.held.actions[rows]
        still = np.abs(truth - np.median(self.train.actions, axis=0)).mean()
        return {
            "nll": float(np.concatenate(nll).mean()),
            "accuracy": float((guess == self.bins.encode(truth)).mean()),
            "action_error": float(np.abs(self.bins.decode(guess) - truth).mean()),
            "action_error_constant": float(still),
        }

    def extra_state(self) -> dict[str, Tensor]:
        return {}

    def load_extra_state(self, state: dict[str, Tensor]) -> None:
        pass

    def _batch(self, table: ActedFrames, rows: np.ndarray) -> dict[str, Tensor]:
        ids, mask = self.ids[table.clip[rows]], self.mask[table.clip[rows]]
        longest = int(mask.sum(1).max())
        return {
            "pixels": pixels_from_uint8(table.frames(rows)),
            "ids": ids[:, :longest],
            "mask": mask[:, :longest],
            "tokens": torch.from_numpy(self.bins.encode(table.actions[rows]).astype(np.int64)),
        }


def gather(source: ClipSource, rows: list[int], size: int, shrink: Shrink | None = None) -> ActedFrames:
    """Read the frames and the true actions of some clips, as far as both go; `shrink` as in `FrameStore.open`.

    A clip whose frames or actions cannot be read is left out.

    Raises:
        LapaError: if there are none, or none with actions, or they have different ones, or only some have any.
    """
    if not rows:
        raise LapaError(f"'{source.name}' has no clips with instructions to learn from and to hold out")
    store = FrameStore.open(source, rows, size, shrink=shrink)
    read = all_recorded(source.actions, source, rows)
    known = [i for i, row in enumerate(rows) if row in read and store.lengths[i]]
    widths = {None if read[rows[i]] is None else read[rows[i]].shape[1] for i in known}
    if widths <= {None}:
        raise LapaError(
            f"'{source.name}' has no actions beside its frames: finetuning needs a data set with recorded actions, "
            "such as 'collect' writes"
        )
    if len(widths) > 1:
        raise LapaError(
            f"'{source.name}' mixes bodies with different actions: finetuning needs a data set of one embodiment"
        )
    actions = [read[rows[i]] for i in known]
    lengths = [min(len(own), int(store.lengths[i])) for i, own in zip(known, actions, strict=True)]
    return ActedFrames(
        store=store,
        actions=np.concatenate([own[:length] for own, length in zip(actions, lengths, strict=True)]),
        clip=np.repeat([rows[i] for i in known], lengths),
        place=np.concatenate([store.starts[i] + np.arange(n) for i, n in zip(known, lengths, strict=True)]),
    )


def augment(pixels: Float[Tensor, "b 3 h w"], rng: np.random.Generator) -> Float[Tensor, "b 3 h w"]:
    """Shift and zoom by a few pixels, vary contrast and light; never mirror, since actions have a direction."""
    n = len(pixels)
    zoom = rng.uniform(0.94, 1.0, n).astype(np.float32)
    theta = np.zeros((n, 2, 3), np.float32)
    theta[:, 0, 0] = theta[:, 1, 1] = zoom
    theta[:, :, 2] = (1.0 - zoom)[:, None] * rng.uniform(-1, 1, (n, 2))
    grid = F.affine_grid(torch.from_numpy(theta), list(pixels.shape), align_corners=False)
    moved = F.grid_sample(pixels, grid, padding_mode="reflection", align_corners=False)
    contrast = torch.from_numpy(rng.uniform(0.8, 1.2, (n, 1, 1, 1)).astype(np.float32))
    light = torch.from_numpy(rng.uniform(-0.08, 0.08, (n, 3, 1, 1)).astype(np.float32))
    return ((moved - 0.5) * contrast + 0.5 + light).clamp(0.0, 1.0)
