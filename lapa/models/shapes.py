"""Checks of a model's configuration before it is built: each shape that cannot work ends as one sentence."""

from __future__ import annotations

from typing import Any

from lapa.types import LapaError


def check_counts(config: Any, **least: int) -> None:
    """Refuse numbers that are too small to be a count.

    Raises:
        LapaError: naming the first setting below its least value.
    """
    for name, smallest in least.items():
        if getattr(config, name) < smallest:
            raise LapaError(f"'{name}' is {getattr(config, name)}: give {smallest} or more")


def check_shares(config: Any, *names: str) -> None:
    """Refuse what is no share of a whole.

    Raises:
        LapaError: naming the first setting outside [0, 1).
    """
    for name in names:
        if not 0 <= getattr(config, name) < 1:
            raise LapaError(f"'{name}' is {getattr(config, name)}: give a share from 0 to below 1")


def check_divides(config: Any, part: str, whole: str) -> None:
    """Refuse a part that does not come out even.

    Raises:
        LapaError: naming both settings.
    """
    small, large = getattr(config, part), getattr(config, whole)
    if large % small:
        raise LapaError(f"'{whole}' {large} is no multiple of '{part}' {small}: choose one that divides it")
