"""Backbones: what reads a frame and an instruction so that a head can choose tokens.

A backbone is a frozen vision side (`look`, whose features can be cached once per frame) and a language model that is
trained. The sequence is [frame tokens | instruction tokens | suffix]; the suffix is the head's, one place per token
to choose. Two of them: a small Llama over the quantizer's own patch features, and any pretrained vision-language
model of the hub. Knows nothing of what the suffix means.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModelForImageTextToText,
    AutoTokenizer,
    DynamicCache,
    LlamaConfig,
    LlamaModel,
    PreTrainedModel,
)

from lapa.frames import to_frames
from lapa.models.key_values import as_cache
from lapa.models.tokenizer import InstructionTokenizer
from lapa.models.vision import weights_sha256
from lapa.models.whiten import Whiten
from lapa.types import LapaError


@dataclass
class Memory:
    """What the language model keeps of a sequence while it goes on: keys and values, and which places hold text."""

    cache: DynamicCache = field(default_factory=DynamicCache)
    valid: Bool[Tensor, "b n"] | None = None


class Hidden(NamedTuple):
    """Hidden states [b n d] of a sequence: after the last layer, and half-way up, where later layers can still read."""

    last: Tensor
    middle: Tensor


class Backbone(nn.Module, ABC):
    """Vision (frozen), text and a causal language model over both.

    Attributes:
        language: a decoder of `transformers` that takes embeddings, a 4-D mask and a cache.
        is_causal: whether the prefix is read left to right only, as pretrained models were trained to.
        vision_sha256: fingerprint of what `look` depends on; "" where it is the quantizer's.
    """

    language: PreTrainedModel
    is_causal: bool
    vision_sha256: str = ""

    @abstractmethod
    def look(self, pixels: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b p e"]:
        """Return the vision side's features of frames in [0, 1]; no gradient."""

    @abstractmethod
    def read(self, instructions: Sequence[str]) -> tuple[Int[Tensor, "b s"], Bool[Tensor, "b s"]]:
        """Return ids and mask of instructions; those that are too long are cut."""

    @abstractmethod
    def embed(
        self, features: Float[Tensor, "b p e"], ids: Int[Tensor, "b s"], mask: Bool[Tensor, "b s"]
    ) -> tuple[Float[Tensor, "b n d"], Bool[Tensor, "b n"]]:
        """Return the prefix as embeddings, and which of its places are not padding."""

    @abstractmethod
    def save_files(self, folder: Path) -> None:
        """Write what the weights do not say (vocabulary, architecture) into a checkpoint."""

    @property
    def width(self) -> int:
        return self.language.config.hidden_size

    def forward(
        self,
        features: Float[Tensor, "b p e"],
        ids: Int[Tensor, "b s"],
        mask: Bool[Tensor, "b s"],
        suffix: Float[Tensor, "b m d"],
        memory: Memory | None = None,
    ) -> Hidden:
        """Return the hidden states of the whole sequence; with `memory`, remember it for `step`."""
        prefix, valid = self.embed(features, ids, mask)
        num_prefix, num_suffix = prefix.shape[1], suffix.shape[1]
        valid = torch.cat([valid, valid.new_ones(len(valid), num_suffix)], dim=1)
        place = torch.arange(num_prefix + num_suffix, device=valid.device)
        seen = place[:, None] >= place[None]
        if not self.is_causal:
            seen = seen | (place < num_prefix)[None]
        if memory is not None:
            memory.valid = valid
        out = self.language(
            inputs_embeds=torch.cat([prefix, suffix.to(prefix.dtype)], dim=1),
            attention_mask=self._mask(seen[None, None] & valid[:, None, None]),
            position_ids=_positions(valid),
            **as_cache(self.language, None if memory is None else memory.cache),
            use_cache=memory is not None,
            output_hidden_states=True,
        )
        return Hidden(out.last_hidden_state, out.hidden_states[len(out.hidden_states) // 2])

    def step(self, suffix: Float[Tensor, "b 1 d"], memory: Memory) -> Float[Tensor, "b 1 d"]:
        """Go on by one place after `forward` or `step` with the same `memory`."""
        memory.valid = torch.cat([memory.valid, memory.valid.new_ones(len(suffix), 1)], dim=1)
        out = self.language(
            inputs_embeds=suffix.to(self.language.dtype),
            attention_mask=self._mask(memory.valid[:, None, None]),
            position_ids=_positions(memory.valid)[:, -1:],
            **as_cache(self.language, memory.cache),
            use_cache=True,
        )
        return out.last_hidden_state

    def _mask(self, seen: Bool[Tensor, "b 1 n m"]) -> Tensor:
        """Say which places see which, in the form that the language model's attention takes."""
        if self.language.config._attn_implementation != "eager":
            return seen
        return torch.zeros_like(seen, dtype=torch.float32).masked_fill(~seen, torch.finfo(torch.float32).min)


class LlamaBackbone(Backbone):
    """A small Llama from scratch over the quantizer's patch features.

    `merge` x `merge` neighbouring patches become one token (their features side by side, as in SmolVLM), which costs
    nothing in detail and is `merge`^2 times cheaper. Frame and instruction see each other in both directions.

    Source: PaliGemma's prefix attention (arXiv 2407.07726) and Idefics3's pixel shuffle (arXiv 2408.12637), at a
    thousandth of the size.
    """

    is_causal = False

    def __init__(
        self,
        tokenizer: InstructionTokenizer,
        look: Callable[[Tensor], Tensor],
        *,
        num_patches: int,
        feature_width: int,
        width: int,
        num_layers: int,
        num_heads: int,
        merge: int,
        dropout: float,
        hidden_share: float,
    ):
        super().__init__()
        grid = round(num_patches**0.5)
        if grid % merge or width % (2 * num_heads):
            raise LapaError(
                f"a grid of {grid} patches merged by {merge}, or a width of {width} in {num_heads} heads of an even "
                "size, does not come out even: choose divisors"
            )
        self.tokenizer, self._look, self._grid, self._merge = tokenizer, look, grid, merge
        config = LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=8 * width // 3 // 32 * 32,
            num_hidden_layers=num_layers,
            num_attention_heads=num_heads,
            initializer_range=width**-0.5,
            attn_implementation="eager",  # on a CPU in bf16 twice as fast a training step as the fused kernel
        )
        self.language = LlamaModel(config)
        self.whiten = Whiten(num_patches, feature_width)
        merged = merge**2 * feature_width
        self.project = nn.Sequential(nn.LayerNorm(merged), nn.Linear(merged, width))
        self.dropout, self._hidden_share = nn.Dropout(dropout), hidden_share
        self.position = nn.Parameter(torch.randn((grid // merge) ** 2, width) * 0.1)
        nn.init.normal_(self.language.embed_tokens.weight, std=0.5)  # as large as a projected feature

    @torch.no_grad()
    def look(self, pixels: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b p e"]:
        return self._look(pixels)

    def read(self, instructions: Sequence[str]) -> tuple[Int[Tensor, "b s"], Bool[Tensor, "b s"]]:
        return self.tokenizer(instructions)

    def embed(
        self, features: Float[Tensor, "b p e"], ids: Int[Tensor, "b s"], mask: Bool[Tensor, "b s"]
    ) -> tuple[Float[Tensor, "b n d"], Bool[Tensor, "b n"]]:
        rows = self._grid // self._merge
        features = self.whiten(features)
        merged = rearrange(features, "b (r y s x) e -> b (r s) (y x e)", r=rows, s=rows, y=self._merge, x=self._merge)
        frame = self.project(merged) + self.position
        prefix = torch.cat([frame, self.language.embed_tokens(ids).to(frame.dtype)], dim=1)
        shown = mask.new_ones(frame.shape[:2])
        if self.training and self._hidden_share:
            shown = torch.rand(frame.shape[:2], device=frame.device) >= self._hidden_share
        return self.dropout(prefix), torch.cat([shown, mask], dim=1)

    def save_files(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tokenizer.json").write_text(self.tokenizer.to_json(), encoding="utf-8")


class HubBackbone(Backbone):
    """A pretrained vision-language model of the hub: vision side and connector frozen, language model trained.

    Works with models whose `get_image_features` gives features of the language model's width and whose decoder takes
    a 4-D mask (SmolVLM, Idefics3, LLaVA and their kin). A picture is not split into tiles, and its features stand
    before a plain sentence: the chat format is left out, since the answer is not text.
    """

    is_causal = True

    def __init__(self, model: PreTrainedModel, image_processor, tokenizer, *, max_text: int):
        super().__init__()
        self.model, self.image_processor, self.tokenizer, self._max_text = model, image_processor, tokenizer, max_text
        self.model.requires_grad_(False)
        self.language.requires_grad_(True)
        if hasattr(image_processor, "do_image_splitting"):
            image_processor.do_image_splitting = False

    @classmethod
    def from_hub(cls, name: str, *, max_text: int) -> HubBackbone:
        """Load a model with its weights, by hub name or from a folder.

        Raises:
            LapaError: if there is no such model, or it is not a vision-language model.
        """
        try:
            model = AutoModelForImageTextToText.from_pretrained(name, attn_implementation="sdpa", dtype=torch.float32)
            return cls._with_readers(model, name, max_text)
        except (OSError, ValueError) as error:
            raise LapaError(
                f"'{name}' cannot be loaded as a vision-language model ({str(error).splitlines()[0][:120]}): give "
                "'llama' for our own small one, or a hub name such as HuggingFaceTB/SmolVLM-256M-Instruct"
            ) from error

    @classmethod
    def from_files(cls, folder: Path, *, max_text: int) -> HubBackbone:
        """Build the architecture that `save_files` wrote; the weights are the caller's to load."""
        config = AutoConfig.from_pretrained(folder)
        model = AutoModelForImageTextToText.from_config(config, attn_implementation="sdpa", dtype=torch.float32)
        return cls._with_readers(model, folder, max_text)

    @classmethod
    def _with_readers(cls, model: PreTrainedModel, where: str | Path, max_text: int) -> HubBackbone:
        image_processor, tokenizer = AutoImageProcessor.from_pretrained(where), AutoTokenizer.from_pretrained(where)
        return cls(model.model, image_processor, tokenizer, max_text=max_text)

    @property
    def language(self) -> PreTrainedModel:
        return self.model.get_decoder()

    @property
    def vision_sha256(self) -> str:
        frozen = {name: p for name, p in self.model.named_parameters() if not p.requires_grad}
        return weights_sha256(frozen) + hashlib.sha256(self.image_processor.to_json_string().encode()).hexdigest()

    @torch.no_grad()
    def look(self, pixels: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b p e"]:
        pictures = [[picture] for picture in to_frames(pixels)]
        inputs = self.image_processor(pictures, return_tensors="pt")["pixel_values"].to(self.model.device)
        features = self.model.get_image_features(pixel_values=inputs).pooler_output
        return features if isinstance(features, Tensor) else torch.stack(list(features))  # some list them by picture

    def read(self, instructions: Sequence[str]) -> tuple[Int[Tensor, "b s"], Bool[Tensor, "b s"]]:
        cut = self.tokenizer(list(instructions), add_special_tokens=False, truncation=True, max_length=self._max_text)
        said = [self.tokenizer.decode(ids).strip() for ids in cut["input_ids"]]
        prompts = [f"What should the robot do next to {text}?" for text in said]
        out = self.tokenizer(prompts, padding=True, padding_side="right", return_tensors="pt")
        return out["input_ids"], out["attention_mask"].bool()

    def embed(
        self, features: Float[Tensor, "b p e"], ids: Int[Tensor, "b s"], mask: Bool[Tensor, "b s"]
    ) -> tuple[Float[Tensor, "b n d"], Bool[Tensor, "b n"]]:
        text = self.language.get_input_embeddings()(ids)
        prefix = torch.cat([features.to(text.dtype), text], dim=1)
        return prefix, torch.cat([mask.new_ones(features.shape[:2]), mask], dim=1)

    def save_files(self, folder: Path) -> None:
        for part in (self.tokenizer, self.image_processor, self.model.config):
            part.save_pretrained(folder)


def _positions(valid: Bool[Tensor, "b n"]) -> Int[Tensor, "b n"]:
    """Number the places that hold something; padding between instruction and suffix takes no number."""
    return (valid.long().cumsum(1) - 1).clamp(min=0)
