"""The one door to a policy on disk: its config.json says whether it is one of ours or a released one."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from lapa.checkpoint import read_config
from lapa.models import policy as ours
from lapa.models import robot as our_robot
from lapa.models.policy import LatentPolicy
from lapa.models.robot import RobotPolicy
from lapa.released.policy import ReleasedPolicy, load_released_policy
from lapa.released.robot import ReleasedRobot, load_released_robot

AnyPolicy: TypeAlias = LatentPolicy | ReleasedPolicy
AnyRobot: TypeAlias = RobotPolicy | ReleasedRobot


def is_released(path: str | Path) -> bool:
    """Say whether a checkpoint is a released policy, or was trained from one.

    Raises:
        LapaError: if it is no checkpoint.
    """
    return read_config(path)["model"].get("architecture") == "released"


def load_policy(path: str | Path, laq: str | Path, *, device: str = "cpu", precision: str = "auto") -> AnyPolicy:
    """Load a policy for inference, with the checkpoint of its quantizer; `precision` is for released ones.

    Raises:
        LapaError: if `path` is not a checkpoint of kind "policy", is damaged, or belongs to another quantizer.
    """
    if is_released(path):
        return load_released_policy(path, laq, device=device, precision=precision)
    return ours.load_policy(path, laq, device=device)


def load_robot(path: str | Path, laq: str | Path, *, device: str = "cpu", precision: str = "auto") -> AnyRobot:
    """Load a robot's policy, with the checkpoint of its quantizer; `precision` is for released ones.

    Raises:
        LapaError: if `path` is not a checkpoint of kind "robot", is damaged, or belongs to another quantizer.
    """
    if is_released(path):
        return load_released_robot(path, device=device, precision=precision)
    return our_robot.load_robot(path, laq, device=device)
