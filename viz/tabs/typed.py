"""What to type to make a saved figure again: words for a command line at the root of the repository.

What lies elsewhere, such as an upload, is called by its name alone: where it lies on the server is nobody's business,
and where it lies on the visitor's disk is not known here. Such a name carries a sentence that says what to put there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lapa.explorer import Explorer
from viz.exports.settings import command
from viz.tabs.page import Page

ROOT = Path(__file__).resolve().parents[2]
PARTS = {"laq": "quantizer", "policy": "policy", "index": "index"}
UPLOADED = (
    "put the path of your own video in place of '{}'; the app looked at a small copy of it, so expect numbers that "
    "are close, not the same"
)
ELSEWHERE = "put the path of the {} in place of '{}': it lies outside of the repository"
EPISODE = "'{}' is an episode of a data set, which the command cannot open by itself: put a video of it in its place"


@dataclass(frozen=True)
class Typed:
    """Words to type, and sentences on those that must be replaced before."""

    words: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    def __add__(self, other: Typed | Sequence[str]) -> Typed:
        if not isinstance(other, Typed):
            return Typed((*self.words, *other), self.needs)
        return Typed((*self.words, *other.words), (*self.needs, *other.needs))

    def facts(self, kind: str) -> dict[str, str]:
        """Return the command of an export, and under "before_running" what has to be replaced in it, if anything."""
        needs = {"before_running": "; ".join(dict.fromkeys(self.needs))} if self.needs else {}
        return {"command": command(kind, self.words), **needs}


def typed_models(explorer: Explorer, *parts: str) -> Typed:
    """Return the options that open the quantizer and those of its `parts` (policy, index) that a figure needs."""
    card, typed = explorer.card, Typed()
    if explorer.name in Explorer.bundles():
        typed += ["--bundle", explorer.name]
    else:
        typed += typed_part("laq", card["laq"])
    beside = {part: Path(card["laq"]).with_name(part).as_posix() for part in parts}
    for part in parts:
        of_bundle = typed.words[0] == "--bundle" and card[part] == beside[part]
        if card[part] is not None and not of_bundle:
            typed += typed_part(part, card[part])
    return typed


def typed_part(part: str, shown: str) -> Typed:
    """Return the option that names one part's folder as it is shown."""
    return Typed((f"--{part}",)) + typed_path(ROOT / shown, PARTS[part])


def typed_other(explorer: Explorer) -> Typed:
    """Return what names a second quantizer."""
    if explorer.name in Explorer.bundles():
        return Typed((explorer.name,))
    return typed_path(ROOT / explorer.card["laq"], "second quantizer")


def typed_path(path: Path, what: str) -> Typed:
    """Return a file's or a folder's path as seen from the repository, else its name and what to put there."""
    if path.is_relative_to(ROOT) and path.exists():
        return Typed((path.relative_to(ROOT).as_posix(),))
    return Typed((path.name,), (ELSEWHERE.format(what, path.name),))


def typed_clip(page: Page, clip_id: str) -> Typed:
    """Return what to type for a clip of the shelf or an upload."""
    group, _, name = clip_id.partition("/")
    source = page.bench.shelf.sources.get(group)
    if source is None:
        title = page.bench.shelf.entry(clip_id).title
        return Typed((title,), (UPLOADED.format(title),))
    path = Path(source.path).absolute()
    if path.is_dir() and not (path / name).exists():
        return Typed((name,), (EPISODE.format(name),))
    return typed_path(path / name if path.is_dir() else path, "video")
