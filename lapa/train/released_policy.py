"""Stage 2 from a released policy: go on with latent pretraining on another data set, whole or with LoRA.

Another labeller's tokens are learnt with the authors' loss and layout; the image codes of each labelled frame are
computed once. The result is a policy of the same format, its low-rank additions added in.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor, nn

from lapa.checkpoint import FORMAT_VERSION, fingerprint, read_config, token_fingerprint, write_text
from lapa.data.instructions import with_instruction
from lapa.data.source import open_source
from lapa.data.splits import split_rows
from lapa.device import resolve_device
from lapa.finished import begin
from lapa.models.compute import Precision, autocast, resolve_precision
from lapa.processes import on_main
from lapa.protocols import ClipSource
from lapa.released.policy import TOKENIZER, VQGAN_FOLDER, Reader, open_net, open_reader, released_shape
from lapa.released.policy_config import ReleasedPolicyConfig
from lapa.released.policy_import import PROVENANCE, read_record
from lapa.released.policy_net import ReleasedNet
from lapa.released.policy_store import Shards, fingerprint_policy, write_weights
from lapa.released.prompt import ask, training_batch
from lapa.released.training import TrainableNet, as_arguments
from lapa.train.held_out import BestWeights, draw_held_out, score_held_out
from lapa.train.image_codes import image_codes
from lapa.train.label import Labels
from lapa.train.loop import finish, fit
from lapa.train.policy import TrainPolicyConfig, token_shares
from lapa.types import LapaError

NUM_EVALUATED = 256
"""Held-out pairs an evaluation looks at, always the same."""
EVALUATED_AT_ONCE = 8


def run(config: TrainPolicyConfig, labels: Labels, *, out: Path, asked: TrainPolicyConfig) -> Path:
    """Train a released policy (`config.init`) on labels and write it to `out`; `asked` is as the user gave it.

    Raises:
        LapaError: if policy, labels, data and quantizer cannot be used together.
    """
    if labels.kind != "tokens":
        raise LapaError(f"'{config.labels}' holds {labels.kind}: a released policy learns a quantizer's tokens only")
    stage = ReleasedPolicyStage(config, labels)
    on_main(begin, out, "policy", asked)
    fit(stage, config.loop, out)
    on_main(_save, stage, config, labels, out)
    return out


def _save(stage: ReleasedPolicyStage, config: TrainPolicyConfig, labels: Labels, out: Path) -> None:
    if config.keep_best:
        stage.best.restore(stage.model)
    report = {"num_pairs_train": len(stage.train.clip), "num_pairs_validation": len(stage.held.clip)}
    report |= stage.evaluate(out / "samples", config.loop.num_steps)
    facts = {
        "kind": "policy",
        "format_version": FORMAT_VERSION,
        "model": dataclasses.asdict(stage.shape),
        "stage": dataclasses.asdict(config) | {"prior": stage.prior.tolist()},
        "parents": {"laq": labels.laq_sha256, "policy": fingerprint_policy(config.init)},
        "seed": config.loop.seed,
    }
    save_trained(stage.model, Path(config.init), out, facts, report)


def save_trained(model: TrainableNet, init: Path, out: Path, facts: dict, report: dict) -> None:
    """Write a trained policy beside its tokenizers; config.json comes last."""
    write_weights(out, dict(model.weights(Shards(init).dtype())))
    shutil.copytree(init / VQGAN_FOLDER, out / VQGAN_FOLDER, dirs_exist_ok=True)
    shutil.copyfile(init / TOKENIZER, out / TOKENIZER)
    record = read_record(init)
    if record is not None:  # the layout to write it back in; the weights are no longer that file's
        record["trained_from"] = record.pop("params", None) or record.get("trained_from")
        write_text(out / PROVENANCE, json.dumps(record, indent=1) + "\n")
    write_text(out / "report.json", json.dumps(report, indent=2) + "\n")
    write_text(out / "config.json", json.dumps(facts, indent=2) + "\n")
    finish(out)


@dataclass(frozen=True, eq=False)
class LabelledCodes:
    """Labelled pairs: image codes int16 [n p] of the current frames, tokens [n l], clip [n] of each."""

    codes: np.ndarray
    tokens: Int[np.ndarray, "n l"]
    clip: Int[np.ndarray, "n"]


class ReleasedPolicyStage:
    """What `fit` needs to train a released policy."""

    lr_scales: dict[str, float] = {}

    def __init__(self, config: TrainPolicyConfig, labels: Labels):
        if token_fingerprint(config.laq) != labels.laq_sha256:
            raise LapaError(f"the labels in '{config.labels}' were made with another quantizer than '{config.laq}'")
        source = open_source(config.data, camera=config.camera)
        labels.check_clips(source, config.labels)
        self.shape = released_shape(read_config(config.init, "policy"), config.init)
        _check_labels(self.shape, labels, config)
        self.reader, self.model = open_trainable(config.init, self.shape, config.lora_rank, config.loop.precision)
        self.precision = config.loop.precision
        self.records = source.records
        train, held = (
            with_instruction(self.records, rows) for rows in split_rows(source, labels.config.num_validation)
        )
        if not train or not held:
            raise LapaError(f"'{source.name}' needs clips with instructions, to train on and to hold out: it has none")
        self.train = self._table(source, train, labels, config)
        self.held = self._table(source, held, labels, config)
        self.prior = token_shares(self.train.tokens, self.shape.codebook_size).numpy()
        self.keeps_best, self.best = config.keep_best, BestWeights()

    def draw_batch(self, rng: np.random.Generator, batch_size: int) -> dict[str, Tensor]:
        rows = rng.integers(len(self.train.clip), size=batch_size)
        codes = torch.from_numpy(self.train.codes[rows].astype(np.int64))
        tokens = torch.from_numpy(self.train.tokens[rows])
        return as_arguments(training_batch(self.reader.tokenizer, self._texts(self.train, rows), codes, tokens))

    def loss(
        self, model: nn.Module, batch: dict[str, Tensor], *, progress: float, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        total, chosen, accuracy = model(**batch)
        return total, {"nll": chosen.item(), "accuracy": accuracy.item()}

    def maintain(self, step: int, *, progress: float, generator: torch.Generator) -> None:
        pass

    @torch.no_grad()
    def evaluate(self, folder: Path, step: int) -> dict[str, float]:
        """Measure on held-out pairs, under the right instruction and under another episode's; remember the best."""
        self.model.eval()
        rows, rng = draw_held_out(len(self.held.clip), NUM_EVALUATED)
        of_rows = self.held.clip[rows], self.held.tokens[rows], self.prior
        facts = score_held_out(self._nll, self.records, *of_rows, rows, rng)
        if self.keeps_best:
            self.best.offer(facts["nll_right"], self.model.learning())
        return facts

    def extra_state(self) -> dict[str, Tensor]:
        return self.best.state

    def load_extra_state(self, state: dict[str, Tensor]) -> None:
        self.best.state = state

    def _texts(self, table: LabelledCodes, rows: np.ndarray) -> list[str]:
        return [self.records[clip].instruction or "" for clip in table.clip[rows]]

    def _nll(self, rows: np.ndarray, texts: list[str] | None) -> tuple[np.ndarray, np.ndarray]:
        """Return each held-out row's negative log-likelihood per token, and the share of tokens guessed right."""
        texts = self._texts(self.held, rows) if texts is None else texts
        net, losses, hits = self.model.net, [np.zeros(0)], [np.zeros(0)]
        for start in range(0, len(rows), EVALUATED_AT_ONCE):
            part = slice(start, start + EVALUATED_AT_ONCE)
            codes = torch.from_numpy(self.held.codes[rows[part]].astype(np.int64))
            tokens = torch.from_numpy(self.held.tokens[rows[part]]).to(net.device)
            with autocast(resolve_precision(self.precision, net.device), net.device):
                logits = net.score(ask(self.reader.tokenizer, texts[part], codes).to(net.device), tokens)
            nll = nn.functional.cross_entropy(logits.mT, tokens, reduction="none")
            losses.append(nll.mean(1).cpu().numpy())
            hits.append((logits.argmax(-1) == tokens).float().mean(1).cpu().numpy())
        return np.concatenate(losses), np.concatenate(hits)

    def _table(self, source: ClipSource, clips: list[int], labels: Labels, config: TrainPolicyConfig) -> LabelledCodes:
        chosen = np.flatnonzero(np.isin(labels.clip, clips))
        clip, t = labels.clip[chosen], labels.t[chosen]
        key = fingerprint(Path(config.init) / VQGAN_FOLDER)
        codes = image_codes(self.reader.look, source, clip, t, key=key)
        read = np.flatnonzero(codes[:, 0] >= 0)
        codes = codes if len(read) == len(codes) else codes[read]
        return LabelledCodes(codes=codes, tokens=labels.tokens[chosen[read]].astype(np.int64), clip=clip[read])


