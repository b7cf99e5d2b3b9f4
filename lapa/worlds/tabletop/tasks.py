"""The five task families of Language Table, on our board: what is asked, and when it is done.

    block2block            push A to B
    block2absolute         push A to one of nine places on the board
    block2relative         push A some way in one of eight directions
    block2block_relative   push A to one side of B
    separate               push A and B apart

Some combinations of blocks, and of blocks with places, are held out: a policy trained on the "seen" tasks is
asked for the "unseen" ones. Knows nothing of words (`instructions.py`) or of how to do it (`expert.py`).

Source: Language Table (Lynch et al., arXiv 2210.06407); distances are scaled to our larger blocks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float

from lapa.worlds.tabletop.board import BLOCK_RANGE, PUSHER_RANGE
from lapa.worlds.tabletop.shapes import BLOCKS, NUM_BLOCKS

Split = Literal["seen", "unseen"]

FAMILIES = ("block2block", "block2absolute", "block2relative", "block2block_relative", "separate")

_X, _Y = 0.21, 0.165
LOCATIONS = {
    "center": (0.0, 0.0),
    "left": (-_X, 0.0),
    "right": (_X, 0.0),
    "top": (0.0, _Y),
    "bottom": (0.0, -_Y),
    "top left": (-_X, _Y),
    "top right": (_X, _Y),
    "bottom left": (-_X, -_Y),
    "bottom right": (_X, -_Y),
}
"""Places of block2absolute, x and y in metres."""

_D = math.sqrt(0.5)
DIRECTIONS = {
    "left": (-1.0, 0.0),
    "right": (1.0, 0.0),
    "up": (0.0, 1.0),
    "down": (0.0, -1.0),
    "up left": (-_D, _D),
    "up right": (_D, _D),
    "down left": (-_D, -_D),
    "down right": (_D, -_D),
}
"""Unit vectors of block2relative and block2block_relative; up is away from the viewer."""

MOVE_M = 0.13
"""How far block2relative asks a block to go."""

BESIDE_M = 0.115
"""How far from B block2block_relative wants A."""

TOUCHING_M = 0.092
"""Blocks no farther apart than this have been brought together."""

APART_M = 0.150
"""Blocks at least this far apart are separated."""

SIDE_BY_SIDE_M = 0.12
"""Blocks no farther apart than this can be asked to be separated."""

AT_PLACE_M = 0.055
AT_OFFSET_M = 0.045
"""How near the goal is near enough: a place on the board; an offset from a start or a block."""

HELD_OUT_PAIRS = frozenset(
    frozenset(pair)
    for pair in (
        ("red star", "blue moon"),
        ("red cube", "green disc"),
        ("blue cube", "yellow star"),
        ("green cross", "yellow triangle"),
    )
)
"""Blocks that never meet in a seen task, in either order."""

HELD_OUT_LOCATIONS = {
    "red star": "top left",
    "red cube": "bottom",
    "blue moon": "right",
    "blue cube": "top right",
    "green cross": "left",
    "green disc": "bottom left",
    "yellow triangle": "top",
    "yellow star": "bottom right",
}
HELD_OUT_DIRECTIONS = {
    "red star": "down right",
    "red cube": "left",
    "blue moon": "up",
    "blue cube": "down left",
    "green cross": "right",
    "green disc": "up left",
    "yellow triangle": "down",
    "yellow star": "up right",
}
"""Where a block is never sent in a seen task."""


@dataclass(frozen=True)
class Task:
    """What is asked of one episode.

    Attributes:
        family: one of `FAMILIES`.
        block, other: indices into `BLOCKS`; `other` is None where the family needs one block.
        place: a key of `LOCATIONS` or `DIRECTIONS`, or "".
        goal: x, y in metres where the goal does not move, else None.
    """

    family: str
    block: int
    other: int | None = None
    place: str = ""
    goal: tuple[float, float] | None = None

    @property
    def blocks(self) -> tuple[str, ...]:
        """Names of the blocks the task is about."""
        return tuple(BLOCKS[i].name for i in (self.block, self.other) if i is not None)


def block_xy(state: Float[np.ndarray, "n"], block: int) -> Float[np.ndarray, "2"]:
    """Return the x, y of a block (metres)."""
    return state[2 + 3 * block : 4 + 3 * block]


def goal_xy(task: Task, state: Float[np.ndarray, "n"]) -> Float[np.ndarray, "2"]:
    """Return where `task.block` should go, x and y in metres. Not for "separate", which has many goals."""
    assert task.family != "separate"
    if task.goal is not None:
        return np.array(task.goal)
    other = block_xy(state, task.other)
    if task.family == "block2block":
        return other.copy()
    return other + BESIDE_M * np.array(DIRECTIONS[task.place])


def is_done(task: Task, state: Float[np.ndarray, "n"]) -> bool:
    """Say whether the task is solved in this state."""
    return shortfall(task, state) <= 0


def shortfall(task: Task, state: Float[np.ndarray, "n"]) -> float:
    """Return how far a block still has to go until the task is solved, in metres; 0 or less where it is."""
    xy = block_xy(state, task.block)
    if task.family == "separate":
        return APART_M - math.dist(xy, block_xy(state, task.other))
    limit = {"block2block": TOUCHING_M, "block2absolute": AT_PLACE_M}.get(task.family, AT_OFFSET_M)
    return math.dist(xy, goal_xy(task, state)) - limit


def split_of(task: Task) -> Split:
    """Say whether a task belongs to the seen combinations or to the held-out ones."""
    name = BLOCKS[task.block].name
    if task.other is not None:
        held_out = frozenset(task.blocks) in HELD_OUT_PAIRS
    elif task.family == "block2absolute":
        held_out = HELD_OUT_LOCATIONS[name] == task.place
    else:
        held_out = HELD_OUT_DIRECTIONS[name] == task.place
    return "unseen" if held_out else "seen"


def sample_scene(
    rng: np.random.Generator, family: str | None = None, split: Split = "seen"
) -> tuple[Float[np.ndarray, "n"], Task]:
    """Draw a start state and a task of `split` that is possible, and not already done, in it."""
    family = family or FAMILIES[rng.integers(len(FAMILIES))]
    while True:
        state = _sample_layout(rng)
        task = _sample_task(rng, family, state)
        if family == "separate" and not _bring_together(rng, state, task):
            continue
        if split_of(task) == split and _is_fair(task, state):
            return state, task


def sample_scene_of(rng: np.random.Generator, asked: Task) -> tuple[Float[np.ndarray, "n"], Task]:
    """Draw a start state in which a given task is possible and not already done; its goal is set by the state."""
    while True:
        state = _sample_layout(rng)
        task = replace(asked, goal=_fixed_goal(asked.family, asked.block, asked.place, state))
        if (task.family != "separate" or _bring_together(rng, state, task)) and _is_fair(task, state):
            return state, task


def sample_other_tasks(
    rng: np.random.Generator, state: Float[np.ndarray, "n"], first: Task, num: int, split: Split = "seen"
) -> list[Task]:
    """Draw `num` further tasks of `split` for a scene, each about a block that none before it is about.

    So that one and the same picture is seen with several instructions, and only the words tell which comes next.
    """
    tasks = [first]
    while len(tasks) <= num:
        family = FAMILIES[rng.integers(len(FAMILIES))]
        task = _sample_task(rng, family, state)
        if family == "separate" and math.dist(*(block_xy(state, i) for i in (task.block, task.other))) > SIDE_BY_SIDE_M:
            continue
        new = task.block not in {t.block for t in tasks}
        if new and split_of(task) == split and _is_fair(task, state):
            tasks.append(task)
    return tasks[1:]


def _sample_layout(rng: np.random.Generator, clearance: float = 0.105) -> Float[np.ndarray, "n"]:
    """Place the blocks clear of one another, at any yaw, and the pusher clear of them."""
    inside = np.array(BLOCK_RANGE) - 0.015
    points: list[np.ndarray] = []
    while len(points) < NUM_BLOCKS:
        candidates = rng.uniform(-inside, inside, (64, 2))
        points = []
        for point in candidates:
            if all(math.dist(point, p) >= clearance for p in points):
                points.append(point)
    blocks = np.array(points[:NUM_BLOCKS])
    yaws = rng.uniform(-math.pi, math.pi, (NUM_BLOCKS, 1))
    limit = np.array(PUSHER_RANGE) - 0.01
    pusher = rng.uniform(-limit, limit)
    while np.linalg.norm(blocks - pusher, axis=1).min() < 0.07:
        pusher = rng.uniform(-limit, limit)
    return np.concatenate([pusher, np.hstack([blocks, yaws]).ravel()])


def _sample_task(rng: np.random.Generator, family: str, state: Float[np.ndarray, "n"]) -> Task:
    block, other = (int(i) for i in rng.permutation(NUM_BLOCKS)[:2])
    if family in ("block2block", "separate"):
        return Task(family, block, other)
    places = list(LOCATIONS if family == "block2absolute" else DIRECTIONS)
    place = places[rng.integers(len(places))]
    goal = _fixed_goal(family, block, place, state)
    return Task(family, block, other if goal is None else None, place, goal)


def _fixed_goal(family: str, block: int, place: str, state: Float[np.ndarray, "n"]) -> tuple[float, float] | None:
    """Return where a block should go, metres, if that does not move in the course of an episode."""
    if family == "block2absolute":
        return LOCATIONS[place]
    if family != "block2relative":
        return None
    goal = block_xy(state, block) + MOVE_M * np.array(DIRECTIONS[place])
    return float(goal[0]), float(goal[1])


def _bring_together(rng: np.random.Generator, state: Float[np.ndarray, "n"], task: Task) -> bool:
    """Put `task.other` next to `task.block`; False where there is no room."""
    angle, distance = rng.uniform(-math.pi, math.pi), rng.uniform(0.086, 0.096)
    spot = block_xy(state, task.block) + distance * np.array([math.cos(angle), math.sin(angle)])
    rest = [block_xy(state, i) for i in range(NUM_BLOCKS) if i not in (task.block, task.other)]
    free = all(math.dist(spot, xy) > 0.10 for xy in rest) and math.dist(spot, state[:2]) > 0.07
    if not free or np.any(np.abs(spot) > np.array(BLOCK_RANGE) - 0.015):
        return False
    block_xy(state, task.other)[:] = spot
    return True


def _is_fair(task: Task, state: Float[np.ndarray, "n"]) -> bool:
    """Not done yet, and the goal is on the board and not under a third block."""
    if is_done(task, state):
        return False
    if task.family == "separate":
        return True
    goal = goal_xy(task, state)
    third = [block_xy(state, i) for i in range(NUM_BLOCKS) if i not in (task.block, task.other)]
    if task.family == "block2block":
        return math.dist(goal, block_xy(state, task.block)) > TOUCHING_M + 0.03
    on_board = bool(np.all(np.abs(goal) <= np.array(BLOCK_RANGE) - 0.01))
    return on_board and min(math.dist(goal, xy) for xy in third) > 0.085
