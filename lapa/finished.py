"""A folder that is finished: the same command again does nothing, a command with other options is refused."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lapa.types import LapaError

MOST_NAMED = 4
"""Differences that a sentence names; of more it says how many there are."""


OPTIONS = "options.json"
"""What a folder is for: the kind of thing and the options it is made with, written before the work begins."""
UNCOUNTED = ("log_every", "save_every", "threads")
"""Options of a training loop that change nothing of what comes out."""
_OLD = ("config.json", OPTIONS, "resume.safetensors", "metrics.jsonl", "samples")
"""What makes a folder finished, or what a run goes on from."""


class OtherOptions(LapaError):
    """A finished folder was made with other options than those given now: wrong usage, exit code 2."""


def is_finished(out: Path, kind: str, options: Any, *, overwrite: bool = False, filled: tuple[str, ...] = ()) -> bool:
    """Tell whether `out` holds what these options make; with `overwrite` nothing counts as finished.

    Args:
        kind: what is made, such as "laq". options: a dataclass.
        filled: options that are filled in from elsewhere where they are left at "" or 0, so that older folders, of
            which only the filled-in ones are known, are compared by the others.

    Raises:
        OtherOptions: if `out` holds another kind of thing, or was made or begun with other options and is not to be
            overwritten.
    """
    check_kind(out, kind)
    config = _read(out / "config.json")
    wanted, begun = dataclasses.asdict(options), _read(out / OPTIONS)
    if overwrite:
        _check_apart(out, wanted)
        return False
    made = begun.get("options")
    if made is not None:  # options that are new since then were at their defaults
        made = _updated(dataclasses.asdict(type(options)()), made)
    else:
        known = config.get("stage") or wanted
        made = _updated(dataclasses.asdict(type(options)()), {k: v for k, v in known.items() if k in wanted})
        made |= {name: wanted[name] for name in filled if not wanted[name]}
    check_same(out, _counted(made), _counted(wanted), how="is finished and was made" if config else "was begun")
    return bool(config)


def check_kind(out: Path, kind: str) -> None:
    """Refuse a folder that holds something else than what is to be made.

    Raises:
        OtherOptions: saying what it holds.
    """
    found = _read(out / "config.json").get("kind", kind)
    if found != kind:
        raise OtherOptions(
            f"'{out}' holds a checkpoint of kind '{found}', not '{kind}': give another folder with --out"
        )


def begin(out: Path, kind: str, options: Any) -> None:
    """Write down what `out` is for; what was made there with other options, or finished, no longer counts."""
    mine = {"kind": kind, "options": _counted(_plain(dataclasses.asdict(options)))}
    begun = _read(out / OPTIONS)
    if begun == mine and not (out / "config.json").is_file():
        return
    if begun or (out / "config.json").is_file():
        for name in _OLD:
            shutil.rmtree(out / name) if (out / name).is_dir() else (out / name).unlink(missing_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    temporary = out / f".{OPTIONS}.{os.getpid()}.tmp"
    temporary.write_text(json.dumps(mine, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, out / OPTIONS)


def check_same(
    out: Path, made: Mapping[str, Any], wanted: Mapping[str, Any], *, how: str = "is finished and was made"
) -> None:
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
        f"'{out}' {how} with other options ({named}{more}): "
        "give another folder with --out, or --overwrite to make it again"
    )


def differences(made: Any, wanted: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield (dotted name, old, new) of every setting that differs."""
    if isinstance(made, Mapping) and isinstance(wanted, Mapping):
        for key in dict.fromkeys([*made, *wanted]):
            yield from differences(made.get(key), wanted.get(key), f"{name}.{key}" if name else key)
    elif not _same(made, wanted):
        yield name, made, wanted


def _same(made: Any, wanted: Any) -> bool:
    """Compare two values; a folder's name means the same with a slash at its end."""
    if isinstance(made, str) and isinstance(wanted, str):
        return os.path.normpath(made) == os.path.normpath(wanted)
    return made == wanted


def _check_apart(out: Path, options: Mapping[str, Any]) -> None:
    """Refuse to overwrite what is read."""
    for name, value in options.items():
        if isinstance(value, str) and value and Path(value).resolve() == out.resolve():
            raise OtherOptions(f"'{out}' is what --{name.replace('_', '-')} names: give another folder with --out")


def _updated(defaults: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in what an older folder does not say."""
    both = {name: (defaults.get(name), value) for name, value in known.items()}
    nested = {name: _updated(*pair) for name, pair in both.items() if all(isinstance(x, Mapping) for x in pair)}
    return {**defaults, **known, **nested}


def _counted(options: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what changes nothing of the result."""
    loop = options.get("loop")
    if not isinstance(loop, Mapping):
        return dict(options)
    return {**options, "loop": {name: value for name, value in loop.items() if name not in UNCOUNTED}}


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _plain(settings: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(settings, default=str))  # as config.json has them: tuples are lists, paths texts


def _shown(value: Any) -> str:
    text = "nothing" if value is None else value if isinstance(value, str) and value else json.dumps(value)
    return text if len(text) <= 40 else f"{text[:12]}..."
