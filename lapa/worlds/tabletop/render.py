"""Drawing without a screen: which OpenGL backend works here.

MuJoCo reads MUJOCO_GL once, when it is imported, and a backend that fails can leave OpenGL unusable in its
process. So each candidate is tried in a child process first. A backend the user has chosen is respected.
"""

from __future__ import annotations

import os
import subprocess
import sys
from types import ModuleType

from lapa.types import LapaError

BACKENDS = ("egl", "osmesa")
"""Tried in this order: a GPU or Mesa through EGL, then Mesa in software."""

_PROBE = """
import mujoco
renderer = mujoco.Renderer(mujoco.MjModel.from_xml_string("<mujoco/>"), 16, 16)
renderer.update_scene(mujoco.MjData(renderer.model))
renderer.render()
renderer.close()
"""


def choose_backend() -> str:
    """Set MUJOCO_GL to a backend that draws on this machine, and return it. Call before importing mujoco.

    A value the user has set is kept; macOS and Windows need none.

    Raises:
        LapaError: if no backend works.
    """
    chosen = os.environ.get("MUJOCO_GL")
    if chosen or not sys.platform.startswith("linux"):
        return chosen or "native"
    for backend in BACKENDS:
        if _draws(backend):
            os.environ["MUJOCO_GL"] = backend
            return backend
    raise LapaError(
        "no off-screen OpenGL works here (tried EGL and OSMesa): "
        "install one with `apt-get install libegl1 libgl1-mesa-dri` or `apt-get install libosmesa6`"
    )


def import_mujoco() -> ModuleType:
    """Return the mujoco module, with a backend chosen before its first import.

    Raises:
        LapaError: if no backend works, or the one in MUJOCO_GL cannot be loaded.
    """
    backend = choose_backend()
    try:
        import mujoco
    except Exception as error:  # an unknown name or a missing library: ImportError, RuntimeError, AttributeError, ...
        raise LapaError(
            f"MUJOCO_GL is '{backend}', which cannot be loaded here ({error}): "
            f"unset it to let a backend be chosen, or set it to {' or '.join(BACKENDS)}"
        ) from error
    return mujoco


def _draws(backend: str) -> bool:
    env = os.environ | {"MUJOCO_GL": backend}
    env.pop("PYOPENGL_PLATFORM", None)
    try:
        done = subprocess.run([sys.executable, "-c", _PROBE], env=env, capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
