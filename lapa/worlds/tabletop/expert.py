"""The scripted expert: walks around blocks to get behind one, then pushes it along a free path to its goal.

It sees the true state. Each step it plans afresh, so that slips, bumps and the noise it is given are corrected.
`python -m lapa.worlds.tabletop.expert --episodes 100` measures how often it succeeds, per task family.
"""

from __future__ import annotations

import argparse
import math
import sys

import numpy as np
from jaxtyping import Float

from lapa.worlds.tabletop.planner import Planner
from lapa.worlds.tabletop.scene import BLOCK_RANGE, PUSHER_RADIUS, PUSHER_RANGE
from lapa.worlds.tabletop.shapes import BLOCK_RADIUS, NUM_BLOCKS
from lapa.worlds.tabletop.sim import MAX_SPEED_M, TabletopSim
from lapa.worlds.tabletop.tasks import APART_M, FAMILIES, Split, Task, block_xy, goal_xy, is_done, sample_scene

_REACH = BLOCK_RADIUS + PUSHER_RADIUS
_APPROACH_M = _REACH + 0.018
_PUSHER_CLEARANCE = _REACH + 0.012
_BLOCK_CLEARANCE = 2 * BLOCK_RADIUS + 0.008
_LATERAL_GAIN = 30.0


class Expert:
    """Solves one task. Make a new one for each episode.

    Args:
        task: what to do.
        rng: only used for noise.
        noise: standard deviation of the action noise, as a share of full speed; it drifts slowly, as a hand does.
        speed: share of full speed, in (0, 1].
    """

    def __init__(self, task: Task, rng: np.random.Generator | None = None, noise: float = 0.0, speed: float = 1.0):
        self._task, self._rng, self._noise, self._speed = task, rng, noise, speed
        self._drift = np.zeros(2)
        self._walk = Planner(PUSHER_RANGE)
        self._carry = Planner(BLOCK_RANGE)
        self._pushing = False
        self._plan: tuple[int, np.ndarray] | None = None

    def act(self, state: Float[np.ndarray, "n"]) -> Float[np.ndarray, "2"]:
        """Return the next action: the pusher's displacement in metres."""
        block, goal = self._aim(state)
        heading = self._push_heading(state, block, goal)
        direction = self._direction(state, block, heading)
        action = direction * self._speed * MAX_SPEED_M + self._shake()
        return np.clip(action, -MAX_SPEED_M, MAX_SPEED_M)

    def _aim(self, state: np.ndarray) -> tuple[int, np.ndarray]:
        """Which block to push, and where to."""
        if self._task.family != "separate":
            return self._task.block, goal_xy(self._task, state)
        if self._plan is None:
            self._plan = _choose_parting(self._task, state)
        return self._plan

    def _push_heading(self, state: np.ndarray, block: int, goal: np.ndarray) -> np.ndarray:
        """Unit vector along which the block should move now."""
        ignored = {block, self._task.other} if self._task.family == "block2block" else {block}
        obstacles = _others(state, ignored)
        waypoint = self._carry.waypoint(block_xy(state, block), goal, obstacles, _BLOCK_CLEARANCE)
        return _unit(waypoint - block_xy(state, block))

    def _direction(self, state: np.ndarray, block: int, heading: np.ndarray) -> np.ndarray:
        """Vector of length at most 1: where the pusher should go."""
        pusher, center = state[:2], block_xy(state, block)
        offset = pusher - center
        distance = float(np.linalg.norm(offset))
        behind = float(-offset @ heading) / max(distance, 1e-9)
        self._pushing = (behind > 0.7 and distance < 0.11) if self._pushing else (behind > 0.9 and distance < 0.085)
        if self._pushing:
            lateral = offset - (offset @ heading) * heading
            return _unit(heading - _LATERAL_GAIN * lateral)
        limit = np.array(PUSHER_RANGE)
        spot = np.clip(center - heading * _APPROACH_M, -limit, limit)
        waypoint = self._walk.waypoint(pusher, spot, _others(state, set()), _PUSHER_CLEARANCE)
        return _unit(waypoint - pusher) * min(1.0, float(np.linalg.norm(waypoint - pusher)) / MAX_SPEED_M + 0.2)

    def _shake(self) -> np.ndarray:
        if self._noise == 0.0 or self._rng is None:
            return np.zeros(2)
        self._drift = 0.7 * self._drift + math.sqrt(1 - 0.7**2) * self._rng.normal(size=2)
        return self._noise * MAX_SPEED_M * self._drift


