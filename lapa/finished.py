"""A folder that is finished: the same command again does nothing, a command with other options is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lapa.types import LapaError

MOST_NAMED = 4
"""Differences that a sentence names; of more it says how many there are."""


class OtherOptions(LapaError):
    """A finished folder was made with other options than those given now: wrong usage, exit code 2."""


def check_same(out: Path, made: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse a finished folder that is not what these options would make.

    `made` and `wanted` are the settings it was made with and those given now, nested as in config.json; a setting that
    is missing counts as None.

    Raises:
        OtherOptions: naming what differs.
    """
    found = list(differences(_plain(made), _plain(wanted)))
    if not found:
        return
    named = ", ".join(f"{name} {_shown(old)} instead of {_shown(new)}" for name, old, new in found[:MOST_NAMED])
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    raise OtherOptions(
        f"'{out}' is finished and was made with other options ({named}{more}): "
        "give another folder with --out, or --overwrite to make it again"
    )


def differences(made: Any, wanted: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield (dotted name, old, new) of every setting that differs."""
    if isinstance(made, Mapping) and isinstance(wanted, Mapping):
        for key in dict.fromkeys([*made, *wanted]):
            yield from differences(made.get(key), wanted.get(key), f"{name}.{key}" if name else key)
    elif made != wanted:
        yield name, made, wanted


def _plain(settings: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(settings, default=str))  # as config.json has them: tuples are lists, paths texts


def _shown(value: Any) -> str:
    text = "nothing" if value is None else value if isinstance(value, str) and value else json.dumps(value)
    return text if len(text) <= 40 else f"{text[:12]}..."
