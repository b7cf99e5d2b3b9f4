"""Instructions as ids: a small byte-level BPE, trained on a data set's own instructions.

Words that are frequent there become one id each; what was never seen (another lab's typo, another alphabet) falls
back to pieces and at last to bytes, so no two unknown words look alike. Knows nothing of pictures or models.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Bool, Int
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torch import Tensor

PAD = "<pad>"


class InstructionTokenizer:
    """Turns instructions into ids, lower-case, at most `max_length` of them each."""

    def __init__(self, tokenizer: Tokenizer, max_length: int):
        self._tokenizer = tokenizer
        self._tokenizer.enable_truncation(max_length)
        self._tokenizer.enable_padding(pad_id=tokenizer.token_to_id(PAD), pad_token=PAD)

    @classmethod
    def train(cls, instructions: Iterable[str], *, vocab_size: int, max_length: int) -> InstructionTokenizer:
        """Build the vocabulary: 256 bytes, then the pairs that are frequent in `instructions`."""
        tokenizer = Tokenizer(models.BPE())
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace("\n", " "), normalizers.Strip()]
        )
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size,
            min_frequency=2,
            special_tokens=[PAD],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(sorted(instructions), trainer)
        return cls(tokenizer, max_length)

    @classmethod
    def from_json(cls, text: str, *, max_length: int) -> InstructionTokenizer:
        return cls(Tokenizer.from_str(text), max_length)

    def to_json(self) -> str:
        return self._tokenizer.to_str(pretty=True)

    def __len__(self) -> int:
        return self._tokenizer.get_vocab_size()

    def __call__(self, instructions: Sequence[str]) -> tuple[Int[Tensor, "b s"], Bool[Tensor, "b s"]]:
        """Return ids, padded on the right to the longest, and a mask that is true where there is text."""
        rows = self._tokenizer.encode_batch(list(instructions))
        ids = torch.tensor([row.ids for row in rows])
        return ids, torch.tensor([row.attention_mask for row in rows]).bool()

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of some ids, without padding."""
        return self._tokenizer.decode(list(ids)).strip()
