"""Who acts where: what a process needs to know to run episodes of an evaluation, and running them one by one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lapa.protocols import Actor, Environment
from lapa.types import LapaError
from lapa.worlds.drive import Attempt, SimulatorDied, check_takes_numbers, drive
from lapa.worlds.references import ConstantActor, RandomActor
from lapa.worlds.registry import find_simulator
from lapa.worlds.simulator import EnvSettings, Simulator

ActorName = Literal["policy", "expert", "random", "constant"]

MAX_TRIES = 3
"""So often an episode is begun whose simulator fails."""


@dataclass(frozen=True, kw_only=True)
class Arena:
    """An environment and an actor by name, so that other processes can open the same."""

    env: str = "tabletop"
    """One of our simulators, or the id of a Gymnasium environment."""
    settings: EnvSettings = field(default_factory=lambda: EnvSettings(max_steps=200))
    actor: ActorName = "policy"
    """The robot policy, or a reference: the scripted expert, random actions, always the same action."""
    robot: Path | None = None
    """The robot policy's checkpoint."""
    laq: Path | None = None
    """The checkpoint of its quantizer."""
    device: str = "cpu"
    precision: str = "auto"

    @property
    def simulator(self) -> Simulator:
        """The simulator that has the environment."""
        return find_simulator(self.env)

    def open_env(self) -> Environment:
        """Make the environment.

        Raises:
            LapaError: if it is not there, or no robot policy can act in it.
        """
        env = self.simulator.make(self.settings)
        try:
            check_takes_numbers(env, self.env)
        except LapaError:
            env.close()
            raise
        return env

    def open_actor(self) -> Callable[[Environment], Actor]:
        """Load the actor; what is returned gives it for an episode that an environment has begun."""
        if self.actor == "policy":
            policy = self._load_policy()
            return lambda env: policy
        return {"expert": self.simulator.expert, "random": RandomActor, "constant": ConstantActor}[self.actor]

    def _load_policy(self) -> Actor:
        from lapa.models.load_policy import load_robot

        if self.robot is None or self.laq is None:
            raise LapaError("there is no robot policy: name one that 'python -m lapa finetune' made, with --robot")
        return load_robot(self.robot, self.laq, device=self.device, precision=self.precision)


class Runner:
    """An open arena. A simulator that fails is made again, and its episode repeated."""

    def __init__(self, arena: Arena):
        self._arena, self._env = arena, arena.open_env()
        self._actor_for = arena.open_actor()

    def run(self, seed: int, options: dict[str, Any], *, film: bool = False) -> Attempt:
        """Run one episode.

        Raises:
            LapaError: if the simulator fails in it again and again, or actor and environment do not fit.
        """
        max_steps = self._arena.settings.max_steps or 200
        for tries_left in reversed(range(MAX_TRIES)):
            try:
                return drive(self._env, self._actor_for, seed=seed, max_steps=max_steps, options=options, film=film)
            except SimulatorDied as error:
                self.close()
                if not tries_left:
                    raise LapaError(f"'{self._arena.env}' failed {MAX_TRIES} times in one episode: {error}") from error
                self._env = self._arena.open_env()
        raise AssertionError("unreachable")

    @property
    def fps(self) -> float:
        """Steps a second, for films."""
        return float((getattr(self._env, "metadata", None) or {}).get("render_fps") or self._arena.simulator.fps)

    def close(self) -> None:
        """Close the environment, whatever state it is in."""
        with contextlib.suppress(Exception):
            self._env.close()
