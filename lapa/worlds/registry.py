"""The simulators by name: those with a file in `lapa/worlds/simulators`, and every registered Gymnasium environment."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import gymnasium

from lapa.types import LapaError
from lapa.worlds import simulators
from lapa.worlds.gym import GymSimulator
from lapa.worlds.simulator import Simulator


def simulator_names() -> tuple[str, ...]:
    """Return the names of our own simulators: the files of `lapa/worlds/simulators`."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(simulators.__path__)))


def all_simulators() -> tuple[Simulator, ...]:
    """Return our own simulators."""
    return tuple(map(find_simulator, simulator_names()))


@cache
def find_simulator(name: str) -> Simulator:
    """Return a simulator by its name, or by the id of a Gymnasium environment.

    An id may name the module that registers it, as Gymnasium has it: "my_package:MyEnv-v0".

    Raises:
        LapaError: if there is none of that name, or its module is not installed.
    """
    if name in simulator_names():
        return importlib.import_module(f"{simulators.__name__}.{name}").SIMULATOR
    if ":" in name:
        _import(name)
    if name.split(":")[-1] in gymnasium.registry:
        return GymSimulator(name)
    raise LapaError(
        f"there is no environment '{name}': choose from {', '.join(simulator_names())}, or give the id of a Gymnasium "
        "environment with the module that registers it, such as my_package:MyEnv-v0"
    )


def _import(name: str) -> None:
    module = name.split(":")[0]
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise LapaError(f"the environment '{name}' is not installed ({error}): install what has '{module}'") from error
