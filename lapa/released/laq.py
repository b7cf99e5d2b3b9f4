"""The authors' LAQ, slips and all, behind the verbs of our own: encode, decode, code_vectors, decode_vectors.

What a compatible network must reproduce, found by reading and running the released code:
  - every token of the decoder mixes all codes: a transpose is missing before they are widened (`_scramble`);
  - first-frame tokens see the future: the temporal encoder looks both ways;
  - its position convolution runs over a folded picture, and keys and values skip the norm (`laq_parts.py`);
  - two equal frames do not give d = 0; the decoder paints the whole future, unbounded, not a change of the frame.
Our own quantizer (`lapa/models/laq.py`) has none of these. Knows nothing of files (`laq_read.py`) or of training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn

from lapa.models.laq import Encoding
from lapa.released.laq_parts import PositionBias, Transformer
from lapa.types import LapaError

READ_OUTS: dict[int, tuple[tuple, ...]] = {
    1: ((3, 2, 1), (4, 1, 0)),
    2: ((3, 2, 1), ((3, 4), 1, 0)),
    4: ((3, 2, 1), (3, 1, 0)),
    16: ((3, 2, 1), (3, 2, 1)),
    64: ((3, 2, 1),),
    256: ((3, 2, 1),),
}
"""Tokens of a latent action -> kernel, stride and padding of the convolutions that read them off the patch grid."""


@dataclass(frozen=True, kw_only=True)
class ReleasedLAQConfig:
    """Shape of a released quantizer; the values of laq_openx.pt are the defaults."""

    architecture: Literal["released"] = "released"
    """Tells config.json of this network from one of ours."""
    image_size: int = 256
    """Side of the square pictures it sees, in pixels."""
    patch: int = 32
    """Side of a patch, in pixels."""
    width: int = 1024
    """Width of all transformers."""
    num_heads: int = 16
    """Attention heads of each layer."""
    head_width: int = 64
    """Width of a head."""
    num_spatial: int = 8
    """Layers of the encoder within a frame, and as many of the decoder."""
    num_temporal: int = 8
    """Layers of the encoder across the two frames."""
    code_seq_len: int = 4
    """Tokens of one latent action: 1, 2, 4, 16, 64 or 256, as the patch grid allows."""
    codebook_size: int = 8
    """Codes each token chooses from."""
    code_width: int = 32
    """Dimensions of a code vector."""

    @property
    def grid(self) -> int:
        """Patches along a side."""
        return self.image_size // self.patch


class VectorQuantizer(nn.Module):
    """Reads latents off the patch tokens and holds the codes; inference only."""

    def __init__(self, config: ReleasedLAQConfig):
        super().__init__()
        width = config.code_width
        self.codebooks = nn.Parameter(torch.randn(config.codebook_size, width))
        self.project_in = nn.Linear(config.width, width)
        self.project_out = nn.Linear(width, config.width)
        self.cnn_encoder = nn.Sequential()
        for kernel, stride, padding in READ_OUTS[config.code_seq_len]:
            if len(self.cnn_encoder):
                self.cnn_encoder.append(nn.ReLU())
            self.cnn_encoder.append(nn.Conv2d(width, width, kernel, stride, padding))

    def read(self, tokens: Float[Tensor, "b p d"], grid: int) -> Float[Tensor, "b l q"]:
        """Return the latent of each quadrant (or other part) of a frame."""
        square = rearrange(self.project_in(tokens), "b (h w) q -> b q h w", h=grid)
        return rearrange(self.cnn_encoder(square), "b q h w -> b (h w) q")


class ReleasedLAQ(nn.Module):
    """The released quantizer, for inference.

    Pixels are float [b 3 h w] in [0, 1], h = w = image_size. Attribute names are those of the released state dict;
    three kinds of its parameters have no effect: `context_norm` and `null_kv` of self-attention, the last bias of
    `cnn_encoder`.

    Source: paper, Appendix A; the released code at 46aca51, checked against its outputs. Differs: tokens may be given
    for a whole batch, without a future frame; forward has no mode in which it returns noisy reconstructions.
    """

    def __init__(self, config: ReleasedLAQConfig):
        super().__init__()
        check_config(config)
        self.config = config
        width, num_pixels = config.width, 3 * config.patch**2
        sizes = (width, config.num_heads, config.head_width)
        self.spatial_rel_pos_bias = PositionBias(width, config.num_heads)
        self.to_patch_emb_first_frame = nn.Sequential(
            nn.Identity(), nn.LayerNorm(num_pixels), nn.Linear(num_pixels, width), nn.LayerNorm(width)
        )
        self.enc_spatial_transformer = Transformer(*sizes, config.num_spatial)
        self.enc_temporal_transformer = Transformer(*sizes, config.num_temporal)
        self.vq = VectorQuantizer(config)
        self.dec_spatial_transformer = Transformer(*sizes, config.num_spatial, has_cross=True)
        self.to_pixels_first_frame = nn.Sequential(nn.Linear(width, num_pixels))

    @property
    def device(self) -> torch.device:
        return self.vq.codebooks.device

    @property
    def codebooks(self) -> Float[Tensor, "l k q"]:
        """The code vectors each token chooses from: one codebook, shared by all tokens."""
        return self.vq.codebooks.expand(self.config.code_seq_len, -1, -1)

    def encode(self, frame: Float[Tensor, "b 3 h w"], future: Float[Tensor, "b 3 h w"]) -> Encoding:
        """Say what happened between `frame` and `future`."""
        return self.compare(self.see(frame), self.see(future))

    def see(self, frame: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b p d"]:
        """Return what the encoder makes of a frame before it knows the other one, for `compare`: the patches alone."""
        return self._patches(frame)

    def compare(self, seen: Float[Tensor, "b p d"], seen_future: Float[Tensor, "b p d"]) -> Encoding:
        """Say what happened between two frames that were seen."""
        first, second = self._both_frames(seen, seen_future)
        continuous = (self.vq.read(second, self.config.grid) - self.vq.read(first, self.config.grid)).float()
        distances = (continuous[:, :, None] - self.vq.codebooks.float()).square().sum(-1)
        return Encoding(continuous=continuous, tokens=distances.argmin(-1), distances=distances)

    def decode(self, frame: Float[Tensor, "b 3 h w"], tokens: Int[Tensor, "b l"]) -> Float[Tensor, "b 3 h w"]:
        """Predict the future frame under `tokens`; values may leave [0, 1]."""
        return self.decode_vectors(frame, self.code_vectors(tokens))

    def code_vectors(self, tokens: Int[Tensor, "b l"]) -> Float[Tensor, "b l q"]:
        """Look up the points tokens stand for."""
        return self.vq.codebooks[tokens]

    def latent_of(self, tokens: Int[Tensor, "b l"]) -> Float[Tensor, "b l q"]:
        """Return where tokens stand among the continuous latents."""
        return self.code_vectors(tokens)

    def decode_vectors(
        self, frame: Float[Tensor, "b 3 h w"], vectors: Float[Tensor, "b l q"]
    ) -> Float[Tensor, "b 3 h w"]:
        """Predict the future frame under latent vectors that need not be codes."""
        grid, side = self.config.grid, self.config.patch
        out = self.dec_spatial_transformer(
            self._patches(frame),
            (len(frame), 1, grid, grid),
            context=self.vq.project_out(_scramble(vectors)),
            bias=self.spatial_rel_pos_bias(grid),
        )
        return rearrange(
            self.to_pixels_first_frame(out), "b (r s) (c y x) -> b c (r y) (s x)", r=grid, c=3, y=side, x=side
        )

    def details(self, frame: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b p e"]:
        """The released decoder has no convolutions to look through.

        Raises:
            LapaError: always.
        """
        raise LapaError("the released quantizer sees no details: train the policy with --model.no-details")

    def frame_features(self, frame: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b p e"]:
        """Return what the encoder sees of one frame, e = 2 * width: patch embeddings beside the spatial output.

        The spatial output is that of a frame that nothing went before: the current frame of every pair.
        """
        grid, patches = self.config.grid, self._patches(frame)
        seen = self.enc_spatial_transformer(patches, (len(frame), 1, grid, grid), bias=self.spatial_rel_pos_bias(grid))
        return torch.cat([patches, seen], dim=-1)

    def _patches(self, frame: Tensor) -> Tensor:
        side = self.config.patch
        return self.to_patch_emb_first_frame(rearrange(frame, "b c (r y) (s x) -> b (r s) (c y x)", y=side, x=side))

    def _both_frames(
        self, seen: Float[Tensor, "b p d"], seen_future: Float[Tensor, "b p d"]
    ) -> tuple[Float[Tensor, "b p d"], Float[Tensor, "b p d"]]:
        """Encode a pair; each frame's tokens know of the other frame."""
        shape = (len(seen), 2, self.config.grid, self.config.grid)
        patches = torch.stack([seen, seen_future], dim=1)
        bias = self.spatial_rel_pos_bias(self.config.grid)
        tokens = self.enc_spatial_transformer(rearrange(patches, "b t p d -> (b t) p d"), shape, bias=bias)
        tokens = rearrange(tokens, "(b t) p d -> (b p) t d", t=2)
        first, second = rearrange(self.enc_temporal_transformer(tokens, shape), "(b p) t d -> t b p d", b=len(seen))
        return first, second


