"""The data types that all packages share: frozen dataclasses of numpy arrays.

Axis letters, used alike in jaxtyping signatures and einops patterns:
    b batch, t time, c channel, h w pixels, p patches, d width, l tokens per latent action,
    m latents per latent action, k codes, q code width, n rows, s text tokens, a action dimensions.

Deliberately knows nothing of torch, of files or of models.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float32, Int, Shaped, UInt8

Frame = UInt8[np.ndarray, "_ _ 3"]  # height and width unnamed: two frames of one signature may differ in size
Frames = UInt8[np.ndarray, "_ _ _ 3"]


class LapaError(ValueError):
    """Something a user gave that cannot be used; its text is one clear sentence for that user."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Clip:
    """A stretch of video.

    Attributes:
        frames: uint8 [t h w 3], RGB.
        fps: frames per second of `frames`.
        source: where it is from, for people to read (a file name, or "dataset/episode 12").
        instruction: what is being done, or None where nobody said.
    """

    frames: Frames
    fps: float
    source: str
    instruction: str | None = None

    @property
    def num_frames(self) -> int:
        return len(self.frames)

    def pair(self, t: int, window: int) -> FramePair:
        """Return the frames at `t` and `t + window`.

        Raises:
            LapaError: if either lies outside the clip.
        """
        if window < 1 or t < 0 or t + window >= self.num_frames:
            raise LapaError(
                f"frame {t} with a window of {window} reaches frame {t + window}, "
                f"but '{self.source}' has frames 0 to {self.num_frames - 1}: choose an earlier frame or shorter window"
            )
        return FramePair(frame=self.frames[t], future=self.frames[t + window], t=t, window=window, source=self.source)


