"""Which of a data set's cameras is looked through: the one named, else one that sees the scene in colour."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from lapa.types import LapaError

CLOSE = {"wrist", "hand", "eye", "gripper", "palm", "ego", "tactile", "touch", "gelsight", "digit", "finger"}
"""Words in the name of a camera that moves with the robot, or sees only what it touches."""
NOT_COLOUR = {"depth", "mask", "segmentation", "seg", "disparity", "thermal", "infrared", "ir"}
"""Words in the name of one whose pictures are no photographs."""

log = logging.getLogger(__name__)


def cameras_of(features: Mapping[str, Any]) -> list[str]:
    """Return the features that are pictures, the best to look through first, else in the order of the data set.

    A colour camera that stands still comes before one on the wrist, and both before depth maps and masks.
    """
    found = [key for key, feature in features.items() if feature.get("dtype") in ("video", "image")]
    return sorted(found, key=lambda key: 2 if not _is_colour(key, features[key]) else bool(_words(key) & CLOSE))


def choose_camera(features: Mapping[str, Any], wanted: str, name: str) -> str:
    """Return the camera `wanted`, by its feature's name or the last part of it; the best one if it is "".

    Where one of several was taken unasked, the log says which.

    Raises:
        LapaError: if there is none, or no such one; lists what there is.
    """
    cameras = cameras_of(features)
    if not cameras:
        raise LapaError(f"'{name}' has no camera: none of its features is of dtype video or image")
    if not wanted:
        if len(cameras) > 1:
            log.warning(
                "'%s' has %d cameras: reading '%s'; --camera chooses another: %s",
                name, len(cameras), cameras[0], ", ".join(cameras[1:]),
            )  # fmt: skip
        return cameras[0]
    fits = [key for key in cameras if key == wanted] or [key for key in cameras if key.split(".")[-1] == wanted]
    if len(fits) != 1:
        raise LapaError(f"'{name}' has no camera '{wanted}': it has {', '.join(cameras)}")
    return fits[0]


def _is_colour(key: str, feature: Mapping[str, Any]) -> bool:
    facts = {**(feature.get("video_info") or {}), **(feature.get("info") or {})}
    if facts.get("is_depth_map") or facts.get("video.is_depth_map"):
        return False
    shape = [int(side) for side in feature.get("shape") or [] if isinstance(side, int | float)]
    return not _words(key) & NOT_COLOUR and not (len(shape) == 3 and 1 in (shape[0], shape[-1]))


def _words(key: str) -> set[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", key)
    return {re.sub(r"\d+$", "", word).lower() for word in re.split(r"[^A-Za-z0-9]+", spaced)}
