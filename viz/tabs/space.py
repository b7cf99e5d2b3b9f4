"""What is different on a Hugging Face Space: a GPU that is lent by the call (ZeroGPU), and the page around the page.

Everywhere else this changes nothing: without the package `spaces`, `gpu` returns what it is given.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from lapa.explorer import Explorer
from lapa.types import Frame, Prediction, Step

F = TypeVar("F", bound=Callable[..., Any])

DREAM_S = 60
"""Seconds of GPU that one dream may take."""


def gpu(function: F | None = None, *, duration: int = DREAM_S) -> Any:
    """Decorate what needs a GPU (`@gpu` or `@gpu(duration=120)`): `spaces.GPU` where there is one, else nothing."""
    if function is None:
        return lambda decorated: gpu(decorated, duration=duration)
    try:
        import spaces
    except ImportError:
        return function
    return spaces.GPU(function, duration=duration)


def is_zero_gpu() -> bool:
    """Whether this runs on a Space whose GPU is lent by the call; ask before any model goes to "cuda"."""
    if os.environ.get("SPACES_ZERO_GPU", "").lower() not in ("1", "t", "true"):
        return False
    import spaces  # noqa: F401  makes torch believe in a GPU, so that models can wait for one

    return True


def dream_on_lent_gpu(explorer: Explorer, on_gpu: Explorer) -> Explorer:
    """Let `explorer`, which lives on the CPU, ask its twin on the GPU for what a policy does.

    Each dream is one call, for which a GPU is lent; the quantizer alone takes milliseconds on a CPU and stays there.
    """

    @gpu
    def predict(frame: Frame, instruction: str, *args: Any, **options: Any) -> Prediction:
        return on_gpu.predict(frame, instruction, *args, **options)

    @gpu
    def rollout(frame: Frame, instruction: str, num_steps: int = 8, **options: Any) -> Iterator[Step]:
        yield from on_gpu.rollout(frame, instruction, num_steps, **options)

    explorer.predict, explorer.rollout = predict, rollout  # type: ignore[method-assign]
    return explorer


def page_script() -> str:
    """Return the script that tells the page on which Space it is, for the links it makes; "" if on none."""
    space = os.environ.get("SPACE_ID", "")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", space):
        return ""
    return f"<script>window.lapaSpace={json.dumps(space)};</script>"
