"""Closed loop: an actor in an environment, for one episode. A picture is drawn only when somebody looks at it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from gymnasium.spaces import Box

from lapa.protocols import Actor, Environment
from lapa.types import Frame, LapaError


class SimulatorDied(LapaError):
    """The simulator failed in the middle of an episode; nothing can be said of the episode."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Attempt:
    """One episode.

    Attributes:
        instruction: what the actor was told; family: the kind of task, "" where the environment names none.
        success: whether the task was done at any time; None where that cannot be judged.
        progress: partial success at best, in [0, 1]; success itself where the environment scores none.
        num_steps: how many actions were taken; act_s: seconds that deciding on them took, all together.
        frames: uint8 [h w 3], the start and after each step, if it was filmed.
    """

    instruction: str
    family: str
    success: bool | None
    progress: float | None
    num_steps: int
    act_s: float
    frames: list[Frame] = field(default_factory=list, repr=False)


def drive(
    env: Environment,
    actor_for: Callable[[Environment], Actor],
    *,
    seed: int,
    max_steps: int,
    options: dict[str, Any] | None = None,
    film: bool = False,
) -> Attempt:
    """Let an actor try one episode.

    Args:
        actor_for: returns the actor once the episode has begun.
        options: of the environment's `reset`. With "instruction", the actor is told that, whether or not the
            environment understands it; success is judged only if the environment took it as its own.

    Raises:
        SimulatorDied: if the environment fails.
        LapaError: if the actor's actions are not the environment's.
    """
    options = options or {}
    with _simulating():
        _, info = env.reset(seed=seed, options=dict(options))
    told = options.get("instruction") or str(info.get("instruction") or "")
    is_judged = told == str(info.get("instruction") or "")
    actor = actor_for(env)
    actor.reset(seed)
    frame = _draw(env) if film else None
    frames, best, act_s, num_steps, ended = [frame], _Best(info), 0.0, 0, False
    while not ended and num_steps < max_steps:
        if frame is None and actor.needs_frame:
            frame = _draw(env)
        start = time.perf_counter()
        action = actor.act(frame, told)
        act_s += time.perf_counter() - start
        with _simulating():
            _, _, terminated, truncated, info = env.step(_fitted(action, env))
        best.see(info)
        num_steps, ended = num_steps + 1, bool(terminated or truncated)
        frame = _draw(env) if film else None
        frames.append(frame)
    return Attempt(
        instruction=told,
        family=str(info.get("family") or ""),
        success=best.success if is_judged else None,
        progress=best.score if is_judged else None,
        num_steps=num_steps,
        act_s=act_s,
        frames=[frame for frame in frames if frame is not None],
    )


class _Best:
    """The best that an environment has said so far."""

    def __init__(self, info: dict[str, Any]):
        self.success: bool | None = None
        self.score: float | None = None
        self.see(info)

    def see(self, info: dict[str, Any]) -> None:
        success = info.get("success", info.get("is_success"))
        if success is None:
            return
        self.success = bool(success) or bool(self.success)
        score = info.get("progress")
        self.score = max(self.score or 0.0, float(self.success if score is None else score))


def check_takes_numbers(env: Environment, name: str) -> None:
    """Refuse an environment in which no robot policy can act.

    Raises:
        LapaError: if its actions are not a row of numbers.
    """
    space = env.action_space
    if not (isinstance(space, Box) and len(space.shape) == 1):
        raise LapaError(f"the actions of '{name}' are {space}, not a row of numbers: no robot policy can act in it")


def _fitted(action: np.ndarray, env: Environment) -> np.ndarray:
    """Return an action within the environment's bounds."""
    space = env.action_space
    if action.shape != space.shape:
        raise LapaError(
            f"an action of {len(action)} numbers does not fit this environment, whose body takes {space.shape[0]}: the "
            "robot policy was finetuned for another body, so choose that body's environment"
        )
    return np.clip(action, space.low, space.high).astype(space.dtype)


def _draw(env: Environment) -> Frame:
    with _simulating():
        frame = env.render()
    if not (isinstance(frame, np.ndarray) and frame.dtype == np.uint8 and frame.ndim == 3 and frame.shape[2] == 3):
        raise LapaError(
            "this environment draws no pictures (uint8, height, width, 3): a robot policy sees nothing there"
        )
    return frame


@contextlib.contextmanager
def _simulating() -> Iterator[None]:
    """Tell what the simulator got wrong from what somebody asked of it."""
    try:
        yield
    except LapaError:
        raise
    except Exception as error:
        raise SimulatorDied(f"the simulator failed ({type(error).__name__}: {error})") from error
