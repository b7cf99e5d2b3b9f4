"""The head: chooses tokens one after the other, each knowing those before it.

The same class serves latent actions (every place chooses from the codebook) and, in finetuning, robot actions (every
place chooses a bin of one dimension): between the two stages only the head is thrown away.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class TokenHead(nn.Module):
    """An MLP over the choices, and the embeddings by which choices are fed back.

    `num_choices` says, for each place, how many there are; places with fewer than the most never get the rest.

    Source: the paper's latent action head (section 3.2), a single MLP over the codebook; differs in that a place has
    embeddings of its own, since code 3 at the first place means something else than at the last.
    """

    def __init__(self, width: int, num_choices: tuple[int, ...]):
        super().__init__()
        self.num_choices = num_choices
        most = max(num_choices)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, most))
        self.start = nn.Parameter(torch.randn(1, 1, width) * 0.5)
        self.choice = nn.Parameter(torch.randn(len(num_choices), most, width) * 0.5)
        allowed = torch.arange(most) < torch.tensor(num_choices)[:, None]
        self.register_buffer("allowed", allowed, persistent=False)
        self.register_buffer("prior", allowed / allowed.sum(1, keepdim=True))
        """Share of each choice in the training data, [l k]: the guess of someone who sees and reads nothing."""

    def __len__(self) -> int:
        return len(self.num_choices)

    def embed(self, tokens: Int[Tensor, "b l"]) -> Float[Tensor, "b l d"]:
        """Return what stands at each place when `tokens` are (to be) chosen: a start mark, then all but the last."""
        start = self.start.expand(len(tokens), -1, -1)
        places = torch.arange(len(self) - 1, device=tokens.device)
        return torch.cat([start, self.choice[places, tokens[:, :-1]]], dim=1)

    def embed_choice(self, place: int, token: Int[Tensor, "b"]) -> Float[Tensor, "b 1 d"]:
        """Return what stands at place + 1 once `token` was chosen at `place`."""
        return self.choice[place, token][:, None]

    def forward(self, hidden: Float[Tensor, "b m d"], first: int = 0) -> Float[Tensor, "b m k"]:
        """Return logits at m places from `first` on; choices a place does not have get -inf."""
        allowed = self.allowed[first : first + hidden.shape[1]]
        return self.mlp(hidden).float().masked_fill(~allowed, float("-inf"))
