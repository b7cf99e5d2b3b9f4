"""LAQ, the latent action quantizer: what happened between two frames, in a few discrete tokens (paper, section 3.1).

    encode: patches -> spatial transformer (each frame) -> causal temporal one (both) -> d = f(e2) - f(e1) -> codes
    decode: stop-gradient patch embedding of the current frame -> transformer that attends to the codes -> pixels

Knows nothing of videos, of windows in seconds or of how it is trained.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn

from lapa.checkpoint import config_from, load_checkpoint
from lapa.models.blocks import RelativePositionBias, Transformer
from lapa.models.heads import LinearHead, WarpHead
from lapa.models.quantizer import NSVQ, Mode
from lapa.types import LapaError


@dataclass(frozen=True, kw_only=True)
class LAQConfig:
    """Shape of a quantizer."""

    image_size: int = 128
    """Side of the square pictures it sees, in pixels."""
    patch: int = 16
    """Side of a patch, in pixels."""
    width: int = 128
    """Width of all transformers."""
    num_heads: int = 4
    """Attention heads of each layer."""
    num_spatial: int = 2
    """Layers of the encoder within a frame."""
    num_temporal: int = 1
    """Layers of the encoder across the two frames."""
    num_decoder: int = 2
    """Layers of the decoder."""
    code_seq_len: int = 4
    """Tokens of one latent action."""
    codebook_size: int = 8
    """Codes each token chooses from."""
    code_width: int = 8
    """Dimensions of a code vector (the released model has 32; see assets/docs/LOG.md)."""
    head: Literal["warp", "linear"] = "warp"
    """Pixel head: warp (sharp) or linear (the paper's)."""


@dataclass(frozen=True, eq=False)
class Encoding:
    """Latent actions of a batch of pairs: continuous [b l q], tokens int64 [b l], distances [b l k]."""

    continuous: Tensor
    tokens: Tensor
    distances: Tensor


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """Training output: future [b 3 h w], tokens [b l], continuous [b l q], distances [b l k], the quantizer's loss."""

    future: Tensor
    tokens: Tensor
    continuous: Tensor
    distances: Tensor
    loss: Tensor


class LAQ(nn.Module):
    """The quantizer.

    Pixels are float [b 3 h w] in [0, 1], h = w = image_size.

    Source: paper, Appendix A and the released code's order of operations. Differs: learned patch positions beside the
    relative bias; no time position, so that two equal frames give exactly d = 0; the read-out of e1 and e2 is one
    linear map over all patches, so code_seq_len is free; the action tokens are projected one by one (not scrambled).
    """

    def __init__(self, config: LAQConfig):
        super().__init__()
        if config.image_size % config.patch:
            raise LapaError(f"an image of {config.image_size} pixels has no whole number of patches of {config.patch}")
        self.config = config
        grid, width = config.image_size // config.patch, config.width
        self.embed = nn.Sequential(
            nn.LayerNorm(3 * config.patch**2), nn.Linear(3 * config.patch**2, width), nn.LayerNorm(width)
        )
        self.position = nn.Parameter(torch.randn(grid * grid, width) * 0.02)
        self.bias = RelativePositionBias(grid, config.num_heads)
        self.spatial = Transformer(width, config.num_heads, config.num_spatial)
        self.temporal = Transformer(width, config.num_heads, config.num_temporal)
        self.narrow = nn.Sequential(nn.Linear(width, 32), nn.GELU())
        self.read_out = nn.Linear(32 * grid * grid, config.code_seq_len * config.code_width, bias=False)
        self.quantizer = NSVQ(config.codebook_size, config.code_width)
        self.widen = nn.Linear(config.code_width, width)
        self.token_position = nn.Parameter(torch.randn(config.code_seq_len, width) * 0.02)
        self.decoder_bias = RelativePositionBias(grid, config.num_heads)
        self.decoder = Transformer(width, config.num_heads, config.num_decoder, has_cross=True)
        self.head = (WarpHead if config.head == "warp" else LinearHead)(width, config.patch)

    @property
    def codebook(self) -> nn.Parameter:
        """The code vectors, [k q]."""
        return self.quantizer.codebook

    def forward(
        self,
        frame: Float[Tensor, "b 3 h w"],
        future: Float[Tensor, "b 3 h w"],
        *,
        mode: Mode = "codes",
        generator: torch.Generator | None = None,
    ) -> Reconstruction:
        """Encode, quantise, decode: one training pass."""
        continuous = self._difference(frame, future)
        quantized = self.quantizer(continuous, mode=mode, generator=generator)
        return Reconstruction(
            future=self.decode_vectors(frame, quantized.value),
            tokens=quantized.tokens,
            continuous=continuous,
            distances=quantized.distances,
            loss=quantized.loss,
        )

    def encode(self, frame: Float[Tensor, "b 3 h w"], future: Float[Tensor, "b 3 h w"]) -> Encoding:
        """Say what happened between `frame` and `future`."""
        continuous = self._difference(frame, future).float()
        distances = self.quantizer.distances(continuous)
        return Encoding(continuous=continuous, tokens=distances.argmin(-1), distances=distances)

    def decode(self, frame: Float[Tensor, "b 3 h w"], tokens: Int[Tensor, "b l"]) -> Float[Tensor, "b 3 h w"]:
        """Predict the future frame under `tokens`; values may leave [0, 1] slightly."""
        return self.decode_vectors(frame, self.code_vectors(tokens))

    def code_vectors(self, tokens: Int[Tensor, "b l"]) -> Float[Tensor, "b l q"]:
        """Look the tokens up in the codebook."""
        return self.codebook[tokens]

    def decode_vectors(
        self, frame: Float[Tensor, "b 3 h w"], vectors: Float[Tensor, "b l q"]
    ) -> Float[Tensor, "b 3 h w"]:
        """Predict the future frame under latent vectors that need not be codes."""
        actions = self.widen(vectors) + self.token_position
        patches = self._patches(frame).detach()
        return self.head(self.decoder(patches, context=actions, bias=self.decoder_bias()), frame)

    def frame_features(self, frame: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b p e"]:
        """Return what the encoder sees of one frame, e = 2 * width: patch embeddings beside the spatial output."""
        patches = self._patches(frame)
        return torch.cat([patches, self.spatial(patches, bias=self.bias())], dim=-1)

    def _patches(self, frame: Tensor) -> Tensor:
        side = self.config.patch
        return self.embed(rearrange(frame, "b c (r y) (s x) -> b (r s) (c y x)", y=side, x=side)) + self.position

    def _difference(self, frame: Tensor, future: Tensor) -> Tensor:
        both = self.spatial(self._patches(torch.cat([frame, future])), bias=self.bias())
        per_patch = rearrange(both, "(two b) p d -> (b p) two d", two=2)
        seen = rearrange(self.temporal(per_patch, is_causal=True), "(b p) two d -> two b p d", b=len(frame))
        first, second = self.read_out(rearrange(self.narrow(seen), "two b p e -> two b (p e)"))
        return torch.tanh(rearrange(second - first, "b (l q) -> b l q", l=self.config.code_seq_len).float())


def load_laq(path: str | Path) -> LAQ:
    """Load a quantizer for inference.

    Raises:
        LapaError: if `path` is not a checkpoint of kind "laq", or does not fit its own config.
    """
    checkpoint = load_checkpoint(path, "laq")
    model = LAQ(config_from(LAQConfig, checkpoint.model, path))
    try:
        model.load_state_dict(checkpoint.tensors, strict=True)
    except RuntimeError as error:
        raise LapaError(f"the weights in '{path}' do not fit its config.json: copy the checkpoint again") from error
    return model.eval().requires_grad_(False)
