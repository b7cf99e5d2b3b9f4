"""A camera that draws MuJoCo models off-screen.

`mujoco.Renderer` makes an OpenGL context for each model, and compiles its shaders again. Here one context stays while
models come and go, because an episode's look is a model of its own: 0.12 s less for each episode of `real`.
"""

from __future__ import annotations

import atexit
import os
import weakref
from types import ModuleType
from typing import Any

import numpy as np
from PIL import Image

from lapa.types import Frame, LapaError

_MAX_GEOMS = 1000


class Camera:
    """Draws square pictures, larger than wanted, and averages pixels: cheap antialiasing.

    Args:
        mujoco: the module; `size_px`: side of the picture.

    Raises:
        LapaError: if OpenGL does not work.
    """

    def __init__(self, mujoco: ModuleType, size_px: int):
        self._mujoco, self._size_px = mujoco, size_px
        try:
            self._opengl = mujoco.GLContext(2 * size_px, 2 * size_px)
            self._opengl.make_current()
        except Exception as error:  # every backend fails with exceptions of its own
            raise _no_opengl(error) from error
        self._films: list[Any] = []
        self._free = weakref.finalize(self, _free, self._opengl, self._films)
        self._free.atexit = False
        atexit.register(self._free)  # last in, first out: before mujoco closes the display, which was just registered

    def film(self, model, camera: str, *, oversampling: float = 2.0, shadows: bool = False) -> None:
        """Point at a model, from one of its cameras.

        Args:
            oversampling: how many times larger it is drawn, each way; above 1 and at most 2.
            shadows: whether lamps cast shadows.
        """
        mujoco = self._mujoco
        self._opengl.make_current()
        while self._films:
            self._films.pop().free()
        try:
            self._films.append(mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_50.value))
        except Exception as error:  # mujoco.FatalError where a driver lacks what MuJoCo needs
            raise _no_opengl(error) from error
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._films[0])
        self._model, self._scene = model, mujoco.MjvScene(model, maxgeom=_MAX_GEOMS)
        flags = mujoco.mjtRndFlag
        for flag in (flags.mjRND_REFLECTION, flags.mjRND_SKYBOX):
            self._scene.flags[flag] = False
        self._scene.flags[flags.mjRND_SHADOW] = shadows
        self._options, self._view = mujoco.MjvOption(), mujoco.MjvCamera()
        self._view.type, self._view.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, model.camera(camera).id
        side = round(oversampling * self._size_px)
        self._rectangle, self._large = mujoco.MjrRect(0, 0, side, side), np.empty((side, side, 3), np.uint8)

    def draw(self, data) -> Frame:
        """Return the picture of this state of the model: uint8 [h w 3]."""
        mujoco, everything = self._mujoco, self._mujoco.mjtCatBit.mjCAT_ALL.value
        self._opengl.make_current()
        mujoco.mjv_updateScene(self._model, data, self._options, None, self._view, everything, self._scene)
        mujoco.mjr_render(self._rectangle, self._scene, self._films[0])
        mujoco.mjr_readPixels(self._large, None, self._rectangle, self._films[0])
        return _shrink(self._large[::-1], self._size_px)

    def close(self) -> None:
        """Free the OpenGL context; happens by itself at exit, while OpenGL still works."""
        self._free()
        atexit.unregister(self._free)


def _shrink(large: Frame, size_px: int) -> Frame:
    """Average pixels down to the size wanted: exactly, and fast, where it is half."""
    if len(large) != 2 * size_px:
        return np.array(Image.fromarray(large).resize((size_px, size_px), Image.Resampling.BOX))
    wide = large.astype(np.uint16)
    rows = wide[0::2] + wide[1::2]
    return ((rows[:, 0::2] + rows[:, 1::2] + 2) >> 2).astype(np.uint8)


def _free(opengl: Any, films: list[Any]) -> None:
    opengl.make_current()
    while films:
        films.pop().free()
    opengl.free()


def _no_opengl(error: Exception) -> LapaError:
    backend = os.environ.get("MUJOCO_GL", "the default")
    return LapaError(
        f"the OpenGL backend '{backend}' cannot draw off-screen here ({error}): "
        "unset MUJOCO_GL to let one be chosen, import lapa before mujoco, or install libegl1 or libosmesa6"
    )
