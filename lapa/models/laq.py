"""LAQ, the latent action quantizer: what happened between two frames, in a few discrete tokens (paper, section 3.1).

    encode: patches -> spatial transformer (each frame) -> causal temporal one (both) -> d = f(e2) - f(e1) -> codes
    decode: stop-gradient patch embedding of the current frame -> transformer that attends to the codes -> pixels

Knows nothing of videos, of windows in seconds or of how it is trained.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn

from lapa.models.blocks import RelativePositionBias, Transformer
from lapa.models.heads import Change, LinearHead, WarpHead
from lapa.models.quantizer import QUANTIZERS, Mode
from lapa.models.shapes import check_counts, check_divides
from lapa.models.vision import FrozenVision
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
    """Dimensions of a code vector (the released model has 32; see assets/docs/LOG.md); fsq and lfq choose their own."""
    quantizer: Literal["residual", "shared", "ema", "simvq", "fsq", "lfq", "none"] = "residual"
    """Layout of the codes: residual (a codebook per token, each says what is left over), shared (the paper's), or a
    rival: ema, simvq, fsq, lfq; none quantises nothing, which is the upper bound (see lapa/models/quantizer)."""
    conditioning: Literal["cross", "additive"] = "cross"
    """How the decoder learns of the tokens: cross-attention (the paper's), or added to every patch (Genie's)."""
    head: Literal["warp", "linear"] = "warp"
    """Pixel head: warp (sharp) or linear (the paper's)."""
    vision: str = ""
    """Frozen vision model that the encoder looks through instead of pixels, such as DINOv2: a folder or a hub name."""


@dataclass(frozen=True, eq=False)
class Encoding:
    """Latent actions of a batch of pairs: continuous [b m q], tokens int64 [b l], distances [b l k]."""

    continuous: Tensor
    tokens: Tensor
    distances: Tensor


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """Training output: future [b 3 h w], tokens [b l], continuous [b m q], distances [b l k], the quantizer's loss."""

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
    Additive conditioning is Genie's (arXiv 2402.15391), with one linear map of all tokens, so that their order counts.
    """

    def __init__(self, config: LAQConfig):
        super().__init__()
        _check_shape(config)
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
        self.quantizer = QUANTIZERS[config.quantizer](config.code_seq_len, config.codebook_size, config.code_width)
        code_width, is_cross = self.quantizer.code_width, config.conditioning == "cross"
        self.read_out = nn.Linear(32 * grid * grid, self.quantizer.num_latents * code_width, bias=False)
        if is_cross:
            self.widen = nn.Linear(code_width, width)
            self.token_position = nn.Parameter(torch.randn(config.code_seq_len, width) * 0.02)
        else:
            self.widen_all = nn.Linear(config.code_seq_len * code_width, width)
        self.decoder_bias = RelativePositionBias(grid, config.num_heads)
        self.decoder = Transformer(width, config.num_heads, config.num_decoder, has_cross=is_cross)
        self.head = (WarpHead if config.head == "warp" else LinearHead)(width, config.patch)
        self.vision = FrozenVision(config.vision, grid) if config.vision else None
        if self.vision is not None:
            self.from_vision = nn.Sequential(nn.Linear(self.vision.width, width), nn.LayerNorm(width))

    @property
    def device(self) -> torch.device:
        return self.position.device

    @property
    def has_tokens(self) -> bool:
        """Whether latent actions are tokens; if not, there are only `encode(...).continuous` and `decode_vectors`."""
        return self.quantizer.has_tokens

    @property
    def moves_pixels(self) -> bool:
        """Whether what its tokens do can be applied to a frame of any size (`change`): with the warp head."""
        return isinstance(self.head, WarpHead)

    @property
    def codebooks(self) -> Float[Tensor, "l k q"]:
        """The code vectors each token chooses from."""
        return self.quantizer.codebooks()

    def forward(
        self,
        frame: Float[Tensor, "b 3 h w"],
        future: Float[Tensor, "b 3 h w"],
        *,
        mode: Mode = "codes",
        generator: torch.Generator | None = None,
    ) -> Reconstruction:
        """Encode, quantise, decode: one training pass."""
        continuous = self._difference(*self.see(torch.cat([frame, future])).chunk(2))
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
        return self.compare(*self.see(torch.cat([frame, future])).chunk(2))

    def see(self, frame: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b p d"]:
        """Return what the encoder makes of a frame before it knows the other one, for `compare`."""
        return self.spatial(self._seen_patches(frame), bias=self.bias())

    def compare(self, seen: Float[Tensor, "b p d"], seen_future: Float[Tensor, "b p d"]) -> Encoding:
        """Say what happened between two frames that were seen."""
        continuous = self._difference(seen, seen_future)
        tokens, distances = self.quantizer.nearest(continuous)
        return Encoding(continuous=continuous, tokens=tokens, distances=distances)

    def decode(self, frame: Float[Tensor, "b 3 h w"], tokens: Int[Tensor, "b l"]) -> Float[Tensor, "b 3 h w"]:
        """Predict the future frame under `tokens`; values may leave [0, 1] slightly."""
        return self.decode_vectors(frame, self.code_vectors(tokens))

    def change(self, frame: Float[Tensor, "b 3 h w"], tokens: Int[Tensor, "b l"]) -> Change:
        """Say what happens to `frame` under `tokens`, for `lapa.models.heads.apply`; only if it `moves_pixels`."""
        return self.head.change(self._decoded(frame, self.code_vectors(tokens)), frame)

    def code_vectors(self, tokens: Int[Tensor, "b l"]) -> Float[Tensor, "b l q"]:
        """Look up the points tokens stand for."""
        return self.quantizer.place(tokens)

    def latent_of(self, tokens: Int[Tensor, "b l"]) -> Float[Tensor, "b m q"]:
        """Return where tokens stand among the continuous latents."""
        return self.quantizer.latent_of(tokens)

    def decode_vectors(
        self, frame: Float[Tensor, "b 3 h w"], vectors: Float[Tensor, "b l q"]
    ) -> Float[Tensor, "b 3 h w"]:
        """Predict the future frame under latent vectors that need not be codes."""
        return self.head(self._decoded(frame, vectors), frame)

    def frame_features(self, frame: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b p e"]:
        """Return what the encoder sees of one frame, e = 2 * width: patch embeddings beside the spatial output."""
        patches = self._seen_patches(frame)
        return torch.cat([patches, self.spatial(patches, bias=self.bias())], dim=-1)

    def details(self, frame: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b p e"]:
        """Return what the decoder's convolutions see of one frame, e = 192: the colours and outlines it paints with.

        Raises:
            LapaError: if the head has no convolutions.
        """
        if not isinstance(self.head, WarpHead):
            raise LapaError("the linear head sees no details: train the policy with --model.no-details")
        at_8 = self.head.see(frame)[-1]
        return rearrange(at_8, "b c (r y) (s x) -> b (r s) (c y x)", y=2, x=2)

    def _decoded(self, frame: Float[Tensor, "b 3 h w"], vectors: Float[Tensor, "b l q"]) -> Float[Tensor, "b p d"]:
        """Return the decoder's patch tokens, which the head draws from."""
        patches, bias = self._patches(frame), self.decoder_bias()
        if self.vision is None:
            patches = patches.detach()  # the encoder teaches it; where that looks at features, only the decoder can
        if self.config.conditioning == "additive":
            return self.decoder(patches + self.widen_all(vectors.flatten(1))[:, None], bias=bias)
        return self.decoder(patches, context=self.widen(vectors) + self.token_position, bias=bias)

    def _seen_patches(self, frame: Tensor) -> Tensor:
        """Return what the encoder starts from: patches of pixels, or of the frozen model's features."""
        if self.vision is None:
            return self._patches(frame)
        return self.from_vision(self.vision(frame)) + self.position

    def _patches(self, frame: Tensor) -> Tensor:
        side = self.config.patch
        return self.embed(rearrange(frame, "b c (r y) (s x) -> b (r s) (c y x)", y=side, x=side)) + self.position

    def _difference(self, seen: Tensor, seen_future: Tensor) -> Tensor:
        per_patch = rearrange(torch.stack([seen, seen_future]), "two b p d -> (b p) two d")
        both = rearrange(self.temporal(per_patch, is_causal=True), "(b p) two d -> two b p d", b=len(seen))
        first, second = self.read_out(rearrange(self.narrow(both), "two b p e -> two b (p e)"))
        return torch.tanh(rearrange(second - first, "b (m q) -> b m q", m=self.quantizer.num_latents).float())


def _check_shape(config: LAQConfig) -> None:
    """Refuse a shape that cannot be built.

    Raises:
        LapaError: saying which setting is wrong.
    """
    check_counts(config, image_size=1, patch=1, width=1, num_heads=1, num_spatial=0, num_temporal=0, num_decoder=0)
    check_counts(config, code_seq_len=1, codebook_size=2, code_width=1)
    if config.image_size % config.patch:
        raise LapaError(f"an image of {config.image_size} pixels has no whole number of patches of {config.patch}")
    check_divides(config, "num_heads", "width")
    if config.head == "warp" and config.patch != WarpHead.patch:
        raise LapaError(
            f"the warp head draws patches of {WarpHead.patch} pixels, not of {config.patch}: "
            f"give --model.patch {WarpHead.patch}, or --model.head linear"
        )