def _choose_parting(task: Task, state: np.ndarray) -> tuple[int, np.ndarray]:
    """Choose which of two blocks to push, and to where, so that they part with least trouble."""
    limit = np.array(BLOCK_RANGE)
    best, choice = math.inf, None
    for block, other in ((task.block, task.other), (task.other, task.block)):
        center, stays = block_xy(state, block), block_xy(state, other)
        rest = _others(state, {block, other})
        for angle in np.linspace(0, 2 * math.pi, 24, endpoint=False):
            way = np.array([math.cos(angle), math.sin(angle)])
            goal, spot = center + 0.17 * way, center - _APPROACH_M * way
            trouble = 8 * max(0.0, APART_M + 0.02 - math.dist(goal, stays))
            trouble += 8 * max(0.0, _PUSHER_CLEARANCE - math.dist(spot, stays))
            trouble += 4 * sum(max(0.0, _BLOCK_CLEARANCE - _gap(center, goal, xy)) for xy in rest)
            trouble += 4 * sum(max(0.0, _PUSHER_CLEARANCE - math.dist(spot, xy)) for xy in rest)
            trouble += 8 * float(np.maximum(np.abs(goal) - limit, 0).sum()) + 0.3 * math.dist(state[:2], spot)
            if trouble < best:
                best, choice = trouble, (block, np.clip(goal, -limit, limit))
    assert choice is not None
    return choice


def _others(state: np.ndarray, ignored: set) -> np.ndarray:
    return np.array([block_xy(state, i) for i in range(NUM_BLOCKS) if i not in ignored])


def _gap(start: np.ndarray, end: np.ndarray, point: np.ndarray) -> float:
    """Distance of a point from a straight way."""
    way = end - start
    along = min(max(float((point - start) @ way) / float(way @ way), 0.0), 1.0)
    return math.dist(point, start + along * way)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


def measure(num_episodes: int, max_steps: int = 100, noise: float = 0.0, split: Split = "seen") -> dict[str, dict]:
    """Run the expert on seeds 0, 1, ... of every family; return success rate and mean number of steps for each."""
    sim, report = TabletopSim(), {}
    for family in FAMILIES:
        steps = []
        for seed in range(num_episodes):
            state, task = sample_scene(np.random.default_rng(seed), family, split)
            sim.reset(state)
            expert = Expert(task, np.random.default_rng([seed, 1]), noise)
            for t in range(max_steps):
                sim.step(expert.act(sim.state))
                if is_done(task, sim.state):
                    steps.append(t + 1)
                    break
        report[family] = {"success": len(steps) / num_episodes, "mean_steps": float(np.mean(steps or [math.nan]))}
    return report


def main() -> None:
    """Print the expert's success rate for each family."""
    parser = argparse.ArgumentParser(description=measure.__doc__)
    parser.add_argument("--episodes", type=int, default=100, help="seeds per family")
    parser.add_argument("--noise", type=float, default=0.0, help="action noise, share of full speed")
    parser.add_argument("--split", choices=("seen", "unseen"), default="seen")
    options = parser.parse_args()
    for family, row in measure(options.episodes, noise=options.noise, split=options.split).items():
        sys.stdout.write(f"{family:22s} success {row['success']:.3f}   mean steps {row['mean_steps']:.1f}\n")


if __name__ == "__main__":
    main()
