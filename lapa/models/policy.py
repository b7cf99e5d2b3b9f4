"""The policy: a frame and an instruction in, a distribution over latent actions out (paper, section 3.2).

`PolicyNet` is the torch side, a backbone and a head. `LatentPolicy` is what the rest of the program knows: pictures
and sentences in, nouns out. A policy speaks its quantizer's tokens and is refused with any other quantizer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int
from torch import Tensor, nn

from lapa.checkpoint import Checkpoint, config_from, load_checkpoint, token_fingerprint
from lapa.device import resolve_device
from lapa.frames import to_pixels
from lapa.models.action_head import TokenHead
from lapa.models.backbone import Backbone, HubBackbone, LlamaBackbone, Memory
from lapa.models.change_head import ChangeHead
from lapa.models.load import AnyLAQ, load_laq
from lapa.models.shapes import check_counts, check_shares
from lapa.models.tokenizer import InstructionTokenizer
from lapa.types import Frame, Frames, LapaError, LatentAction, Prediction

MAX_INSTRUCTION = 500
"""Characters of an instruction."""


@dataclass(frozen=True, kw_only=True)
class PolicyConfig:
    """Shape of a policy; all but the first and the last field shape our own small Llama only."""

    backbone: str = "llama"
    """Our own small Llama ("llama"), or a vision-language model by hub name or folder."""
    width: int = 128
    """Width of the language model."""
    num_layers: int = 4
    """Layers of the language model."""
    num_heads: int = 4
    """Attention heads of each layer."""
    merge: int = 1
    """Side of the square of patches that become one frame token."""
    dropout: float = 0.1
    """Dropout of the embedded frame and instruction, in training."""
    hidden_share: float = 0.0
    """Share of the frame tokens that are hidden in training, against learning scenes by heart."""
    details: bool = False
    """Whether it also sees what the quantizer's decoder sees of the frame, colours and outlines (warp head only)."""
    horizons_s: tuple[float, ...] = ()
    """Seconds ahead of which the second task says where the picture will have changed, beside the end of the clip."""
    vocab_size: int = 1024
    """Most ids the tokenizer may learn; 256 of them are bytes."""
    max_text: int = 32
    """Ids of an instruction that are read; the rest is cut off."""


class PolicyOutput(NamedTuple):
    """Logits of each place [b l k]; logits of where the picture will change [b m p], or None without that head."""

    logits: Tensor
    change: Tensor | None


class PolicyNet(nn.Module):
    """A backbone and its heads. Vision features come from `backbone.look`, ids and mask from `backbone.read`."""

    def __init__(self, backbone: Backbone, head: TokenHead, change: ChangeHead | None = None):
        super().__init__()
        self.backbone, self.head, self.change = backbone, head, change

    def forward(
        self,
        features: Float[Tensor, "b p e"],
        ids: Int[Tensor, "b s"],
        mask: Bool[Tensor, "b s"],
        tokens: Int[Tensor, "b l"],
    ) -> PolicyOutput:
        """Judge each place, given the true `tokens` before it."""
        hidden = self.backbone(features, ids, mask, self.head.embed(tokens))
        change = None if self.change is None else self.change(hidden.middle)
        return PolicyOutput(self.head(hidden.last[:, -tokens.shape[1] :]), change)

    def choose(
        self,
        features: Float[Tensor, "b p e"],
        ids: Int[Tensor, "b s"],
        mask: Bool[Tensor, "b s"],
        pick: Callable[[Float[Tensor, "b k"]], Int[Tensor, "b"]],
    ) -> tuple[Int[Tensor, "b l"], Float[Tensor, "b l k"]]:
        """Choose token after token with `pick`, which sees log-probabilities; return them and what it saw.

        The prefix is read once; each further token costs one place.
        """
        memory, tokens, seen = Memory(), [], []
        hidden = self.backbone(features, ids, mask, self.head.start.expand(len(ids), -1, -1), memory).last[:, -1:]
        for place in range(len(self.head)):
            if place:
                hidden = self.backbone.step(self.head.embed_choice(place - 1, tokens[-1]), memory)
            seen.append(self.head(hidden, place)[:, 0].log_softmax(-1))
            tokens.append(pick(seen[-1]))
        return torch.stack(tokens, 1), torch.stack(seen, 1)


