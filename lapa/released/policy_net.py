"""The network of a released policy: three (or four) kinds of ids in, one head per kind out.

A place holds a text id, a vision id, a latent code or an action id: separate numberings with tables of their own,
told apart by `Kind`. Exactly as many tokens are chosen as are asked for; no id ends a sequence. (The authors' code
let Hugging Face's loop stop at text id 2, which is also latent code 2: hence its many [2, 0, 0, 0].)

Source: assets/docs/released_formats.md ("The policy's network", "Sequences", "Choosing tokens and actions"). Own code,
for transformers has no Llama with several vocabularies; the decoder is its Llama (policy_decoder.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from lapa.models.key_values import as_cache
from lapa.released.policy_config import ReleasedPolicyConfig
from lapa.released.policy_decoder import RoundedCache, build_decoder


class Kind(IntEnum):
    """Which numbering an id is from."""

    TEXT = 0
    VISION = 1
    LATENT = 2
    ACTION = 3


@dataclass(frozen=True, eq=False)
class Sequences:
    """A batch of sequences: ids int64 [b s], kinds int64 [b s] (`Kind`), valid bool [b s], false on padding."""

    ids: Tensor
    kinds: Tensor
    valid: Tensor

    @property
    def positions(self) -> Int[Tensor, "b s"]:
        """Place numbers; padding takes none."""
        return (self.valid.long().cumsum(1) - 1).clamp(min=0)

    def to(self, device: torch.device | str) -> Sequences:
        return Sequences(self.ids.to(device), self.kinds.to(device), self.valid.to(device))

    def then(self, ids: Int[Tensor, "b m"], kind: Kind) -> Sequences:
        """Go on with ids of one kind."""
        return Sequences(
            torch.cat([self.ids, ids], 1),
            torch.cat([self.kinds, torch.full_like(ids, kind)], 1),
            torch.cat([self.valid, torch.ones_like(ids, dtype=torch.bool)], 1),
        )


class ReleasedNet(nn.Module):
    """Embeddings, decoder and heads."""

    def __init__(self, config: ReleasedPolicyConfig):
        super().__init__()
        self.config = config
        self.language = build_decoder(config)
        self.vision_embed = nn.Embedding(config.vision_vocab_size, config.width)
        self.latent_embed = nn.Embedding(config.codebook_size, config.width)
        self.text_head = nn.Linear(config.width, config.vocab_size, bias=False)
        self.vision_head = nn.Linear(config.width, config.vision_vocab_size, bias=False)
        self.latent_head = nn.Linear(config.width, config.codebook_size, bias=False)
        if config.num_actions:
            self.action_embed = nn.Embedding(config.num_actions, config.width)
            self.action_head = nn.Linear(config.width, config.num_actions, bias=False)

    @property
    def choices(self) -> Kind:
        """What this policy chooses: latent codes, or actions once it is finetuned."""
        return Kind.ACTION if self.config.num_actions else Kind.LATENT

    @property
    def device(self) -> torch.device:
        """Where sequences go in."""
        where = self.latent_embed.weight.device
        hook = getattr(self.latent_embed, "_hf_hook", None)
        if where.type == "meta" and hook is not None:  # offloaded: its hook fetches the weights to where it computes
            return torch.device(hook.execution_device)
        return where

    def embed(self, ids: Int[Tensor, "b s"], kinds: Int[Tensor, "b s"]) -> Float[Tensor, "b s d"]:
        """Look each id up in the table of its kind."""
        tables = [self.language.embed_tokens, self.vision_embed, self.latent_embed]
        tables += [self.action_embed] if self.config.num_actions else []
        out = None
        for kind, table in enumerate(tables):
            chosen = kinds == kind
            found = table(torch.where(chosen, ids, 0))
            out = found if out is None else torch.where(chosen[..., None].to(found.device), found, out.to(found.device))
        return out

    def forward(
        self, sequences: Sequences, cache: RoundedCache | None = None, last: int | None = None
    ) -> Float[Tensor, "b s d"]:
        """Read whole sequences and return the hidden state of each place, or of the `last` ones.

        The residual stream is float32 here, as the authors' masks make it, whatever the type of the weights.
        """
        length = sequences.ids.shape[1]
        place = torch.arange(length, device=sequences.ids.device)
        seen = (place[:, None] >= place[None]) & sequences.valid[:, None]
        seen = seen | torch.eye(length, dtype=torch.bool, device=seen.device)  # padding sees itself: no empty row
        return self._decode(self.embed(sequences.ids, sequences.kinds).float(), seen, sequences.positions, cache, last)

    def step(
        self, tokens: Int[Tensor, "b"], kind: Kind, sequences: Sequences, cache: RoundedCache
    ) -> Float[Tensor, "b d"]:
        """Go on by the one place that `tokens` stand in, already part of `sequences`; residual in the weights' type."""
        embedded = self.embed(tokens[:, None], torch.full_like(tokens[:, None], kind))
        return self._decode(embedded, sequences.valid[:, None], sequences.positions[:, -1:], cache, None)[:, 0]

    def logits(self, hidden: Float[Tensor, "... d"], kind: Kind) -> Float[Tensor, "... k"]:
        """Return a head's logits, float32."""
        head = (self.text_head, self.vision_head, self.latent_head, getattr(self, "action_head", None))[kind]
        return head(hidden).float()

    def choose(
        self, sequences: Sequences, num_tokens: int, pick: Callable[[Float[Tensor, "b k"]], Int[Tensor, "b"]]
    ) -> tuple[Int[Tensor, "b l"], Float[Tensor, "b l k"]]:
        """Choose exactly `num_tokens` tokens with `pick`, which sees logits; return them and what it saw.

        The prefix is read once; each further token costs one place.
        """
        kind, cache, tokens, seen = self.choices, RoundedCache(), [], []
        hidden = self(sequences, cache, last=1)[:, -1]
        for place in range(num_tokens):
            if place:
                sequences = sequences.then(tokens[-1][:, None], kind)
                hidden = self.step(tokens[-1], kind, sequences, cache)
            seen.append(self.logits(hidden, kind))
            tokens.append(pick(seen[-1]).to(sequences.ids.device))
        return torch.stack(tokens, 1), torch.stack(seen, 1)

    def score(self, sequences: Sequences, tokens: Int[Tensor, "b l"]) -> Float[Tensor, "b l k"]:
        """Return the logits of each token's place, given the true tokens before it, in one pass."""
        whole = sequences.then(tokens[:, :-1], self.choices)
        return self.logits(self(whole, last=tokens.shape[1]), self.choices)

    def _decode(
        self,
        embedded: Float[Tensor, "b s d"],
        seen: Bool[Tensor, "b _ m"],
        positions: Int[Tensor, "b s"],
        cache: RoundedCache | None,
        last: int | None,
    ) -> Float[Tensor, "b _ d"]:
        out = self.language(
            inputs_embeds=embedded,
            attention_mask=seen[:, None],
            position_ids=positions,
            **as_cache(self.language, cache),
            use_cache=cache is not None,
        ).last_hidden_state
        return out if last is None else out[:, -last:]
