"""Fonts for writing that DejaVu Sans does not have: Chinese, Japanese, Korean, Hindi, Thai and others.

DejaVu Sans comes with matplotlib and draws Latin, Greek, Cyrillic, Hebrew and Arabic. For other characters the fonts
installed on the machine are searched by the characters they have. Where none has them, one warning names the package
to install, and boxes are drawn.

Joined letters, vowel signs and right-to-left order are the business of libraqm: matplotlib has it from version 3.11,
Pillow where it was built with it (its wheels are). Without it the letters of Arabic are drawn apart and from left to
right. A line of a film is drawn in runs of one font each, left to right, so a line that mixes right-to-left words of
DejaVu Sans with another script may show its runs in the wrong order. Emoji that exist as colour bitmaps only are boxes.
"""

from __future__ import annotations

import logging
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import matplotlib
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

log = logging.getLogger(__name__)
matplotlib_log = logging.getLogger(font_manager.__name__)

FAMILY = "DejaVu Sans"
BASE = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
EAST_ASIAN = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "FULLWIDTH", "HALFWIDTH")
"""How the Unicode names of characters begin that Chinese, Japanese and Korean fonts have."""


def fallback_fonts(text: str) -> tuple[Path, ...]:
    """Return the fonts of this machine that have what DejaVu Sans lacks of `text`; none for Latin text.

    Warns once, with the package to install, where no font has a character.
    """
    missing = frozenset(text) - _characters(BASE)
    return _search(frozenset(c for c in missing if not _is_invisible(c))) if missing else ()


def font_runs(text: str) -> list[tuple[str, Path]]:
    """Split a line into runs of one font each; a character that no font has goes with DejaVu Sans."""
    fonts = (BASE, *fallback_fonts(text))
    choice: list[Path] = []
    for c in text:
        last = choice[-1:] if c.isspace() or unicodedata.combining(c) or _is_invisible(c) else []
        choice += last or [next((font for font in fonts if c in _characters(font)), BASE)]
    pairs = groupby(zip(text, choice, strict=True), key=lambda pair: pair[1])
    return [("".join(c for c, _ in run), font) for font, run in pairs]


@contextmanager
def fallbacks(figure: Figure) -> Iterator[None]:
    """Save a figure with fallback fonts for those of its texts that need any; texts in Latin letters stay as they are.

    matplotlib is silent meanwhile about missing glyphs, which `fallback_fonts` has named in one sentence, and about
    fonts that have no bold. Use inside `paper()`: one thread at a time.
    """
    for text in figure.findobj(Text):
        if names := [_register(font) for font in fallback_fonts(text.get_text())]:
            text.set_fontfamily([FAMILY, *names])
    level = matplotlib_log.level
    matplotlib_log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            yield
    finally:
        matplotlib_log.setLevel(level)


@lru_cache(maxsize=256)
def _search(missing: frozenset[str]) -> tuple[Path, ...]:
    """Choose fonts until all characters are covered: each time the one that has most of those left."""
    chosen: list[Path] = []
    while missing:
        font = max(_installed(), key=lambda path: len(missing & _characters(path)), default=None)
        if font is None or not missing & _characters(font):
            log.warning("no font of this machine has '%s': %s", "".join(sorted(missing)[:8]), _advice(missing))
            break
        chosen.append(font)
        missing -= _characters(font)
    return tuple(chosen)


def _advice(missing: frozenset[str]) -> str:
    packages = " ".join(sorted({_package(c) for c in missing}))
    return f"boxes are drawn instead; install fonts that have it (on Debian or Ubuntu: apt install {packages})"


def _package(character: str) -> str:
    if unicodedata.name(character, "").startswith(EAST_ASIAN):
        return "fonts-noto-cjk"
    return "fonts-symbola" if unicodedata.category(character).startswith("S") else "fonts-noto-core"


def _is_invisible(character: str) -> bool:
    """Whether nothing is drawn for it by itself: controls, joiners and variation selectors."""
    return unicodedata.category(character) in ("Cc", "Cf") or "\ufe00" <= character <= "\ufe0f"


@lru_cache(maxsize=1)
def _installed() -> tuple[Path, ...]:
    """Return the machine's outline fonts, plain sans-serif ones first."""
    return tuple(sorted(map(Path, font_manager.findSystemFonts()), key=_rank))


def _rank(path: Path) -> tuple[bool, bool, bool, str]:
    name = path.stem.lower()
    is_styled = any(word in name for word in ("bold", "italic", "light", "thin", "black", "mono", "condensed"))
    return "lastresort" in name, is_styled, "serif" in name, str(path)


@lru_cache(maxsize=4096)
def _characters(path: Path) -> frozenset[str]:
    """Return the characters a font has; none where it cannot be drawn from."""
    if "lastresort" in path.stem.lower():  # it has a box for every character
        return frozenset()
    try:
        return frozenset(map(chr, FT2Font(str(path)).get_charmap()))
    except (OSError, RuntimeError):
        return frozenset()


def _register(path: Path) -> str:
    """Make a font known to matplotlib, whose own list may be older than the font, and return its family."""
    if all(str(font.fname) != str(path) for font in font_manager.fontManager.ttflist):
        font_manager.fontManager.addfont(str(path))
    return FT2Font(str(path)).family_name
