"""Stage 2, latent pretraining: predict the latent action from a frame and an instruction (paper, section 3.2).

Cross-entropy at each place, given the true tokens before it. The vision side is frozen, so its features are computed
once per frame. By default the weights of the best evaluation are kept: few real videos are soon learnt by heart.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from lapa.checkpoint import save_checkpoint, token_fingerprint
from lapa.data.frame_store import FrameStore
from lapa.data.instructions import with_instruction
from lapa.data.source import open_source
from lapa.data.splits import split_rows
from lapa.data.video import window_frames
from lapa.device import resolve_device
from lapa.finished import begin, is_finished
from lapa.frames import pixels_from_uint8
from lapa.models.backbone import LlamaBackbone
from lapa.models.load import AnyLAQ, load_laq
from lapa.models.policy import PolicyConfig, PolicyNet, build_net, latent_choices
from lapa.models.tokenizer import InstructionTokenizer
from lapa.processes import on_main, own
from lapa.protocols import ClipSource
from lapa.train.features import cached_changes, cached_features
from lapa.train.held_out import BestWeights, draw_held_out, score_held_out
from lapa.train.label import Labels, load_labels
from lapa.train.laq import draw_samples
from lapa.train.loop import LoopConfig, finish, fit, join_processes
from lapa.types import LapaError

NUM_EVALUATED = 1024
"""Held-out pairs an evaluation looks at, always the same."""
NUM_WHITENED = 1500
"""Training frames on which the features' whitening is fitted."""


@dataclass(frozen=True, kw_only=True)
class TrainPolicyConfig:
    """A policy's training run."""

    labels: str = "runs/tabletop/labels"
    """Folder of labels (`python -m lapa label`); it names the data set and the quantizer."""
    data: str = ""
    """The labelled data set, if it lies elsewhere now."""
    camera: str = ""
    """Camera of a LeRobot data set; by default the one that was labelled."""
    laq: str = ""
    """The quantizer that labelled, if it lies elsewhere now."""
    window_s: float = 0.0
    """Filled in from the labels."""
    num_choices: tuple[int, ...] = ()
    """Filled in from the labels, where they are not tokens."""
    init: str = ""
    """Released policy (import-released) to go on from; its shape then takes the place of `model`."""
    lora_rank: int = 0
    """With `init`: learn additions of this rank to the language model; 0 learns all weights."""
    keep_best: bool = True
    """Keep the weights of the best evaluation; else the last, where the held-out clips are also the ones to report."""
    change_weight: float = 20.0
    """Weight of the second task: where the picture will have changed, the mean over patches and horizons."""
    model: PolicyConfig = field(default_factory=PolicyConfig)
    """Shape of the policy."""
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(num_steps=12_000, batch_size=64, lr=2e-3, weight_decay=0.05)
    )
    """Length and speed of the run."""


def run(config: TrainPolicyConfig, *, out: Path, overwrite: bool = False) -> Path:
    """Train a policy and write its checkpoint to `out`; a finished `out` is returned as is, unless `overwrite`.

    Raises:
        OtherOptions: if `out` holds what other options made.
        LapaError: if labels, data and quantizer cannot be used together.
    """
    join_processes()
    if is_finished(
        out, "policy", config, overwrite=overwrite, filled=("data", "camera", "laq", "window_s", "num_choices")
    ):
        return out
    torch.manual_seed(config.loop.seed)
    labels, asked = load_labels(config.labels), config
    config = dataclasses.replace(
        config,
        data=config.data or labels.config.data,
        camera=config.camera or labels.config.camera,
        laq=config.laq or labels.config.laq,
        window_s=labels.window_s,
        num_choices=() if labels.kind == "tokens" else labels.num_choices,
    )
    if config.init:
        from lapa.train import released_policy

        return released_policy.run(config, labels, out=out, asked=asked)
    stage = PolicyStage(config, labels)
    on_main(begin, out, "policy", asked)
    on_main(stage.model.backbone.save_files, out / "backbone")
    fit(stage, config.loop, out)
    on_main(_save, stage, labels, out)
    return out


def _save(stage: PolicyStage, labels: Labels, out: Path) -> None:
    config = stage.config
    if config.keep_best:
        stage.best.restore(stage.model)
    report = {"num_pairs_train": len(stage.train.clip), "num_pairs_validation": len(stage.held.clip)}
    report |= stage.evaluate(out / "samples", config.loop.num_steps)
    save_checkpoint(
        out,
        kind="policy",
        model=config.model,
        tensors=stage.model.state_dict(),
        stage=config,
        parents={"laq": labels.laq_sha256},
        seed=config.loop.seed,
        extra_files={"report.json": json.dumps(report, indent=2) + "\n"},
    )
    finish(out)


