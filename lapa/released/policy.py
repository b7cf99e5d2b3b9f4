"""The released policy behind the same verbs as ours: pictures and sentences in, `lapa.types` out.

    policy = load_released_policy("checkpoints/lapa-7b", "checkpoints/laq-openx", device="cuda")
    policy.predict(frame, "take the broccoli out of the pot").latent_action.label

Four tokens are chosen, always; the likeliest ones, or sampled. What the authors' program printed for the same frame
is in `as_printed_by_authors`, for those who compare.

Source: assets/docs/released_formats.md ("Sequences" to "Choosing tokens and actions"). Differs: no end-of-sequence
rule, since latent code 2 is not text id 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float32, Int
from torch import Tensor

from lapa.checkpoint import config_from, read_config, token_fingerprint
from lapa.device import resolve_device
from lapa.frames import pixels_from_uint8
from lapa.models.policy import check_instruction, picker
from lapa.released.policy_config import EOS, PAD, WINDOW_S, ReleasedPolicyConfig
from lapa.released.policy_net import ReleasedNet, Sequences
from lapa.released.policy_store import Place, load_net
from lapa.released.prompt import ask
from lapa.released.quantized import load_quantized
from lapa.released.sight import center_crop, squash
from lapa.released.text_tokenizer import TextTokenizer
from lapa.released.vqgan import VQGAN, VQGANConfig, load_vqgan
from lapa.types import Frame, Frames, LapaError, LatentAction, Prediction

Precision = Literal["auto", "bf16", "fp32", "8bit", "4bit"]
TOKENIZER = "tokenizer.model"
VQGAN_FOLDER = "vqgan"


class Reader:
    """What turns frames and instructions into sequences: the image tokenizer and the text tokenizer."""

    def __init__(self, vqgan: VQGAN, tokenizer: TextTokenizer, *, crop: bool = False):
        self.vqgan, self.tokenizer, self._crop = vqgan, tokenizer, crop

    @torch.inference_mode()
    def look(self, frames: Sequence[Frame] | Frames) -> Int[Tensor, "b p"]:
        """Return the image codes of frames of any size."""
        small = [squash(frame, self.vqgan.config.image_size) for frame in frames]
        if self._crop:
            small = [center_crop(frame) for frame in small]
        return self.vqgan.encode(pixels_from_uint8(np.stack(small), self.vqgan.codebook.device)).flatten(1)

    def __call__(self, frames: Sequence[Frame] | Frames, instructions: Sequence[str], net: ReleasedNet) -> Sequences:
        return ask(self.tokenizer, instructions, self.look(frames), net.choices).to(net.device)


class ReleasedPolicy:
    """A released policy behind the `Policy` protocol.

    Attributes:
        window_s: how far ahead its latent actions reach, in seconds.
        prior: float32 [l k], share of each token in its training labels; equal shares where nobody counted them.
    """

    def __init__(
        self,
        net: ReleasedNet,
        reader: Reader,
        *,
        window_s: float = WINDOW_S,
        prior: Float32[np.ndarray, "l k"] | None = None,
    ):
        self.net, self.reader, self.window_s = net.eval(), reader, window_s
        shape = (net.config.code_seq_len, net.config.codebook_size)
        self.prior = np.full(shape, 1 / shape[1], np.float32) if prior is None else prior

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
        from the `top_k` likeliest codes (0: from all). The first tokens are those of `prefix`.
        The distributions given back are the policy's own, whatever the temperature.

        Raises:
            LapaError: if the instruction is empty or longer than 500 characters, or the frame is no picture.
        """
        options = {"temperature": temperature, "top_k": top_k, "prefix": prefix, "rng": rng}
        return self.predict_many([frame], [instruction], **options)[0]

    @torch.inference_mode()
    def predict_many(
        self,
        frames: Sequence[Frame] | Frames,
        instructions: Sequence[str],
        *,
        temperature: float = 0.0,
        top_k: int = 0,
        prefix: Sequence[int] = (),
        rng: np.random.Generator | None = None,
    ) -> list[Prediction]:
        """Say what should happen next in each of several frames, in one pass.

        Raises:
            LapaError: as `predict`.
        """
        sequences = self.reader(frames, [check_instruction(text) for text in instructions], self.net)
        pick = picker(temperature, rng, top_k, prefix)
        tokens, logits = self.net.choose(sequences, len(self.prior), lambda seen: pick(seen.log_softmax(-1)))
        shares = logits.softmax(-1).cpu().numpy()
        size = self.net.config.codebook_size
        return [
            Prediction(latent_action=LatentAction(tokens=tuple(row), codebook_size=size), distributions=distributions)
            for row, distributions in zip(tokens.tolist(), shares, strict=True)
        ]

    @torch.inference_mode()
    def log_probs(
        self, frames: Sequence[Frame] | Frames, instructions: Sequence[str], tokens: Int[np.ndarray, "b l"]
    ) -> Float32[np.ndarray, "b l k"]:
        """Return the log-probabilities of every choice at each place, given the true tokens before it."""
        sequences = self.reader(frames, instructions, self.net)
        true = torch.from_numpy(tokens.astype(np.int64)).to(sequences.ids.device)
        return self.net.score(sequences, true).log_softmax(-1).cpu().numpy()


def as_printed_by_authors(tokens: Sequence[int]) -> list[int]:
    """Return what the authors' program prints where its policy chose `tokens`: zeros after the first 2.

    Source: assets/docs/released_formats.md ("Choosing tokens and actions"), reproduced on the authors' code. Their
    generation loop takes latent code 2 for text id 2, "end of sequence", and writes the padding id over what follows.
    """
    ended = list(tokens).index(EOS) + 1 if EOS in tokens else len(tokens)
    return [*tokens[:ended], *[PAD] * (len(tokens) - ended)]