class LatentPolicy:
    """A trained policy behind the `Policy` protocol.

    Attributes:
        window_s: how far ahead its latent actions reach, in seconds.
        prior: float32 [l k], share of each token in its training labels.
    """

    def __init__(self, net: PolicyNet, *, image_size: int, window_s: float):
        self._net, self._image_size = net.eval(), image_size
        self.window_s = window_s
        self.prior: Float32[np.ndarray, "l k"] = net.head.prior.cpu().numpy()

    @torch.inference_mode()
    def predict(
        self,
        frame: Frame,
        instruction: str,
        *,
        temperature: float = 0.0,
        top_k: int = 0,
        prefix: Sequence[int] = (),
        rng: np.random.Generator | None = None,
    ) -> Prediction:
        """Say what should happen next.

        At `temperature` 0 each token is the likeliest; above it, tokens are sampled with `rng`, which is then needed,
        from the `top_k` likeliest codes (0: from all). The first tokens are those of `prefix`, whatever their
        probability. The distributions given back are the policy's own, whatever the temperature.

        Raises:
            LapaError: if the instruction is empty or longer than 500 characters, or the frame is no picture.
        """
        inputs = _inputs(self._net, [frame], [check_instruction(instruction)], self._image_size)
        tokens, logs = self._net.choose(*inputs, pick=picker(temperature, rng, top_k, prefix))
        action = LatentAction(tokens=tuple(tokens[0].tolist()), codebook_size=logs.shape[-1])
        return Prediction(latent_action=action, distributions=logs[0].exp().float().cpu().numpy())

    @torch.inference_mode()
    def log_probs(
        self, frames: Sequence[Frame] | Frames, instructions: Sequence[str], tokens: Int[np.ndarray, "b l"]
    ) -> Float32[np.ndarray, "b l k"]:
        """Return the log-probabilities of every choice at each place, given the true tokens before it."""
        inputs = _inputs(self._net, frames, instructions, self._image_size)
        true = torch.from_numpy(tokens.astype(np.int64)).to(inputs[0].device)
        return self._net(*inputs, true).logits.log_softmax(-1).float().cpu().numpy()


def check_instruction(instruction: str) -> str:
    """Return an instruction without needless blanks.

    Raises:
        LapaError: if it is empty or longer than 500 characters.
    """
    instruction = " ".join((instruction or "").split())
    if not instruction:
        raise LapaError(
            "the instruction is empty: type what the robot should do, such as 'push the red star to the left'"
        )
    if len(instruction) > MAX_INSTRUCTION:
        raise LapaError(
            f"the instruction has {len(instruction)} characters, at most {MAX_INSTRUCTION} are read: "
            "type what the robot should do in one sentence"
        )
    return instruction


def build_net(
    config: PolicyConfig, laq: AnyLAQ, num_choices: tuple[int, ...], tokenizer: InstructionTokenizer | None
) -> PolicyNet:
    """Build an untrained policy; a hub backbone comes with its pretrained weights and its own tokenizer.

    Raises:
        LapaError: if there is no such policy.
    """
    _check_shape(config)
    if config.backbone == "llama":
        backbone = _llama(config, laq, tokenizer)
    else:
        backbone = HubBackbone.from_hub(config.backbone, max_text=config.max_text)
    return PolicyNet(backbone, TokenHead(backbone.width, num_choices), _change(config, laq))


def _check_shape(config: PolicyConfig) -> None:
    check_counts(config, width=16, num_layers=1, num_heads=1, merge=1, vocab_size=257, max_text=1)
    check_shares(config, "dropout", "hidden_share")
    if any(seconds <= 0 for seconds in config.horizons_s):
        raise LapaError(f"'horizons_s' has {min(config.horizons_s)}: give seconds above 0")


def load_net(
    checkpoint: Checkpoint, laq_path: str | Path, num_choices: Callable[[AnyLAQ], tuple[int, ...]]
) -> tuple[PolicyNet, AnyLAQ]:
    """Rebuild the network of a checkpoint, with the quantizer whose eyes it uses.

    Raises:
        LapaError: if it was trained with another quantizer, or its weights do not fit its config.
    """
    path = checkpoint.path
    if checkpoint.parents.get("laq") != token_fingerprint(laq_path):
        raise LapaError(
            f"the {checkpoint.kind} '{path}' was trained with another quantizer than '{laq_path}': name its own "
            "with --laq, or train it again with this one"
        )
    laq, config = load_laq(laq_path), config_from(PolicyConfig, checkpoint.model, path)
    try:
        if config.backbone == "llama":
            text = (path / "backbone" / "tokenizer.json").read_text(encoding="utf-8")
            backbone = _llama(config, laq, InstructionTokenizer.from_json(text, max_length=config.max_text))
        else:
            backbone = HubBackbone.from_files(path / "backbone", max_text=config.max_text)
        change = _change(config, laq) if checkpoint.kind == "policy" else None
        net = PolicyNet(backbone, TokenHead(backbone.width, num_choices(laq)), change)
        net.load_state_dict(checkpoint.tensors, strict=True)
    except (RuntimeError, OSError) as error:
        raise LapaError(f"the {checkpoint.kind} in '{path}' does not fit its config.json: copy it again") from error
    return net, laq


