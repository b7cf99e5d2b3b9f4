"""The released policy once more, in numpy and from its leaves alone: nothing shared with the code under test.

Stacked leaves, kernels (in, out), neighbouring dimensions rotated as complex numbers, no cache, no padding.
"""

from __future__ import annotations

import numpy as np


def forward(leaves: dict, ids, kinds, *, num_heads: int, base: float = 5e7, eps: float = 1e-6) -> np.ndarray:
    """Return the final hidden states of one sequence: ids and kinds [s] (0 text, 1 vision, 2 latent, 3 action)."""
    table = {key: np.asarray(leaf, np.float64) for key, leaf in leaves.items()}
    tables = [table.get(f"transformer/{t}/embedding") for t in ("wte", "vte", "dte", "ate")]
    x = np.stack([tables[kind][i] for i, kind in zip(ids, kinds)])
    stack = "transformer/h/scan_decoder/"
    for i in range(len(table[stack + "ffn_norm/kernel"])):
        n = norm(x, table[stack + "attention_norm/kernel"][i], eps)
        q, k, v = (n @ table[f"{stack}attention/w{name}/kernel"][i] for name in "qkv")
        x = (
            x
            + attend(turn(q, num_heads, base), turn(k, num_heads, base), v, num_heads)
            @ table[stack + "attention/wo/kernel"][i]
        )
        n = norm(x, table[stack + "ffn_norm/kernel"][i], eps)
        gate, up = (n @ table[f"{stack}feed_forward/{w}/kernel"][i] for w in ("w1", "w3"))
        x = x + (gate / (1 + np.exp(-gate)) * up) @ table[stack + "feed_forward/w2/kernel"][i]
    return norm(x, table["transformer/ln_f/kernel"], eps)


def norm(x, weight, eps):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + eps) * weight


def turn(x, num_heads, base):
    s, width = x.shape
    per_head = width // num_heads
    pairs = x.reshape(s, num_heads, per_head // 2, 2)
    angles = np.arange(s)[:, None] * base ** (-np.arange(0, per_head, 2) / per_head)
    turned = (pairs[..., 0] + 1j * pairs[..., 1]) * np.exp(1j * angles)[:, None]
    return np.stack([turned.real, turned.imag], -1).reshape(s, width)


def attend(q, k, v, num_heads):
    s, width = q.shape
    q, k, v = (a.reshape(s, num_heads, -1).swapaxes(0, 1) for a in (q, k, v))
    scores = q @ k.swapaxes(1, 2) / np.sqrt(width // num_heads)
    scores = np.where(np.tril(np.ones((s, s), bool)), scores, -np.inf)
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    return ((shares / shares.sum(-1, keepdims=True)) @ v).swapaxes(0, 1).reshape(s, width)