def load_released_policy(
    path: str | Path,
    laq: str | Path | None = None,
    *,
    device: str = "cpu",
    precision: str = "auto",
    device_map: dict[str, Place] | str | None = None,
    max_memory: dict[Place, int | str] | None = None,
    rope_table: Literal["bfloat16", "float32"] | None = None,
) -> ReleasedPolicy:
    """Load an imported policy for inference.

    `precision` "auto" is the stored one (bf16 for the released file). On "cuda" all GPUs are used; what does not fit,
    there or in a CPU's memory, stays on disk and is read for each pass (`device_map` and `max_memory`: see
    `policy_store.load_net`). `rope_table` overrides the precision of the rotary angles, for comparisons.

    Raises:
        LapaError: if `path` is not an imported policy, is damaged, or `laq` is not the quantizer it speaks for; if
            there is no such device.
    """
    config = read_config(path, "policy")
    shape = released_shape(config, path)
    if shape.num_actions:
        raise LapaError(f"'{path}' chooses robot actions, not latent ones: it is for 'finetune' and robots")
    if laq is not None:
        check_quantizer(path, config, shape, laq)
    if rope_table:
        shape = replace(shape, rope_table=rope_table)
    device = resolve_device(device)
    net = open_net(path, shape, device=device, precision=precision, device_map=device_map, max_memory=max_memory)
    stage = config.get("stage") or {}
    prior = stage.get("prior")
    return ReleasedPolicy(
        net,
        open_reader(path, device),
        window_s=float(stage.get("window_s", WINDOW_S)),
        prior=None if prior is None else np.array(prior, np.float32),
    )


def open_net(
    path: str | Path,
    shape: ReleasedPolicyConfig,
    *,
    device: str = "cpu",
    precision: str = "auto",
    device_map: dict[str, Place] | str | None = None,
    max_memory: dict[Place, int | str] | None = None,
) -> ReleasedNet:
    """Load the network in a precision (see `load_released_policy`).

    Raises:
        LapaError: if the precision is unknown, or the files are damaged.
    """
    if precision not in get_args(Precision):
        raise LapaError(f"'{precision}' is no precision: choose {', '.join(get_args(Precision))}")
    if precision in ("8bit", "4bit"):
        return load_quantized(path, shape, int(precision[0]), device=device)
    dtype = {"auto": None, "bf16": torch.bfloat16, "fp32": torch.float32}[precision]
    if device_map is None:
        spread = device in ("cpu", "cuda", "cuda:0")  # another GPU is named when that one alone is meant
        device_map = "auto" if spread else device
        max_memory = _room(device) if spread and max_memory is None else max_memory
    return load_net(path, shape, dtype=dtype, device_map=device_map, max_memory=max_memory)


def open_reader(path: str | Path, device: str = "cpu", *, crop: bool = False) -> Reader:
    """Load the image and the text tokenizer of an imported policy; `crop` looks at the middle of each frame.

    Raises:
        LapaError: if one is missing or damaged.
    """
    vqgan = load_vqgan(Path(path) / VQGAN_FOLDER).to(device)
    return Reader(vqgan, TextTokenizer(Path(path) / TOKENIZER), crop=crop)


def picture_size(path: str | Path) -> int:
    """Return the side of the pictures that an imported policy looks at, in pixels.

    Raises:
        LapaError: if it has no image tokenizer.
    """
    vqgan = Path(path) / VQGAN_FOLDER
    return config_from(VQGANConfig, read_config(vqgan, "vqgan")["model"], vqgan).image_size


def released_shape(config: dict, path: str | Path) -> ReleasedPolicyConfig:
    """Read a released policy's shape from its config.json.

    Raises:
        LapaError: if it is another policy's.
    """
    if config["model"].get("architecture") != "released":
        raise LapaError(f"'{path}' is not a released policy: import one with 'python -m lapa import-released policy'")
    return config_from(ReleasedPolicyConfig, config["model"], path)


def check_quantizer(path: str | Path, config: dict, shape: ReleasedPolicyConfig, laq: str | Path) -> None:
    """Refuse a quantizer whose tokens the policy does not speak.

    A policy trained or imported with a named quantizer is bound to it by sha256, as ours are. The released file names
    none; such a policy goes with an imported released quantizer of as many tokens and codes, and with no other.

    Raises:
        LapaError: if the quantizer is another.
    """
    theirs = read_config(laq, "laq")["model"]
    parent = (config.get("parents") or {}).get("laq")
    if parent is not None and parent != token_fingerprint(laq):
        raise LapaError(
            f"the policy '{path}' speaks the tokens of another quantizer than '{laq}': name its own with --laq"
        )
    if parent is None and theirs.get("architecture") != "released":
        raise LapaError(
            f"the released policy '{path}' speaks the tokens of the released quantizer, and '{laq}' is one of ours: "
            "import laq_openx.pt with 'python -m lapa import-released laq' and name it with --laq"
        )
    counts = theirs.get("code_seq_len"), theirs.get("codebook_size")
    if counts != (shape.code_seq_len, shape.codebook_size):
        raise LapaError(
            f"the policy '{path}' chooses {shape.code_seq_len} tokens out of {shape.codebook_size} codes, "
            f"but '{laq}' has {counts[0]} out of {counts[1]}"
        )


def _room(device: str) -> dict[Place, int | str]:
    """Return how many bytes of weights each device may take: what is free, less some for the frames in work."""
    from accelerate.utils import get_max_memory

    free = {"cpu": get_max_memory()["cpu"]} if device == "cpu" else get_max_memory()
    return {place: int(0.85 * size) for place, size in free.items()}
