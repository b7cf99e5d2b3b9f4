"""What the verbs share that let a robot act: where, and who."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lapa.cli.options import usage


@dataclass(frozen=True, kw_only=True)
class Acting:
    """Where, and who acts."""

    env: str = "tabletop"
    """Simulator (tabletop), or the id of any Gymnasium environment, such as my_package:MyEnv-v0."""
    embodiment: str = ""
    """Whose body: arm, paddle or hand on the tabletop; by default the simulator's first."""
    environment: str = ""
    """How it looks: sim or real on the tabletop; by default the simulator's first."""
    image_size: int = 128
    """Side of the pictures, in pixels, where the simulator can choose it."""
    max_steps: int = 200
    """An episode is cut off after so many steps."""
    actor: Literal["policy", "expert", "random", "constant"] = "policy"
    """Who acts: the robot policy, or what to compare it with."""
    bundle: str = "tabletop"
    """Shipped bundle whose robot policy acts."""
    robot: Path | None = None
    """Robot policy (finetune) to use instead of the bundle's."""
    laq: Path | None = None
    """Its quantizer, if it is not the bundle's."""
    device: str = "cpu"
    """cpu, cuda, cuda:1, mps; auto takes a GPU where there is one."""
    precision: Literal["auto", "bf16", "fp32", "8bit", "4bit"] = "auto"
    """Arithmetic of a released policy; auto is the one it is stored in."""

    def arena(self, split: str = "seen"):
        """Return where and who, with nothing opened yet.

        Raises:
            WrongUsage: if the environment is not there. LapaError: if the policy is not.
        """
        from lapa.eval.arena import Arena
        from lapa.worlds.registry import find_simulator
        from lapa.worlds.simulator import EnvSettings

        settings = EnvSettings(
            embodiment=self.embodiment,
            environment=self.environment,
            image_size=self.image_size,
            split=split,
            max_steps=self.max_steps,
        )
        with usage():
            find_simulator(self.env).check(settings)
            _check_positive(self.max_steps)
        where = {"env": self.env, "settings": settings, "device": self.device, "precision": self.precision}
        return Arena(**where, actor=self.actor, **self._parts())

    def _parts(self) -> dict[str, Path | None]:
        """The policy's checkpoint and its quantizer's."""
        from lapa.bundle import find_bundle, find_laq
        from lapa.models.load_policy import is_released

        if self.actor != "policy":
            return {}
        if self.robot is not None and is_released(self.robot):  # has eyes of its own
            return {"robot": self.robot, "laq": find_laq(self.bundle, self.laq)}
        bundle = find_bundle(self.bundle, robot=self.robot, laq=self.laq)
        return {"robot": bundle.robot, "laq": bundle.laq}


def _check_positive(max_steps: int) -> None:
    from lapa.types import LapaError

    if max_steps < 1:
        raise LapaError(f"--max-steps {max_steps} leaves no step to take: give at least 1")