def latent_choices(laq: AnyLAQ) -> tuple[int, ...]:
    """Return how many tokens each place of a latent action chooses from."""
    return (laq.config.codebook_size,) * laq.config.code_seq_len


def pretrained_choices(checkpoint: Checkpoint) -> Callable[[AnyLAQ], tuple[int, ...]]:
    """Return what says how many choices each place of a policy's labels had: the policy, or else its quantizer."""
    choices = tuple(checkpoint.stage.get("num_choices") or ())
    return (lambda _: choices) if choices else latent_choices


def load_policy(path: str | Path, laq: str | Path, *, device: str = "cpu") -> LatentPolicy:
    """Load a policy for inference, with the checkpoint of the quantizer it was trained with.

    Raises:
        LapaError: if `path` is not a checkpoint of kind "policy", is damaged, or belongs to another quantizer;
            if there is no such device.
    """
    device = resolve_device(device)
    checkpoint = load_checkpoint(path, "policy")
    if checkpoint.stage.get("num_choices"):
        raise LapaError(f"the policy '{path}' learned true actions, not latent ones: it can be finetuned, not asked")
    net, quantizer = load_net(checkpoint, laq, latent_choices)
    quantizer.to(device)
    return LatentPolicy(
        net.to(device), image_size=quantizer.config.image_size, window_s=float(checkpoint.stage["window_s"])
    )


def _llama(config: PolicyConfig, laq: AnyLAQ, tokenizer: InstructionTokenizer) -> LlamaBackbone:
    grid = laq.config.image_size // laq.config.patch
    side = laq.config.image_size

    def look(pixels: Tensor) -> Tensor:
        features = laq.frame_features(pixels)
        return torch.cat([features, laq.details(pixels)], dim=-1) if config.details else features

    with torch.no_grad():
        feature_width = look(torch.zeros(1, 3, side, side, device=laq.device)).shape[-1]
    return LlamaBackbone(
        tokenizer,
        look,
        num_patches=grid**2,
        feature_width=feature_width,
        width=config.width,
        num_layers=config.num_layers,
        num_heads=config.num_heads,
        merge=config.merge,
        dropout=config.dropout,
        hidden_share=config.hidden_share,
    )


def _change(config: PolicyConfig, laq: LAQ) -> ChangeHead | None:
    """Build the head of the own small Llama; the hub's models read the frame before the words."""
    if config.backbone != "llama":
        return None
    grid = laq.config.image_size // laq.config.patch
    return ChangeHead(config.width, grid, config.merge, 1 + len(config.horizons_s))


def _inputs(
    net: PolicyNet, frames: Sequence[Frame] | Frames, instructions: Sequence[str], image_size: int
) -> tuple[Tensor, Tensor, Tensor]:
    device = net.head.start.device
    features = net.backbone.look(to_pixels(frames, image_size, device))
    ids, mask = net.backbone.read(instructions)
    return features, ids.to(device), mask.to(device)


def picker(
    temperature: float, rng: np.random.Generator | None, top_k: int = 0, prefix: Sequence[int] = ()
) -> Callable[[Tensor], Tensor]:
    """Return the rule that picks tokens: the likeliest, or drawn from probabilities sharpened by 1 / temperature.

    Only the `top_k` likeliest are drawn from; 0 means all, 1 is the likeliest at any temperature. The first calls
    answer with the tokens of `prefix`.
    """
    rule, given = _rule(temperature, rng, top_k), iter(prefix)

    def pick(logs: Float[Tensor, "b k"]) -> Int[Tensor, "b"]:
        token = next(given, None)
        return rule(logs) if token is None else torch.full(logs.shape[:1], token, device=logs.device)

    return pick


def _rule(temperature: float, rng: np.random.Generator | None, top_k: int) -> Callable[[Tensor], Tensor]:
    if temperature <= 0 or top_k == 1:
        return lambda logs: logs.argmax(-1)
    assert rng is not None, "sampling needs a generator"

    def draw(logs: Float[Tensor, "b k"]) -> Int[Tensor, "b"]:
        if 0 < top_k < logs.shape[-1]:
            best = logs.topk(top_k)
            logs = torch.full_like(logs, -torch.inf).scatter(-1, best.indices, best.values)
        shares = (logs / temperature).softmax(-1).double().cpu().numpy()
        chosen = [rng.choice(len(share), p=share / share.sum()) for share in shares]
        return torch.tensor(chosen, device=logs.device)

    return draw
