"""Stage 3 from a released policy: a fresh action table and head, learnt from a few labelled episodes.

The authors' layout with <action> in the place of <delta>, their loss (actions only), our equal-frequency bins (at
most 256, theirs to the edge rule: `export-released` writes them as their csv). Frames are cached as the policy will see
them when it acts (released/sight.py).
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from lapa.checkpoint import FORMAT_VERSION, read_config, write_text
from lapa.data.instructions import with_instruction
from lapa.data.source import open_source
from lapa.data.splits import split_rows
from lapa.finished import begin
from lapa.frames import pixels_from_uint8
from lapa.models.action_bins import ActionBins
from lapa.models.compute import autocast, resolve_precision
from lapa.models.robot import ACTIONS_FILE
from lapa.processes import on_main
from lapa.released.policy import picture_size, released_shape
from lapa.released.policy_net import Kind
from lapa.released.policy_store import fingerprint_policy
from lapa.released.prompt import ask, training_batch
from lapa.released.sight import squash
from lapa.released.training import add_actions, as_arguments
from lapa.train.finetune import ActedFrames, FinetuneConfig, augment, gather
from lapa.train.loop import fit
from lapa.train.released_policy import EVALUATED_AT_ONCE, open_trainable, save_trained

NUM_EVALUATED = 128
"""Held-out frames an evaluation looks at, always the same."""


def run(config: FinetuneConfig, init: str, *, out: Path) -> Path:
    """Finetune a released policy and write a checkpoint of kind "robot" to `out`.

    Raises:
        LapaError: if `init` is no released policy, or the data has no actions.
    """
    stage = ReleasedFinetuneStage(config, init)
    on_main(begin, out, "robot", config)
    fit(stage, config.loop, out)
    on_main(_save, stage, config, init, out)
    return out


def _save(stage: ReleasedFinetuneStage, config: FinetuneConfig, init: str, out: Path) -> None:
    report = {"num_episodes": len(np.unique(stage.train.clip)), "num_bins": list(stage.bins.num_bins)}
    report |= stage.evaluate(out / "samples", config.loop.num_steps)
    facts = {
        "kind": "robot",
        "format_version": FORMAT_VERSION,
        "model": dataclasses.asdict(stage.model.net.config),
        "stage": dataclasses.asdict(config) | {"crop": False},
        "parents": stage.parents | {"policy": fingerprint_policy(init)},
        "seed": config.loop.seed,
    }
    write_text(out / ACTIONS_FILE, stage.bins.to_json())
    save_trained(stage.model, Path(init), out, facts, report)


class ReleasedFinetuneStage:
    """What `fit` needs to finetune a released policy."""

    lr_scales: dict[str, float] = {}

    def __init__(self, config: FinetuneConfig, init: str):
        facts = read_config(init, "policy")
        self.config, self.parents = config, {k: v for k, v in facts.get("parents", {}).items() if k == "laq"}
        source = open_source(config.data, camera=config.camera)
        train, held = (with_instruction(source.records, rows) for rows in split_rows(source, config.num_validation))
        drawn = np.random.default_rng(config.loop.seed).permutation(len(train))[: config.num_episodes]
        size = picture_size(init)
        self.train = gather(source, [train[i] for i in sorted(drawn)], size, squash)
        self.held = gather(source, held, size, squash)
        self.bins = ActionBins.fit(self.train.actions, config.num_bins)
        self.texts = [record.instruction or "" for record in source.records]
        generator = torch.Generator().manual_seed(config.loop.seed)
        most = max(self.bins.num_bins)
        self.reader, self.model = open_trainable(
            init,
            released_shape(facts, init),
            config.lora_rank,
            config.loop.precision,
            lambda net: add_actions(net, most, generator),
        )

    def draw_batch(self, rng: np.random.Generator, batch_size: int) -> dict[str, Tensor]:
        rows = np.sort(rng.integers(len(self.train.clip), size=batch_size))
        pixels, tokens = self._batch(self.train, rows)
        pixels = augment(pixels, rng) if self.config.augment else pixels
        texts = [self.texts[clip] for clip in self.train.clip[rows]]
        return as_arguments(training_batch(self.reader.tokenizer, texts, self._look(pixels), tokens, Kind.ACTION))

    def loss(
        self, model: nn.Module, batch: dict[str, Tensor], *, progress: float, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        total, _, accuracy = model(**batch)
        return total, {"accuracy": accuracy.item()}

    def maintain(self, step: int, *, progress: float, generator: torch.Generator) -> None:
        pass

    @torch.no_grad()
    def evaluate(self, folder: Path, step: int) -> dict[str, float]:
        """Measure on held-out frames: how likely the true bins, and how far actions are off, beside a constant."""
        self.model.eval()
        rng, net = np.random.default_rng(0), self.model.net
        rows = np.sort(rng.choice(len(self.held.clip), min(NUM_EVALUATED, len(self.held.clip)), replace=False))
        nll, guesses = [], []
        for part in np.array_split(rows, max(1, len(rows) // EVALUATED_AT_ONCE)):
            pixels, tokens = self._batch(self.held, part)
            texts = [self.texts[clip] for clip in self.held.clip[part]]
            prefix = ask(self.reader.tokenizer, texts, self._look(pixels), Kind.ACTION).to(net.device)
            with autocast(resolve_precision(self.config.loop.precision, net.device), net.device):
                logits = net.score(prefix, tokens.to(net.device))
                chosen, _ = net.choose(prefix, tokens.shape[1], _within(self.bins.num_bins))
            nll.append(nn.functional.cross_entropy(logits.mT.cpu(), tokens, reduction="none").mean(1).numpy())
            guesses.append(chosen.cpu().numpy())
        guess, truth = np.concatenate(guesses), self.held.actions[rows]
        return {
            "nll": float(np.concatenate(nll).mean()),
            "accuracy": float((guess == self.bins.encode(truth)).mean()),
            "action_error": float(np.abs(self.bins.decode(guess) - truth).mean()),
            "action_error_constant": float(np.abs(truth - np.median(self.train.actions, axis=0)).mean()),
        }

    def extra_state(self) -> dict[str, Tensor]:
        return {}

    def load_extra_state(self, state: dict[str, Tensor]) -> None:
        pass

    @torch.no_grad()
    def _look(self, pixels: Tensor) -> Tensor:
        vqgan = self.reader.vqgan
        return vqgan.encode(pixels.to(vqgan.codebook.device)).flatten(1).cpu()

    def _batch(self, table: ActedFrames, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        tokens = self.bins.encode(table.actions[rows]).astype(np.int64)
        return pixels_from_uint8(table.frames(rows)), torch.from_numpy(tokens)


def _within(num_bins: tuple[int, ...]):
    """Return the rule that picks each dimension's likeliest bin among those it has."""
    sizes = iter(num_bins)
    return lambda logits: logits[:, : next(sizes)].argmax(-1)
