"""What can be asked of each export that starts from a clip; the command line and the app's buttons fill in the same.

The docstrings under the fields are the command line's help. Knows neither models nor pictures.
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lapa.types import LapaError

WIDTHS_IN = {"column": 3.25, "page": 6.75}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What all of them can be asked."""

    window: int = 0
    """Frames from the current to the later one; 0 is the quantizer's own window."""
    width: Literal["column", "page"] = "page"
    """Width in print: one column (3.25 in) or the page (6.75 in)."""


@dataclass(frozen=True, kw_only=True)
class Pair(Settings):
    """Draw one transition: both frames, what the tokens make of it, what changed, what is missed."""

    t: int = 0
    """Number of the current frame."""


@dataclass(frozen=True, kw_only=True)
class Ribbon(Settings):
    """Draw a clip's film over its token ribbon."""

    stride: int = 0
    """Frames from one latent action to the next; 0 is as few as makes at most 48 of them."""


@dataclass(frozen=True, kw_only=True)
class Sheet(Settings):
    """Draw a contact sheet: a frame under every code of every position."""

    t: int = 0
    """Number of the frame."""
    tokens: str = ""
    """The latent action that is varied, such as 3-0-7-1; by default the one that is seen there."""
    shows: Literal["picture", "change"] = "picture"
    """The decoded pictures, or what changes in them."""


@dataclass(frozen=True, kw_only=True)
class Strip(Settings):
    """Draw a rollout as a film strip, or write it as a film."""

    t: int = 0
    """Number of the frame to start from."""
    instruction: str = ""
    """What the policy should do, such as "push the red star to the left"."""
    tokens: str = ""
    """Latent actions to play instead, separated by spaces, such as "3-0-7-1 2-2-0-5"."""
    steps: int = 8
    """Steps to dream; each is one window long."""
    temperature: float = 0.0
    """0 takes the likeliest tokens, 1 samples as the policy believes."""
    top_k: int = 0
    """How many of the likeliest codes are sampled from; 0 is all."""
    seed: int = 0
    """Seed of the sampling."""
    fps: float = 4.0
    """Pictures per second, of a film."""


@dataclass(frozen=True, kw_only=True)
class Transfer(Settings):
    """Draw the latent actions of one clip on a frame of another, or write it as a film."""

    t: int = 0
    """Number of the frame from which the clip's latent actions are taken."""
    other_t: int = 0
    """Number of the other clip's frame on which they are played."""
    steps: int = 6
    """How many of them, one window apart."""
    fps: float = 4.0
    """Pictures per second, of a film."""


KINDS: dict[str, type[Settings]] = {
    "pair": Pair,
    "ribbon": Ribbon,
    "sheet": Sheet,
    "strip": Strip,
    "transfer": Transfer,
}
FILMS = ("strip", "transfer")
MOST = {"steps": 64, "temperature": 10, "fps": 60, "window": 100_000, "stride": 100_000, "seed": 2**31}


def read_settings(kind: str, values: Mapping[str, Any]) -> Settings:
    """Build settings from what a page sent.

    Raises:
        LapaError: if the kind, a name or a value is none that can be asked.
    """
    if kind not in KINDS:
        raise LapaError(f"there is no figure '{kind[:20]}': choose one of {', '.join(KINDS)}")
    fields = {field.name: field for field in dataclasses.fields(KINDS[kind])}
    for name, value in values.items():
        if name not in fields or type(value) not in (type(fields[name].default), int):
            raise LapaError(f"'{str(name)[:20]}' cannot be set like this for a figure of kind {kind}")
    exact = {k: float(v) if isinstance(fields[k].default, float) else v for k, v in values.items()}
    return check(KINDS[kind](**exact))


def check(settings: Settings) -> Settings:
    """Return the settings.

    Raises:
        LapaError: naming the first number that makes no sense.
    """
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if isinstance(value, int | float) and not 0 <= value <= MOST.get(field.name, 10**9):
            raise LapaError(f"--{flag(field.name)} {value} makes no sense: give 0 to {MOST.get(field.name, 10**9)}")
    for name in ("steps", "fps"):
        if getattr(settings, name, 1) <= 0:
            raise LapaError(f"--{name} {getattr(settings, name):g} shows nothing: give more than 0")
    if settings.width not in WIDTHS_IN:
        raise LapaError(f"there is no width '{settings.width[:20]}': choose {' or '.join(WIDTHS_IN)}")
    if getattr(settings, "shows", "picture") not in ("picture", "change"):
        raise LapaError("a sheet shows pictures or changes: choose picture or change")
    return settings


def arguments(settings: Settings) -> list[str]:
    """Return the settings as the command line takes them, what is as by default left out."""
    given = [f for f in dataclasses.fields(settings) if getattr(settings, f.name) != f.default]
    return [text for f in given for text in (f"--{flag(f.name)}", f"{getattr(settings, f.name)}")]


def command(kind: str, arguments: Sequence[str]) -> str:
    """Return what to type for an export."""
    return shlex.join(["python", "-m", "lapa", "export", kind, *arguments])


def names(kind: str) -> tuple[str, ...]:
    """Return what can be asked of a kind."""
    return tuple(field.name for field in dataclasses.fields(KINDS[kind]))


def flag(name: str) -> str:
    """Return a field's name as an option."""
    return name.replace("_", "-")