def open_trainable(
    init: str | Path,
    shape: ReleasedPolicyConfig,
    lora_rank: int,
    precision: Precision,
    prepare: Callable[[ReleasedNet], ReleasedNet] | None = None,
) -> tuple[Reader, TrainableNet]:
    """Load a released policy for training; `prepare` changes the network before it is decided what learns.

    All weights learn in float32; with LoRA the others stay as they are stored, unless `precision`, the loop's, is
    float32 arithmetic, in which stored bfloat16 cannot take part.
    """
    device = resolve_device()
    stored = lora_rank and resolve_precision(precision, device) == "bf16"
    net = open_net(init, shape, device=device, precision="auto" if stored else "fp32", device_map=device)
    return open_reader(init, device), TrainableNet(net if prepare is None else prepare(net), lora_rank)


def _check_labels(shape: ReleasedPolicyConfig, labels: Labels, config: TrainPolicyConfig) -> None:
    most = int(labels.tokens.max(initial=0))
    if labels.tokens.shape[1] != shape.code_seq_len or most >= shape.codebook_size:
        raise LapaError(
            f"the policy '{config.init}' chooses {shape.code_seq_len} tokens out of {shape.codebook_size} codes, "
            f"but the labels in '{config.labels}' have {labels.tokens.shape[1]} tokens up to code {most}: "
            "label with a quantizer of its numbers"
        )
