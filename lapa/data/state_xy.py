"""Which numbers of a robot's state say where its end effector is: only those that are named so count.

Joint angles, pixels and poses of things are states as well; to take any two numbers for metres would make nonsense of
everything that is measured by them. Where no end effector is named, motion is seen in the picture (`flow.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lapa.types import LapaError

EFFECTOR = {"eef", "ee", "tcp", "effector", "endeffector", "cartesian", "hand", "gripper", "tool", "flange", "pusher"}
"""Words for what is moved."""
PLACE = {"pos", "position", "xyz", "translation", "pose", "end", "robot", "arm", "left", "right"}
"""Words that alone say a place of the robot, with "pos" or "position" among them."""
OTHER = {"vel", "velocity", "acc", "delta", "rot", "rotation", "quat", "orientation", "axis", "force", "torque"}
OTHER |= {"joint", "goal", "target", "desired", "cmd", "command", "action", "error", "offset", "rel", "relative", "to"}
OTHER |= {"camera", "cam", "object", "obj", "cube", "block", "px", "pixel", "pixels", "deg", "rad"}
"""Words that make it something else than the place of an end effector."""
METRES = {"m": 1.0, "meter": 1.0, "metre": 1.0, "dm": 0.1, "cm": 0.01, "mm": 0.001}
METRES |= {"centimeter": 0.01, "centimetre": 0.01, "millimeter": 0.001, "millimetre": 0.001}


@dataclass(frozen=True, kw_only=True)
class StateLayout:
    """What a data set says of its states.

    Attributes:
        feature: the column they are in. names: of each number, "" where it has none.
        xy: which of them are the end effector's x (counts as right) and y (as forward); None where none is named so.
        scale: what one unit of these is in metres.
    """

    feature: str
    names: tuple[str, ...]
    xy: tuple[int, int] | None = None
    scale: float = 1.0

    @property
    def why_not(self) -> str:
        """Say why nothing is known of the end effector; "" where something is."""
        if self.xy is not None:
            return ""
        shown = ", ".join(filter(None, self.names[:4])) or "without names"
        return f"the recorded states ({shown}{', ...' if len(self.names) > 4 else ''}) name no end-effector position"


def find_state(
    features: Mapping[str, Any], wanted: tuple[str, str] | None = None, name: str = ""
) -> StateLayout | None:
    """Find the states among a data set's features: those with the end effector's place, else observation.state.

    Args:
        wanted: names of the two numbers to take for x and y, in metres unless a unit is given.

    Returns:
        None where no states were recorded.

    Raises:
        LapaError: if `wanted` are not there; lists the names that are.
    """
    keys = [key for key, feature in features.items() if _is_state(key, feature)]
    keys.sort(key=lambda key: key != "observation.state")
    layouts = [_layout(key, features[key], wanted) for key in keys]
    found = next((layout for layout in layouts if layout.xy is not None), layouts[0] if layouts else None)
    if wanted is not None and (found is None or found.xy is None):
        known = ", ".join(dict.fromkeys(name for layout in layouts for name in layout.names if name))
        raise LapaError(
            f"the states of '{name}' have no numbers {' and '.join(map(repr, wanted))} in a unit of length: "
            f"{f'they are {known}' if known else 'none has a name'}"
        )
    return found


def names_of(feature: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the name of each number of a feature, however deep the data set keeps the list; () where it has none."""

    def flat(value: Any) -> list[str]:
        if isinstance(value, Mapping):
            value = list(value.values())
        return [name for part in value for name in flat(part)] if isinstance(value, list) else [str(value or "")]

    return tuple(flat(feature.get("names") or []))


def place_columns(names: Sequence[str]) -> list[int]:
    """Return the columns that are x and y of something, by names such as "red_star_x" with "red_star_y" after it."""
    found = [i for i, name in enumerate(names[:-1]) if name.endswith("_x") and names[i + 1] == f"{name[:-2]}_y"]
    return [i for first in found for i in (first, first + 1)]


def _is_state(key: str, feature: Mapping[str, Any]) -> bool:
    shape = feature.get("shape") or []
    is_state = key == "observation.state" or key.startswith("observation.state.")
    is_state |= key.startswith("observation.") and bool(_words(key) & EFFECTOR)
    return is_state and str(feature.get("dtype", "")).startswith("float") and len(shape) <= 1


def _layout(key: str, feature: Mapping[str, Any], wanted: tuple[str, str] | None) -> StateLayout:
    names = names_of(feature)
    if wanted is not None:
        xy = tuple(names.index(each) for each in wanted) if set(wanted) <= set(names) else None
    else:
        xy = _named_xy(key, names)
    scales = {_scale(feature, names, i, key) for i in xy or ()}
    if xy is None or len(scales) != 1 or None in scales:
        return StateLayout(feature=key, names=names)
    return StateLayout(feature=key, names=names, xy=(xy[0], xy[1]), scale=scales.pop() or 1.0)


def _named_xy(key: str, names: Sequence[str]) -> tuple[int, int] | None:
    """Return the first x that has its y: of an end effector, or of nothing else ("x", "y")."""
    of_feature = _words(key) - {"observation", "state"}
    places: dict[tuple[str, ...], dict[str, int]] = {}
    for i, name in enumerate(names):
        axis, base = _axis_of(name)
        if axis:
            places.setdefault(base, {}).setdefault(axis, i)
    for base, axes in places.items():
        if {"x", "y"} <= axes.keys() and _is_effector(set(base) | of_feature):
            return axes["x"], axes["y"]
    return None


def _is_effector(words: set[str]) -> bool:
    """Tell whether words beside "x" and "y" speak of an end effector's place; no words do."""
    by_place = words <= PLACE and bool(words & {"pos", "position"})
    return not words or by_place or bool(words & EFFECTOR and not words & OTHER)


def _axis_of(name: str) -> tuple[str, tuple[str, ...]]:
    """Split "eef_pos_x" into its axis, x or y, and the other words; ("", ()) for other names."""
    words = [word for word in _word_list(name) if word not in METRES]
    if len(words) > 1 and words[-1] == "pos":  # as in "x.pos"
        words = words[:-1]
    axes = [word for word in words if word in ("x", "y")]
    if len(axes) != 1 or axes[0] not in (words[0], words[-1]):
        return "", ()
    return axes[0], tuple(word for word in words if word != axes[0])


def _scale(feature: Mapping[str, Any], names: Sequence[str], i: int, key: str) -> float | None:
    """Return what a number's unit is in metres: as declared, or at the end of its name; None if it is no length."""
    declared = next((feature[k] for k in ("units", "unit") if feature.get(k)), None)
    declared = declared if declared is not None else (feature.get("info") or {}).get("unit")
    if isinstance(declared, Mapping):
        declared = declared.get(names[i])
    if isinstance(declared, list):
        declared = declared[i] if i < len(declared) else None
    if declared is not None:
        text = str(declared).strip().lower()
        return METRES.get(text, METRES.get(text.removesuffix("s")))
    in_name = [METRES[word] for word in _word_list(names[i])[1:] if word in METRES]
    return in_name[-1] if in_name else 1.0


def _word_list(name: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = [re.sub(r"\d+$", "", word).lower() for word in re.split(r"[^A-Za-z0-9]+", spaced)]
    return [word for word in words if word]


def _words(name: str) -> set[str]:
    return set(_word_list(name))
