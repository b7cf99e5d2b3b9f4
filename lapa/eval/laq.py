"""The scorecard of a quantizer: does it reconstruct, do its tokens steer, are its codes used, what do they mean?

One pass over pairs of held-out episodes, then every measurement with its interval over episodes. The measurements
themselves lie in files of their own; `report.py` knows how they are shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from lapa.data.transitions import Transitions, draw_transitions
from lapa.eval.baselines import Baselines, Rivals
from lapa.eval.bootstrap import Bootstrap
from lapa.eval.meaning import code_meanings, consistency_facts
from lapa.eval.metrics import known_rows
from lapa.eval.native import native_facts
from lapa.eval.probes import features_of, probe_facts
from lapa.eval.reconstruction import Errors, identity_facts, leak_facts, reconstruct, reconstruction_facts
from lapa.eval.sample import Bank, batches, check_tokens, choose_others, labels_of, rows_to_judge, stack
from lapa.eval.targets import DISPLACEMENT, motion_of, targets_of, why_flow
from lapa.eval.transfer import Again, read_motion, transfer, transfer_facts
from lapa.eval.usage import usage_facts
from lapa.models.load import AnyLAQ
from lapa.protocols import ClipSource

BODIES = ("embodiment", "environment")
"""Labels across which latent actions are carried over on purpose."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Codes:
    tokens: Int[np.ndarray, "n l"]
    continuous: Float[np.ndarray, "n f"]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Seen:
    """Everything one pass gives, one row per pair; `again` by where it was carried ("" to another clip).

    `rows`: which of the drawn transitions could be read.
    """

    rows: Int[np.ndarray, "n"]
    codes: _Codes
    errors: Errors
    rivals: Rivals
    again: dict[str, Again]


def evaluate_laq(
    laq: AnyLAQ,
    source: ClipSource,
    *,
    window_s: float,
    num_pairs: int = 2000,
    split: str | None = None,
    seed: int = 0,
    batch_size: int = 32,
    features: Path | None = None,
) -> dict[str, Any]:
    """Measure a quantizer on pairs drawn evenly over the episodes of `split`.

    Without a split: that of `default_split`, else everything. `features` is a folder with a pretrained
    vision model of `transformers`, for one more baseline.

    Returns:
        what reconstruction_facts, native_facts, identity_facts, leak_facts, usage_facts, probe_facts, transfer_facts
        and consistency_facts return, side by side; motion: which target says where things went; note: why not the
        states; codes: see code_meanings; num_pairs, num_episodes. A number NAME stands beside NAME_low and NAME_high,
        its 95 % interval over episodes; what cannot be measured on this data is None.

    Raises:
        LapaError: if the split is not there, no clip is longer than the window, `features` is no vision model, or the
            quantizer has no tokens.
    """
    check_tokens(laq)
    rng = np.random.default_rng(seed)
    rows = rows_to_judge(source, split)
    where = draw_transitions(source, rows, window_s, num_pairs, rng)
    baselines = Baselines(laq, features=features, seed=seed)
    bank = Bank.draw(laq, source, rows, window_s, seed)
    seen = _look(laq, source, where, bank, baselines, rng, batch_size)
    where = where.at(seen.rows)
    labels = labels_of(source, where.clip.tolist())
    targets = targets_of(source, where)
    size, codes, boot = laq.config.codebook_size, seen.codes, Bootstrap(where.clip, seed=seed)
    motion = targets[motion_of(targets)]
    again = seen.again.get("")
    _, decoded = read_motion(codes.continuous, again.continuous, motion, where.clip) if again else (None, None)
    inputs = features_of(codes.tokens, codes.continuous, seen.rivals, size)
    return {
        **reconstruction_facts(seen.errors, boot),
        **native_facts(laq, source, where, codes.tokens, seed=seed),
        **usage_facts(codes.tokens, size, boot),
        **probe_facts(inputs, targets, where.clip, seed=seed),
        **identity_facts(seen.errors, boot),
        **leak_facts(seen.errors, boot),
        **transfer_facts(codes.tokens, codes.continuous, again, motion, where.clip, boot),
        **_carried(seen, motion, where.clip, boot),
        **consistency_facts(codes.tokens, size, motion, where.clip, labels, seed=seed),
        "motion": motion_of(targets),
        "note": "" if motion_of(targets) == DISPLACEMENT else why_flow(source),
        "num_moving": int((np.linalg.norm(motion[known_rows(motion)], axis=1) > 0).sum()),
        "codes": code_meanings(codes.tokens, size, motion, decoded, where.clip, target=motion_of(targets)),
        "num_pairs": len(where),
        "num_episodes": len(np.unique(where.clip)),
    }


@torch.inference_mode()
def _look(
    laq: AnyLAQ,
    source: ClipSource,
    where: Transitions,
    bank: Bank,
    baselines: Baselines,
    rng: np.random.Generator,
    batch_size: int,
) -> _Seen:
    """Run the quantizer and the baselines over the pairs, batch by batch."""
    others = _partners(source, where, bank, rng)
    rows, codes, errors, rivals = [], [], [], []
    again: dict[str, list[Again]] = {name: [] for name in others}
    for batch in batches(laq, source, where, others.get(""), batch_size):
        encoding = laq.encode(batch.frame, batch.future)
        continuous = encoding.continuous.flatten(1).float().cpu().numpy()
        rows.append(batch.rows)
        codes.append(_Codes(tokens=encoding.tokens.cpu().numpy(), continuous=continuous))
        errors.append(reconstruct(laq, batch, encoding.tokens, bank, rng))
        rivals.append(baselines.look(batch))
        for name, partners in others.items():
            again[name].append(transfer(laq, encoding.tokens, partners[batch.rows], bank))
    joined = {name: stack(parts) for name, parts in again.items()}
    return _Seen(
        rows=np.concatenate(rows), codes=stack(codes), errors=stack(errors), rivals=stack(rivals), again=joined
    )


def _partners(
    source: ClipSource, where: Transitions, bank: Bank, rng: np.random.Generator
) -> dict[str, Int[np.ndarray, "n"]]:
    """Choose where latent actions are carried: "" to another clip of the same body, and to each other kind of body."""
    clips = sorted({*where.clip.tolist(), *bank.clip.tolist()})
    kinds = {name: dict(zip(clips, v, strict=True)) for name, v in labels_of(source, clips).items() if name in BODIES}
    alike = {clip: "/".join(kind[clip] for kind in kinds.values()) for clip in clips}
    found = {"": choose_others(where.clip, bank.clip, rng, kind=alike)}
    for name, kind in kinds.items():
        found[name] = choose_others(where.clip, bank.clip, rng, kind=kind, same_kind=False)
    return {name: rows for name, rows in found.items() if rows is not None}


def _carried(seen: _Seen, motion: Float[np.ndarray, "n 2"], episodes: Int[np.ndarray, "n"], boot: Bootstrap) -> dict:
    """Return the transfer's facts for each other kind of body there is."""
    codes, facts = seen.codes, {}
    for name, again in seen.again.items():
        if name:
            facts |= transfer_facts(codes.tokens, codes.continuous, again, motion, episodes, boot, suffix=f"_{name}")
    return facts
