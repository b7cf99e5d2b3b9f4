"""Who may label a data set: the quantizer, by its tokens (LAPA), or whoever recorded the true actions (ActionVLA)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Int

from lapa.data.left_out import recorded
from lapa.frames import pixels_from_uint8
from lapa.models.action_bins import ActionBins
from lapa.models.encode import encode_pairs
from lapa.models.load import AnyLAQ
from lapa.models.policy import latent_choices
from lapa.protocols import ClipSource, Pairs
from lapa.types import LapaError


class TokenLabeler:
    """The quantizer's tokens: what it sees happen between the two frames."""

    kind = "tokens"

    def __init__(self, laq: AnyLAQ, batch_size: int):
        self._laq, self._batch_size = laq, batch_size
        self.num_choices = latent_choices(laq)

    def label(self, pairs: Pairs) -> Int[np.ndarray, "n l"]:
        """Return the tokens of each pair."""

        def look(numbers: np.ndarray) -> torch.Tensor:
            return pixels_from_uint8(pairs.frames[numbers], self._laq.device)

        encodings = encode_pairs(self._laq, look, pairs.first, pairs.later, batch_size=self._batch_size)
        return np.concatenate([encoding.tokens.cpu().numpy() for encoding in encodings])


class ActionLabeler:
    """The action recorded at the first frame, each dimension as a bin: an upper bound for labels guessed from pixels.

    Bins hold equally many actions of the clips `rows` (at most `num_bins` a dimension).

    Source: LAPA's ActionVLA (arXiv 2410.11758, section 4.1), the same pretraining with ground-truth actions. Differs:
    bins are our finetuning's, so that a label means what an action bin means there.

    Raises:
        LapaError: if no clip of `rows` has recorded actions, or they are of bodies with different ones.
    """

    kind = "actions"

    def __init__(self, source: ClipSource, rows: Sequence[int], num_bins: int):
        self._source = source
        known = [actions for row in rows if (actions := recorded(source.actions, source, row)) is not None]
        if not known:
            raise LapaError(f"'{source.name}' has no recorded actions to label it with: use --labeler tokens")
        if len({actions.shape[1] for actions in known}) > 1:
            raise LapaError(f"'{source.name}' mixes bodies with different actions: true actions label one embodiment")
        self.bins = ActionBins.fit(np.concatenate(known), num_bins)
        self.num_choices = self.bins.num_bins

    def label(self, pairs: Pairs) -> Int[np.ndarray, "n l"]:
        """Return the bins of the action at each pair's first frame; -1 where none was recorded."""
        labels = np.full((len(pairs.t), len(self.num_choices)), -1)
        for row in np.unique(pairs.clip):
            actions = recorded(self._source.actions, self._source, int(row))
            if actions is None or actions.shape[1] != len(self.num_choices):
                continue
            own = np.flatnonzero((pairs.clip == row) & (pairs.t < len(actions)))
            labels[own] = self.bins.encode(actions[pairs.t[own]])
        return labels
