"""The text tokenizer of the released policy: `tokenizer.model`, LLaMA's SentencePiece vocabulary of 32,000 pieces.

Only `<s>`, `</s>` and `<unk>` are special; `<vision>`, `</delta>` and their like are ordinary text of several pieces.
Blanks around a special are dropped, as the authors' tokenizer (transformers 4.29, slow) does.

Source: assets/docs/released_formats.md ("Sequences").
"""

from __future__ import annotations

import re
from pathlib import Path

from sentencepiece import SentencePieceProcessor

from lapa.released.policy_config import BOS, EOS
from lapa.types import LapaError

SPECIAL = re.compile(r"(<s>|</s>|<unk>)")
UNKNOWN = 0
MAX_BYTES = 64 * 2**20


class TextTokenizer:
    """Turns text into ids; adds nothing at either end."""

    def __init__(self, path: str | Path):
        """Read a SentencePiece model.

        Raises:
            LapaError: if it is not one, or its specials are not LLaMA's.
        """
        path = Path(path)
        if not path.is_file():
            raise LapaError(f"there is no file '{path}': give the released 'tokenizer.model'")
        self._pieces = SentencePieceProcessor()
        try:
            if not 0 < path.stat().st_size < MAX_BYTES:
                raise ValueError("its size")
            self._pieces.LoadFromSerializedProto(path.read_bytes())
            specials = self._pieces.unk_id(), self._pieces.bos_id(), self._pieces.eos_id()
        except (RuntimeError, ValueError, OSError) as error:
            raise LapaError(f"'{path}' is not a SentencePiece model: give the released 'tokenizer.model'") from error
        if specials != (UNKNOWN, BOS, EOS):
            raise LapaError(
                f"'{path}' numbers <unk>, <s>, </s> as {specials}, LLaMA's tokenizer as (0, 1, 2): "
                "give the released 'tokenizer.model'"
            )

    def __len__(self) -> int:
        return self._pieces.vocab_size()

    def __call__(self, text: str) -> list[int]:
        """Return the ids of a text."""
        ids = []
        for part in SPECIAL.split(text):
            if SPECIAL.fullmatch(part):
                ids.append({"<s>": BOS, "</s>": EOS}.get(part, UNKNOWN))
            elif part := part.strip():
                ids += self._pieces.encode(part)
        return ids

    def decode(self, ids: list[int]) -> str:
        """Return the text of some ids."""
        return self._pieces.decode(ids)
