"""Is the code space used: each position's codes, and all positions together?"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from lapa.eval.bootstrap import Bootstrap
from lapa.eval.metrics import codes_used, entropy_bits, perplexity, shared_information


def usage_facts(tokens: Int[np.ndarray, "n l"], codebook_size: int, boot: Bootstrap) -> dict[str, Any]:
    """Return how codes are used, pooled, per position and jointly.

    Returns:
        codes_used: at the position that uses fewest. perplexity: mean over positions, since each may have codes of its
        own, and pooled they look more alike than they are. dead_codes: (position, code) never seen.
        sequences_used, joint_entropy_bits, joint_entropy_max_bits: of all positions together, as counted; n rows show
        at most log2(n) bits. redundancy: mean over pairs of positions of their shared information, 0 to 1.
        positions: [{position, codes_used, dead_codes, perplexity}, ...], shared_information: [l l], 1 on the diagonal.
    """
    num_rows, length = tokens.shape
    codes = _sequence_codes(tokens)

    def joint(rows: np.ndarray) -> float:
        return entropy_bits(np.unique(codes[rows], return_counts=True)[1])

    def redundancy(rows: np.ndarray) -> float:
        return float(np.mean([shared_information(a, b, codebook_size) for a, b in combinations(tokens[rows].T, 2)]))

    def mean_perplexity(rows: np.ndarray) -> float:
        return float(np.mean([perplexity(column, codebook_size) for column in tokens[rows].T]))

    used = [codes_used(column) for column in tokens.T]
    positions = [
        {"position": i, "codes_used": used[i], "dead_codes": codebook_size - used[i]}
        | boot.measure("perplexity", lambda rows, i=i: perplexity(tokens[rows, i], codebook_size))
        for i in range(length)
    ]
    most = length * float(np.log2(codebook_size))
    return {
        "codes_used": min(used),
        "codebook_size": codebook_size,
        "code_seq_len": length,
        "dead_codes": length * codebook_size - sum(used),
        **boot.measure("perplexity", mean_perplexity),
        "perplexity_lowest": min(position["perplexity"] for position in positions),
        "sequences_used": len(np.unique(codes)),
        "sequences_seen_at_most": min(num_rows, codebook_size**length),
        **boot.measure("joint_entropy_bits", joint, recentred=True),
        "joint_entropy_max_bits": most,
        **(boot.measure("redundancy", redundancy, recentred=True) if length > 1 else {}),
        "positions": positions,
        "shared_information": _matrix(tokens, codebook_size).tolist(),
    }


def _matrix(tokens: Int[np.ndarray, "n l"], codebook_size: int) -> Float[np.ndarray, "l l"]:
    matrix = np.eye(tokens.shape[1])
    for i, j in combinations(range(tokens.shape[1]), 2):
        matrix[i, j] = matrix[j, i] = shared_information(tokens[:, i], tokens[:, j], codebook_size)
    return matrix


def _sequence_codes(tokens: Int[np.ndarray, "n l"]) -> Int[np.ndarray, "n"]:
    """Number the sequences that occur; any length fits."""
    return np.unique(tokens, axis=0, return_inverse=True)[1].reshape(-1)
