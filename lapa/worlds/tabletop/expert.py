"""The scripted expert: walks around blocks to get behind one, then pushes it along a free path to its goal.

It sees the true state. Each step it plans afresh (`strategy.py`), so that slips, bumps and the noise it is given are
corrected; how its body moves is the driver's business (`drivers`).
`python -m lapa.worlds.tabletop.expert --embodiment arm --episodes 100` measures how often it succeeds, per task family.
"""

from __future__ import annotations

import argparse
import math
import sys

import numpy as np
from jaxtyping import Float

from lapa.worlds.tabletop.bodies import BODIES
from lapa.worlds.tabletop.drivers import DRIVERS
from lapa.worlds.tabletop.sim import TabletopSim
from lapa.worlds.tabletop.strategy import Strategy, block_centers
from lapa.worlds.tabletop.tasks import FAMILIES, Split, Task, block_xy, is_done, sample_scene


class Expert:
    """Solves one task. Make a new one for each episode.

    Args:
        task: what to do.
        rng: only used for noise, and for what a body leaves to chance.
        noise: standard deviation of the action noise, as a share of full speed; it drifts slowly, as a hand does.
        speed: share of full speed, in (0, 1].
        embodiment: which body it has.
    """

    def __init__(
        self,
        task: Task,
        rng: np.random.Generator | None = None,
        noise: float = 0.0,
        speed: float = 1.0,
        embodiment: str = "arm",
    ):
        self._rng, self._noise, self._speed = rng, noise, speed
        self._max_action = BODIES[embodiment].max_action
        self._driver = DRIVERS[embodiment](rng)
        self._strategy = Strategy(task, DRIVERS[embodiment])
        self._drift = np.zeros(len(self._max_action))

    def act(self, state: Float[np.ndarray, "n"]) -> Float[np.ndarray, "a"]:
        """Return the next action: the displacement of each of the body's joints."""
        block, heading = self._strategy.plan(state)
        direction = self._driver.move(state, block_xy(state, block), heading, block_centers(state))
        action = direction * self._speed * self._max_action + self._shake()
        return np.clip(action, -self._max_action, self._max_action)

    def _shake(self) -> np.ndarray:
        if self._noise == 0.0 or self._rng is None:
            return np.zeros(len(self._max_action))
        self._drift = 0.7 * self._drift + math.sqrt(1 - 0.7**2) * self._rng.normal(size=len(self._drift))
        return self._noise * self._max_action * self._drift * self._driver.shakes


def measure(
    num_episodes: int, max_steps: int = 100, noise: float = 0.0, split: Split = "seen", embodiment: str = "arm"
) -> dict[str, dict]:
    """Run the expert on seeds 0, 1, ... of every family; return success rate and mean number of steps for each."""
    sim, report = TabletopSim(body=BODIES[embodiment]), {}
    for family in FAMILIES:
        steps = []
        for seed in range(num_episodes):
            state, task = sample_scene(np.random.default_rng(seed), family, split)
            sim.reset(np.append(state, BODIES[embodiment].draw_rest(np.random.default_rng([seed, 2]))))
            expert = Expert(task, np.random.default_rng([seed, 1]), noise, embodiment=embodiment)
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
    parser.add_argument("--embodiment", choices=tuple(BODIES), default="arm")
    parser.add_argument("--episodes", type=int, default=100, help="seeds per family")
    parser.add_argument("--noise", type=float, default=0.0, help="action noise, share of full speed")
    parser.add_argument("--split", choices=("seen", "unseen"), default="seen")
    options = parser.parse_args()
    report = measure(options.episodes, noise=options.noise, split=options.split, embodiment=options.embodiment)
    for family, row in report.items():
        sys.stdout.write(f"{family:22s} success {row['success']:.3f}   mean steps {row['mean_steps']:.1f}\n")


if __name__ == "__main__":
    main()