def check_config(config: ReleasedLAQConfig) -> None:
    """Refuse a shape that the released code cannot have.

    Raises:
        LapaError: if the picture has no whole number of patches, or its grid is not read out as `code_seq_len` tokens.
    """
    if config.code_seq_len not in READ_OUTS:
        known = ", ".join(map(str, READ_OUTS))
        raise LapaError(f"the released quantizer has no read-out of {config.code_seq_len} tokens: it has {known}")
    if config.image_size % config.patch:
        raise LapaError(f"an image of {config.image_size} pixels has no whole number of patches of {config.patch}")
    found = num_read(config.code_seq_len, config.grid)
    if found != config.code_seq_len:
        raise LapaError(
            f"a grid of {config.grid} x {config.grid} patches is read out as {found} tokens, not {config.code_seq_len}"
        )


def num_read(code_seq_len: int, grid: int) -> int:
    """Return how many tokens the read-out made for `code_seq_len` gives on a grid of patches."""
    height = width = grid
    for kernel, stride, padding in READ_OUTS[code_seq_len]:
        tall, wide = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        height, width = (height + 2 * padding - tall) // stride + 1, (width + 2 * padding - wide) // stride + 1
    return max(0, height) * max(0, width)


def _scramble(vectors: Float[Tensor, "b l q"]) -> Float[Tensor, "b l q"]:
    """Read codes laid out (l q) as if they lay (q l), as the released code does: out[n][d] = flat[l d + n]."""
    length = vectors.shape[1]
    return rearrange(vectors.flatten(1), "b (q l) -> b l q", l=length)
