"""What latent actions are compared with: the end effector's motion, the instruction, and the motion in the picture."""

from __future__ import annotations

from collections import Counter

import numpy as np
from jaxtyping import Float

from lapa.data.flow import flows
from lapa.data.left_out import recorded
from lapa.data.transitions import Transitions, displacements
from lapa.protocols import ClipSource

DISPLACEMENT, ACTION, FLOW = "displacement", "action", "flow"
Targets = dict[str, Float[np.ndarray, "n _"]]


def targets_of(source: ClipSource, where: Transitions) -> Targets:
    """Return what is known of each transition, NaN in rows where it was not recorded.

    Returns:
        displacement [n 2]: of the end effector, metres (x right, y forward), if states were recorded.
        action [n a]: the mean true action over the window, if actions were recorded.
        flow [n 2]: of the moving region in the picture, shares of its longer side (x right, y up); always.
    """
    found = {DISPLACEMENT: displacements(source, where), ACTION: _actions(source, where)}
    known = {name: values for name, values in found.items() if values is not None and np.isfinite(values).any()}
    return {name: values.astype(np.float64) for name, values in (known | {FLOW: flows(source, where)}).items()}


def motion_of(targets: Targets) -> str:
    """Return which target says where things went: the recorded displacement, else the motion in the picture."""
    return DISPLACEMENT if DISPLACEMENT in targets else FLOW


def why_flow(source: ClipSource) -> str:
    """Say why motion is looked for in the picture, and not in the recorded states."""
    return getattr(source, "why_no_positions", "") or "no states were recorded"


def _actions(source: ClipSource, where: Transitions) -> Float[np.ndarray, "n a"] | None:
    """Bodies with different actions cannot share a probe: only those with the commonest number of them are kept."""
    per_clip = {clip: recorded(source.actions, source, clip) for clip in np.unique(where.clip).tolist()}
    widths = Counter(actions.shape[1] for actions in map(per_clip.get, where.clip.tolist()) if actions is not None)
    if not widths:
        return None
    width = widths.most_common(1)[0][0]
    means = np.full((len(where), width), np.nan)
    for row, (clip, t, window) in enumerate(zip(where.clip.tolist(), where.t.tolist(), where.window.tolist())):
        actions = per_clip[clip]
        if actions is not None and actions.shape[1] == width:
            means[row] = actions[t : t + window].mean(axis=0)
    return means
