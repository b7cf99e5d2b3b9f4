"""What each token means, as a direction and a word, and whether it means the same elsewhere.

What Figures 8 and 11 of the paper show by eye. A token's meaning is what moved in the pairs that have it; because later
tokens may only refine earlier ones, what a token adds to the others is said too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from lapa.eval.bootstrap import Bootstrap, Facts, unknown
from lapa.eval.metrics import cross_fit, episode_folds, known_rows, one_hot, weighted_cosine
from lapa.eval.targets import DISPLACEMENT

WORDS = {True: ("right", "forward", "left", "back"), False: ("right", "up", "left", "down")}
"""Directions by quarter turns: of a recorded displacement, of motion in the picture."""
STILL = 0.35
"""A token whose pairs move less than this share of the average one means "still"."""
MIXED = 0.4
"""A token whose pairs' motions add up to less than this share of their lengths has no one direction."""
MIN_ROWS = 5
"""Fewer pairs than this say nothing."""


def code_meanings(
    tokens: Int[np.ndarray, "n l"],
    codebook_size: int,
    motion: Float[np.ndarray, "n 2"],
    decoded: Float[np.ndarray, "n 2"] | None,
    episodes: Int[np.ndarray, "n"],
    *,
    target: str,
) -> list[dict[str, Any]]:
    """Describe every token.

    Args:
        motion: what truly moved, NaN where unknown; `decoded`: what was read off the same token drawn in another clip.
        target: what `motion` is: "displacement" or "flow".

    Returns:
        one dict per (position, code): count; word; right, forward (or up): the mean motion; length: the mean length of
        the motions; concentration: the length of their sum as a share of the sum of their lengths, 1 if all go one way;
        across_episodes: how well the token's mean direction in other episodes predicts each motion (weighted cosine);
        adds_right, adds_forward (or adds_up), adds_word: what the token adds to the others' in a linear model;
        decoded_word, decoded_concentration: of the motion drawn in another clip.
    """
    known = known_rows(motion)
    tokens, motion, episodes = tokens[known], motion[known], episodes[known]
    decoded = None if decoded is None else decoded[known]
    axes = WORDS[target == DISPLACEMENT]
    typical = float(np.linalg.norm(motion, axis=1).mean()) if len(motion) else 0.0
    added = additions(tokens, codebook_size, motion)
    rows = []
    for position, code in np.ndindex(tokens.shape[1], codebook_size):
        here = tokens[:, position] == code
        said = {"position": position, "code": code, "count": int(here.sum())}
        if here.sum() >= MIN_ROWS and typical > 0:
            said |= _described(motion[here], typical, axes)
            said["across_episodes"] = _elsewhere(motion[here], episodes[here])
            add = added[position, code]
            vector = {f"adds_{axes[0]}": float(add[0]), f"adds_{axes[1]}": float(add[1])}
            said |= vector | {"adds_word": _word_of(add, typical, axes)}
            if decoded is not None and np.isfinite(decoded[here]).all():
                drawn = _described(decoded[here], typical, axes)
                said |= {"decoded_word": drawn["word"], "decoded_concentration": drawn["concentration"]}
        rows.append(said)
    return rows


def consistency_facts(
    tokens: Int[np.ndarray, "n l"],
    codebook_size: int,
    motion: Float[np.ndarray, "n 2"],
    episodes: Int[np.ndarray, "n"],
    labels: dict[str, list[str]],
    *,
    seed: int = 0,
) -> Facts:
    """Say whether whole latent actions point the same way elsewhere, with intervals over episodes.

    A direction is read out of the tokens by a linear map fitted elsewhere, and compared with the true motion by the
    weighted cosine.

    Returns:
        consistency_episode: fitted on other episodes; consistency_chance: of one who knows only the mean direction of
        other episodes; consistency_NAME for each of `labels` (scene, site, embodiment, ...): fitted on the others.
    """
    known = known_rows(motion)
    names = ["consistency_episode", "consistency_chance", *(f"consistency_{name}" for name in labels)]
    if len(np.unique(episodes[known])) < 2:
        return unknown(*names)
    columns, motion, episodes = one_hot(tokens[known], codebook_size), motion[known], episodes[known]
    boot = Bootstrap(episodes, seed=seed)
    guess, mean = cross_fit(columns, motion, episode_folds(episodes))
    guesses = {"consistency_episode": guess, "consistency_chance": mean}
    for name, values in labels.items():
        groups = np.unique(np.array(values)[known], return_inverse=True)[1]
        if len(np.unique(groups)) > 1:
            guesses[f"consistency_{name}"] = cross_fit(columns, motion, groups)[0]
    facts: Facts = unknown(*names)
    for name, guess in guesses.items():
        facts |= boot.measure(name, lambda rows, guess=guess: weighted_cosine(guess[rows], motion[rows]))
    return facts


def direction_word(right: float, ahead: float, axes: tuple[str, str, str, str]) -> str:
    """Name a direction by eighths of a turn: "forward", "forward-left", ..."""
    eighth = round(float(np.arctan2(ahead, right)) / (np.pi / 4)) % 8
    if eighth % 2 == 0:
        return axes[eighth // 2]
    first, second = axes[eighth // 2], axes[(eighth // 2 + 1) % 4]
    upright = first if first in (axes[1], axes[3]) else second
    return f"{upright}-{second if upright == first else first}"


def _described(motion: Float[np.ndarray, "n 2"], typical: float, axes: tuple[str, ...]) -> dict[str, Any]:
    mean, lengths = motion.mean(axis=0), np.linalg.norm(motion, axis=1)
    length = float(lengths.mean())
    concentration = float(np.linalg.norm(mean) / length) if length > 0 else 0.0
    word = direction_word(*mean, axes) if concentration >= MIXED else "mixed"
    if length < STILL * typical:
        word = "still"
    vector = {axes[0]: float(mean[0]), axes[1]: float(mean[1])}
    return {"word": word, **vector, "length": length, "concentration": concentration}


def _elsewhere(motion: Float[np.ndarray, "n 2"], episodes: Int[np.ndarray, "n"]) -> float | None:
    """Return how well the mean motion in other episodes predicts the direction in this one; None for one episode."""
    number = np.unique(episodes, return_inverse=True)[1]
    total = motion.sum(axis=0)
    own = np.stack([np.bincount(number, motion[:, axis]) for axis in (0, 1)], axis=1)
    if len(own) < 2:
        return None
    cosine = weighted_cosine((total - own)[number], motion)
    return cosine if np.isfinite(cosine) else None


def additions(tokens: np.ndarray, codebook_size: int, motion: np.ndarray) -> Float[np.ndarray, "l k 2"]:
    """Return what each token adds to the mean motion, in a linear model of all positions, centred per position."""
    length = tokens.shape[1]
    if not len(tokens):
        return np.zeros((length, codebook_size, 2))
    columns = one_hot(tokens, codebook_size)
    centred = columns - columns.mean(axis=0)
    gram = centred.T @ centred + 1e-3 * len(tokens) / codebook_size * np.eye(columns.shape[1])
    weights = np.linalg.solve(gram, centred.T @ (motion - motion.mean(axis=0))).reshape(length, codebook_size, 2)
    share = columns.mean(axis=0).reshape(length, codebook_size, 1)
    return weights - (weights * share).sum(axis=1, keepdims=True)


def _word_of(vector: Float[np.ndarray, "2"], typical: float, axes: tuple[str, ...]) -> str:
    return direction_word(*vector, axes) if np.linalg.norm(vector) >= STILL * typical else "little"