@dataclass(frozen=True, kw_only=True, eq=False)
class FramePair:
    """Two frames, `window` frames apart: what the quantizer looks at. uint8 [h w 3] each."""

    frame: Frame
    future: Frame
    t: int = 0
    window: int = 1
    source: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class LatentAction:
    """What happened between two frames, as the quantizer says it.

    Attributes:
        tokens: l ints in [0, codebook_size).
        codebook_size: k.
        continuous: float32 [m q], the difference before quantisation; None if the tokens were chosen by hand. One
            latent that all tokens describe together (m = 1), or one per token (m = l).
        distances: float32 [l k], squared distance of what each token had to say to each of its codes; None likewise.
    """

    tokens: tuple[int, ...]
    codebook_size: int
    continuous: Float32[np.ndarray, "m q"] | None = None
    distances: Float32[np.ndarray, "l k"] | None = None

    def __post_init__(self):
        bad = [token for token in self.tokens if not 0 <= token < self.codebook_size]
        if bad:
            raise LapaError(f"token {bad[0]} is not a code: this codebook has codes 0 to {self.codebook_size - 1}")

    @property
    def label(self) -> str:
        """The tokens as text: "3-0-7-1"."""
        return "-".join(map(str, self.tokens))

    @property
    def code(self) -> int:
        """The tokens as one integer, first token most significant."""
        code = 0
        for token in self.tokens:
            code = code * self.codebook_size + token
        return code

    @cached_property
    def margins(self) -> tuple[float, ...] | None:
        """How sure each token is, in [0, 1]: 1 - d(nearest) / d(second nearest), of distances; None if hand-made."""
        if self.distances is None:
            return None
        nearest, second = np.sort(np.sqrt(self.distances), axis=1)[:, :2].T
        return tuple(float(m) for m in 1.0 - nearest / np.maximum(second, 1e-12))

    @classmethod
    def from_label(cls, label: str, *, code_seq_len: int, codebook_size: int) -> LatentAction:
        """Read "3-0-7-1" (or "3 0 7 1", "3,0,7,1").

        Raises:
            LapaError: if it is not `code_seq_len` integers in [0, codebook_size).
        """
        parts = [part for part in re.split(r"[\s,\-]+", label.strip().strip("[]()")) if part]
        if len(parts) != code_seq_len or not all(part.isdecimal() and len(part) < 8 for part in parts):
            example = "-".join(str(i % codebook_size) for i in range(code_seq_len))
            raise LapaError(
                f"'{label[:40]}' is not a latent action: expected {code_seq_len} codes between 0 and "
                f"{codebook_size - 1}, such as {example}"
            )
        return cls(tokens=tuple(int(part) for part in parts), codebook_size=codebook_size)

    @classmethod
    def from_code(cls, code: int, *, code_seq_len: int, codebook_size: int) -> LatentAction:
        """Invert `code`."""
        tokens = []
        for _ in range(code_seq_len):
            code, token = divmod(code, codebook_size)
            tokens.append(token)
        return cls(tokens=tuple(reversed(tokens)), codebook_size=codebook_size)


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    """What a policy expects next.

    Attributes:
        latent_action: the tokens chosen (greedily or by sampling).
        distributions: float32 [l k], rows sum to 1; row i is conditioned on the chosen tokens before i.
    """

    latent_action: LatentAction
    distributions: Float32[np.ndarray, "l k"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One step of a rollout: the latent action taken and the frame it led to.

    Attributes:
        index: 0 for the first step.
        latent_action: what drove the world.
        distributions: float32 [l k] the policy's probabilities, or None where the tokens were given by hand.
        frame: uint8 [h w 3] after the step.
    """

    index: int
    latent_action: LatentAction
    distributions: Float32[np.ndarray, "l k"] | None
    frame: Frame


@dataclass(frozen=True, kw_only=True, eq=False)
class Rollout:
    """A finished rollout: its start, its instruction and its steps."""

    start: Frame
    instruction: str | None
    steps: tuple[Step, ...]

    @property
    def frames(self) -> Frames:
        """uint8 [t h w 3]: the start and the frame after each step."""
        return np.stack([self.start, *(step.frame for step in self.steps)])


@dataclass(frozen=True, kw_only=True, eq=False)
class LatentIndex:
    """Many transitions of a data set, one row each, as the quantizer sees them (columnar).

    Attributes:
        laq: sha256 of the quantizer that made it.
        data: the data set's name, for people.
        codebook_size: k.
        codebooks: float32 [l k q], the code vectors that each token chooses from.
        window, window_s: distance of the two frames, in frames and in seconds.
        tokens: int16 [n l].
        continuous: float32 [n m q], before quantisation: one latent for all tokens, or one per token.
        clip: int32 [n], row of `clip_*` each transition is from.
        t: int32 [n], frame number of the current frame in its clip.
        magnitude: float32 [n], mean absolute pixel change, in [0, 1].
        displacement: float32 [n 2], what the labelled body moved (x right, y forward; metres), NaN if unknown.
        pca, umap: float32 [n 2], coordinates of `continuous`.
        novelty_center, novelty_axes: float32 [d], [r d]: mean and whitened axes of frame features (see lapa/index.py).
        novelty_scale: float32 [2], median and 99th percentile of the training frames' own novelty.
        clip_names: file or episode; clip_instructions: "" where none; clip_splits: "train", "validation", ...
        thumbs: uint8 [n 2 s s 3] small before/after pictures, or None where they may not be shipped.
        following: int16 [n l], the tokens of the same clip one window later, -1 where it ends before; None if not kept.
        clip_facts: what else is known of clips, by name ("scene", "embodiment", "environment", "success"): one text
            per clip, "" where unknown.
        trustworthiness: of "umap" and "pca", in [0, 1] (see lapa/projection.py); empty where not measured.
    """

    laq: str
    data: str
    codebook_size: int
    codebooks: Float32[np.ndarray, "l k q"]
    window: int
    window_s: float
    tokens: Int[np.ndarray, "n l"]
    continuous: Float32[np.ndarray, "n m q"]
    clip: Int[np.ndarray, "n"]
    t: Int[np.ndarray, "n"]
    magnitude: Float32[np.ndarray, "n"]
    displacement: Float32[np.ndarray, "n 2"]
    pca: Float32[np.ndarray, "n 2"]
    umap: Float32[np.ndarray, "n 2"]
    novelty_center: Float32[np.ndarray, "d"]
    novelty_axes: Float32[np.ndarray, "r d"]
    novelty_scale: Float32[np.ndarray, "2"]
    clip_names: tuple[str, ...]
    clip_instructions: tuple[str, ...]
    clip_splits: tuple[str, ...]
    thumbs: UInt8[np.ndarray, "n 2 s s 3"] | None = field(default=None, repr=False)
    following: Int[np.ndarray, "n l"] | None = None
    clip_facts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    trustworthiness: Mapping[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def code_seq_len(self) -> int:
        return self.tokens.shape[1]

    @cached_property
    def is_shared(self) -> bool:
        """Whether all tokens choose from the same codes."""
        return bool((self.codebooks == self.codebooks[:1]).all())

    @cached_property
    def codes(self) -> Shaped[np.ndarray, "n"]:
        """The tokens of each row as one integer, first token most significant (see `joint_codes`)."""
        return joint_codes(self.tokens, self.codebook_size)

    def latent_action(self, row: int) -> LatentAction:
        return LatentAction(
            tokens=tuple(int(token) for token in self.tokens[row]),
            codebook_size=self.codebook_size,
            continuous=self.continuous[row],
        )


def joint_codes(tokens: Int[np.ndarray, "n l"], codebook_size: int) -> Shaped[np.ndarray, "n"]:
    """Return the tokens of each row as one integer, first token most significant.

    int64; Python's own integers (dtype object) where that many tokens and codes need more than 63 bits.
    """
    length = tokens.shape[1]
    kind = np.int64 if codebook_size**length <= 2**63 else object
    weights = np.array([codebook_size**place for place in reversed(range(length))], kind)
    return tokens.astype(kind) @ weights
