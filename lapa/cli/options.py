"""What several verbs share: which models, how options are read, how results are printed."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import tyro

from lapa.cli import WrongUsage
from lapa.types import LapaError

if TYPE_CHECKING:
    from lapa.explorer import Explorer
    from lapa.protocols import ClipSource

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Models:
    """Which models to use."""

    bundle: str = "tabletop"
    """Shipped bundle: tabletop or droid."""
    laq: Path | None = None
    """Quantizer to use instead of the bundle's."""
    policy: Path | None = None
    """Policy to use instead of the bundle's."""
    index: Path | None = None
    """Index to use instead of the bundle's."""
    device: str = "auto"
    """auto (a GPU where there is one), cpu, cuda, cuda:1, mps."""
    precision: Literal["auto", "bf16", "fp32", "8bit", "4bit"] = "auto"
    """Arithmetic of a released policy; auto is the one it is stored in."""

    def open(self) -> Explorer:
        """Open the models."""
        from lapa.device import resolve_device
        from lapa.explorer import Explorer

        with usage():
            device = resolve_device(self.device)
        return Explorer.open(
            self.bundle,
            laq=self.laq,
            policy=self.policy,
            index=self.index,
            device=device,
            precision=self.precision,
        )


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What to read of a LeRobot data set."""

    camera: str = ""
    """Camera of a LeRobot data set; by default one that sees the scene in colour."""
    state_xy: tuple[str, str] | None = None
    """Names of the numbers of the state that are the end effector's x (to the right) and y (forward), in metres; by
    default those whose names say so."""

    def open(self, data: Path) -> ClipSource:
        """Open a data set."""
        from lapa.data.source import open_source

        return open_source(data, camera=self.camera, state_xy=self.state_xy)


AnyReading = Annotated[Reading, tyro.conf.OmitArgPrefixes]
AnyModels = Annotated[Models, tyro.conf.OmitArgPrefixes]
Video = Annotated[Path, tyro.conf.Positional]


def parse(options: type[T], verb: str, args: list[str], **more: Any) -> T:
    """Read the options of a verb; ends the program with 2 where they are wrong, with 0 after --help."""
    config = (tyro.conf.FlagCreatePairsOff,)
    return tyro.cli(options, prog=f"python -m lapa {verb}", args=args, config=config, **more)


@contextlib.contextmanager
def usage() -> Iterator[None]:
    """Turn a complaint about what an option says into wrong usage (exit code 2)."""
    try:
        yield
    except LapaError as error:
        raise WrongUsage(str(error)) from error


def print_facts(facts: dict[str, Any], *, as_json: bool) -> None:
    """Print results: as JSON for programs, as aligned lines for people."""
    facts = {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in facts.items()}
    if as_json:
        print(json.dumps(facts))
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}}  {'-' if value is None else f'{value:.4g}' if isinstance(value, float) else value}")
