"""How a frame and an instruction are laid out for a released policy, when it is asked and when it is trained.

    asked     <s> <s> You are a helpful ... ASSISTANT: <vision> | 256 codes, 8193 | </vision> <delta> | -> 4 tokens
    trained   <s> | <s> You are ... ASSISTANT: | <vision> | 256 codes, 8193 | </vision> | <delta> | 4 tokens |
              </delta> | </s>

An action-finetuned policy has <action> in the place of <delta>. Padding is on the left when asked (and drops out:
places are numbered without it), on the right, with <s>, in training.

Source: assets/docs/released_formats.md ("Sequences"). Differs: a batch is padded to its longest text, not to 128; the
logits are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from lapa.released.policy_config import BOS, END_OF_VISION, EOS, NUM_PATCHES, PAD
from lapa.released.policy_net import Kind, Sequences
from lapa.types import LapaError

ASK = "<s> You are a helpful assistant. USER: What action should the robot take to `{instruction}` ASSISTANT:"
MAX_TEXT = 128
"""Ids of the text before the picture; of longer ones the beginning is cut off, as in the authors' code."""
TRAIN_LENGTH = 384
"""Places of a training sequence with 256 image codes."""
TAG = {Kind.LATENT: "delta", Kind.ACTION: "action"}

Encode = Callable[[str], list[int]]


@dataclass(frozen=True, eq=False)
class TrainingBatch:
    """A training batch: inputs, and for each place the target id, its kind and whether it counts.

    Attributes:
        inputs: sequences of length s. targets, kinds: int64 [b s], shifted by one. counts: float32 [b s], 0 or 1.
    """

    inputs: Sequences
    targets: Tensor
    kinds: Tensor
    counts: Tensor


def ask(
    encode: Encode, instructions: Sequence[str], codes: Int[Tensor, "b p"], choices: Kind = Kind.LATENT
) -> Sequences:
    """Lay out the prefix after which the policy chooses its first token."""
    head = [encode(f"<s> {ASK.format(instruction=text)} <vision>")[-MAX_TEXT:] for text in instructions]
    tail = encode(f"</vision> <{TAG[choices]}>")
    longest = max(map(len, head))
    text = torch.tensor([[PAD] * (longest - len(ids)) + ids for ids in head])
    valid = torch.tensor([[False] * (longest - len(ids)) + [True] * len(ids) for ids in head])
    start = Sequences(text, torch.zeros_like(text), valid)
    return _picture(start, codes).then(torch.tensor(tail).expand(len(head), -1), Kind.TEXT)


def training_batch(
    encode: Encode,
    instructions: Sequence[str],
    codes: Int[Tensor, "b p"],
    tokens: Int[Tensor, "b l"],
    choices: Kind = Kind.LATENT,
    length: int | None = None,
) -> TrainingBatch:
    """Lay out a training batch, of sequences of `length` (by default 128 places beside the image codes).

    Raises:
        LapaError: if an instruction leaves no room for the picture and the tokens.
    """
    tag, length = TAG[choices], length or TRAIN_LENGTH - NUM_PATCHES + codes.shape[1]
    ends = encode(f"</{tag}>"), encode("</vision>") + encode(f"<{tag}>")
    rows = []
    for text, picture, chosen in zip(instructions, codes.tolist(), tokens.tolist(), strict=True):
        row = [(BOS, Kind.TEXT, 0), *((i, Kind.TEXT, 0) for i in encode(ASK.format(instruction=text)))]
        row += [(i, Kind.TEXT, 0) for i in encode("<vision>")]
        row += [(i, Kind.VISION, 0) for i in [*picture, END_OF_VISION]]
        row += [(i, Kind.TEXT, int(place >= len(encode("</vision>")))) for place, i in enumerate(ends[1])]
        row += [(i, choices, 1) for i in chosen]
        row += [(i, Kind.TEXT, 1) for i in [*ends[0], EOS]]
        if len(row) > length + 1:
            raise LapaError(
                f"the instruction '{text[:60]}...' is too long to train on: with it a sequence has {len(row)} places, "
                f"at most {length + 1} fit"
            )
        rows.append(row + [(BOS, Kind.TEXT, 0)] * (length + 1 - len(row)))
    ids, kinds, counts = torch.tensor(rows).unbind(-1)
    inputs = Sequences(ids[:, :-1], kinds[:, :-1], torch.ones_like(ids[:, :-1], dtype=torch.bool))
    return TrainingBatch(inputs=inputs, targets=ids[:, 1:], kinds=kinds[:, 1:], counts=counts[:, 1:].float())


def _picture(start: Sequences, codes: Int[Tensor, "b p"]) -> Sequences:
    end = torch.full((len(codes), 1), END_OF_VISION)
    return start.then(torch.cat([codes.cpu(), end], 1), Kind.VISION)