@dataclass(frozen=True, eq=False)
class LabelledFrames:
    """Labelled pairs of some clips: features [n p e] of the current frames, tokens [n l], clip [n] of each; how much of
    each patch will have changed by the end of the clip, and at the horizons: m arrays [n p]."""

    store: FrameStore
    features: np.ndarray
    changes: list[np.ndarray]
    tokens: Int[np.ndarray, "n l"]
    clip: Int[np.ndarray, "n"]
    first: Int[np.ndarray, "n"]
    """Row of the current frame in the store."""
    future: Int[np.ndarray, "n"]
    """Row of the future frame in the store."""


class PolicyStage:
    """What `fit` needs to train a policy."""

    lr_scales: dict[str, float] = {}

    def __init__(self, config: TrainPolicyConfig, labels: Labels):
        if token_fingerprint(config.laq) != labels.laq_sha256:
            raise LapaError(f"the labels in '{config.labels}' were made with another quantizer than '{config.laq}'")
        source, self.config = open_source(config.data, camera=config.camera), config
        labels.check_clips(source, config.labels)
        self.device = resolve_device()
        self.records, self.laq = source.records, load_laq(config.laq).to(self.device)
        train, held = split_rows(source, labels.config.num_validation)
        spoken = [with_instruction(self.records, rows) for rows in (train, held)]
        if not all(spoken):
            raise LapaError(f"'{source.name}' needs clips with instructions, to train on and to hold out: it has none")
        self.model = _build(config, self.laq, labels, [self.records[row].instruction for row in spoken[0]])
        self.model, self.kind = self.model.to(self.device), labels.kind
        self.train = self._table(source, train, spoken[0], labels, config)
        self.held = self._table(source, held, spoken[1], labels, config)
        if isinstance(self.model.backbone, LlamaBackbone):
            seen = np.random.default_rng(0).choice(len(self.train.clip), min(NUM_WHITENED, len(self.train.clip)), False)
            self.model.backbone.whiten.fit(torch.from_numpy(self.train.features[np.sort(seen)].astype(np.float32)))
        allowed = self.model.head.allowed.cpu()
        self.model.head.prior.copy_(token_shares(self.train.tokens, max(self.model.head.num_choices)) * allowed)
        self.texts = [record.instruction or "" for record in self.records]
        self.ids, self.mask = self.model.backbone.read(self.texts)
        self.best = BestWeights()

    def draw_batch(self, rng: np.random.Generator, batch_size: int) -> dict[str, Tensor]:
        rows = rng.integers(len(self.train.clip), size=batch_size)
        changes = np.stack([change[rows] for change in self.train.changes], axis=1)
        return self._batch(self.train, rows) | {"change": torch.from_numpy(changes.astype(np.float32))}

    def loss(
        self, model: nn.Module, batch: dict[str, Tensor], *, progress: float, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        torch.manual_seed(own(generator).initial_seed())  # dropout, too, is a function of the step
        truth = batch.pop("change")
        logits, change = model(**batch)
        loss = F.cross_entropy(logits.flatten(0, 1), batch["tokens"].flatten())
        metrics = {"nll": loss.item(), "accuracy": (logits.argmax(-1) == batch["tokens"]).float().mean().item()}
        if change is not None:
            where = F.binary_cross_entropy_with_logits(change, truth)
            loss, metrics["change_nll"] = loss + self.config.change_weight * where, where.item()
        return loss, metrics

    def maintain(self, step: int, *, progress: float, generator: torch.Generator) -> None:
        pass

    @torch.no_grad()
    def evaluate(self, folder: Path, step: int) -> dict[str, float]:
        """Measure on held-out pairs, under the right instruction and under another episode's; remember the best."""
        self.model.eval()
        rows, rng = draw_held_out(len(self.held.clip), NUM_EVALUATED)
        of_rows = self.held.clip[rows], self.held.tokens[rows], self.model.head.prior.cpu().numpy()
        facts = score_held_out(self._nll, self.records, *of_rows, rows, rng)
        self.best.offer(facts["nll_right"], {n: p for n, p in self.model.named_parameters() if p.requires_grad})
        if self.kind == "tokens":  # the quantizer decodes nothing else
            self._draw(rows[:: max(1, len(rows) // 8)][:8], folder / f"{step:06d}.png")
        return facts

    def extra_state(self) -> dict[str, Tensor]:
        return self.best.state

    def load_extra_state(self, state: dict[str, Tensor]) -> None:
        self.best.state = state

    def _table(
        self, source: ClipSource, rows: list[int], clips: list[int], labels: Labels, config: TrainPolicyConfig
    ) -> LabelledFrames:
        """Gather the labelled pairs of `clips`, those of the split `rows` that have an instruction."""
        size = self.laq.config.image_size
        store = FrameStore.open(source, rows, size)
        start, end = np.full((2, len(source.records)), -1)
        start[list(rows)], end[list(rows)] = store.starts, store.starts + store.lengths - 1
        windows = np.array([window_frames(labels.window_s, record.fps) for record in source.records])
        is_read = start[labels.clip] + labels.t + windows[labels.clip] <= end[labels.clip]
        chosen = np.flatnonzero(np.isin(labels.clip, clips) & is_read)
        clip = labels.clip[chosen]
        first = start[clip] + labels.t[chosen]

        def ahead(seconds: float) -> np.ndarray:
            return np.array([window_frames(seconds, record.fps) for record in source.records])[clip]

        key = {"vision": self.model.backbone.vision_sha256 or labels.laq_sha256, "details": config.model.details}
        features = cached_features(self.model.backbone.look, store, first, key=key, device=self.device)
        grid = self.laq.config.image_size // self.laq.config.patch
        later = [end[clip], *(np.minimum(first + ahead(s), end[clip]) for s in config.model.horizons_s)]
        return LabelledFrames(
            store=store,
            features=features,
            changes=[cached_changes(store, first, ends, grid=grid) for ends in later],
            tokens=labels.tokens[chosen].astype(np.int64),
            clip=clip,
            first=first,
            future=first + windows[clip],
        )

    def _batch(self, table: LabelledFrames, rows: np.ndarray, texts: list[str] | None = None) -> dict[str, Tensor]:
        if texts is None:
            ids, mask = self.ids[table.clip[rows]], self.mask[table.clip[rows]]
            longest = int(mask.sum(1).max())
            ids, mask = ids[:, :longest], mask[:, :longest]
        else:
            ids, mask = self.model.backbone.read(texts)
        features = torch.from_numpy(table.features[rows].astype(np.float32))
        return {"features": features, "ids": ids, "mask": mask, "tokens": torch.from_numpy(table.tokens[rows])}

    def _nll(self, rows: np.ndarray, texts: list[str] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return each held-out row's negative log-likelihood per token, and the share of tokens guessed right."""
        losses, hits, device = [np.zeros(0)], [np.zeros(0)], self.model.head.start.device
        for start in range(0, len(rows), 64):
            part = slice(start, start + 64)
            batch = self._batch(self.held, rows[part], None if texts is None else texts[part])
            batch = {name: tensor.to(device) for name, tensor in batch.items()}
            logits, tokens = self.model(**batch).logits, batch["tokens"]
            losses.append(F.cross_entropy(logits.mT, tokens, reduction="none").mean(1).cpu().numpy())
            hits.append((logits.argmax(-1) == tokens).float().mean(1).cpu().numpy())
        return np.concatenate(losses), np.concatenate(hits)

    def _draw(self, rows: np.ndarray, path: Path) -> None:
        """Draw frame | future | decoded from the true tokens | decoded from the policy's, one pair a row."""
        batch = self._batch(self.held, rows)
        device = self.model.head.start.device
        inputs = (batch[name].to(device) for name in ("features", "ids", "mask"))
        chosen, _ = self.model.choose(*inputs, pick=lambda logs: logs.argmax(-1))
        frame = pixels_from_uint8(self.held.store.frames[self.held.first[rows]])
        future = pixels_from_uint8(self.held.store.frames[self.held.future[rows]])
        decoded = [self.laq.cpu().decode(frame, tokens.cpu()) for tokens in (batch["tokens"], chosen)]
        draw_samples(torch.cat([frame, future, *decoded], dim=-1), path)


def token_shares(tokens: Int[np.ndarray, "n l"], num_choices: int) -> Float[Tensor, "l k"]:
    """Return how often each choice is taken at each place, add-one smoothed."""
    counts = np.stack([np.bincount(column, minlength=num_choices) for column in tokens.T]) + 1.0
    return torch.from_numpy(counts / counts.sum(1, keepdims=True)).float()


def _build(config: TrainPolicyConfig, laq: AnyLAQ, labels: Labels, instructions: list[str]) -> PolicyNet:
    tokenizer = InstructionTokenizer.train(
        instructions, vocab_size=config.model.vocab_size, max_length=config.model.max_text
    )
    return build_net(config.model, laq, labels.num_choices or latent_choices(laq), tokenizer)
