"""Sentences for tasks: templates, synonyms, and phrasings held out for the unseen split.

Every instruction is lower-case words separated by single blanks. Which wording is used is drawn at random; the plain
word of each list is used most of the time. Verbs in `HELD_OUT_VERBS` appear in unseen instructions only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

import numpy as np

from lapa.worlds.tabletop.shapes import BLOCKS, COLORS, SHAPES
from lapa.worlds.tabletop.tasks import Split, Task

SYNONYMS = {
    "red": ("red", "crimson"),
    "blue": ("blue", "navy"),
    "green": ("green", "emerald"),
    "yellow": ("yellow", "golden"),
    "star": ("star",),
    "cube": ("cube", "square", "box"),
    "moon": ("moon", "crescent"),
    "cross": ("cross", "plus"),
    "triangle": ("triangle", "wedge"),
    "disc": ("disc", "circle", "cylinder"),
}
"""What each colour and shape may be called; the first is the plain word."""

SEEN_VERBS = ("push", "move", "slide", "bring")
HELD_OUT_VERBS = ("nudge", "shift", "guide")

_PLACES = {
    "center": ("center of the board", "center", "middle of the board"),
    "left": ("left side of the board", "left side", "left edge"),
    "right": ("right side of the board", "right side", "right edge"),
    "top": ("top of the board", "top side", "far edge"),
    "bottom": ("bottom of the board", "bottom side", "near edge"),
    "top left": ("top left corner", "top left of the board", "upper left corner"),
    "top right": ("top right corner", "top right of the board", "upper right corner"),
    "bottom left": ("bottom left corner", "bottom left of the board", "lower left corner"),
    "bottom right": ("bottom right corner", "bottom right of the board", "lower right corner"),
}
_WAYS = {
    "left": ("to the left", "left", "leftwards"),
    "right": ("to the right", "right", "rightwards"),
    "up": ("up", "upwards", "away from you"),
    "down": ("down", "downwards", "towards you"),
    "up left": ("up and to the left", "up and left", "diagonally up and left"),
    "up right": ("up and to the right", "up and right", "diagonally up and right"),
    "down left": ("down and to the left", "down and left", "diagonally down and left"),
    "down right": ("down and to the right", "down and right", "diagonally down and right"),
}
_SIDES = {
    "left": ("to the left of", "left of", "to the left side of"),
    "right": ("to the right of", "right of", "to the right side of"),
    "up": ("above", "behind", "to the top side of"),
    "down": ("below", "in front of", "to the bottom side of"),
    "up left": ("above and to the left of", "to the top left of", "diagonally above and left of"),
    "up right": ("above and to the right of", "to the top right of", "diagonally above and right of"),
    "down left": ("below and to the left of", "to the bottom left of", "diagonally below and left of"),
    "down right": ("below and to the right of", "to the bottom right of", "diagonally below and right of"),
}
_TABLES = {"place": _PLACES, "way": _WAYS, "side": _SIDES}
_TEMPLATES = {
    "block2block": ("{verb} {a} to {b}", "{verb} {a} next to {b}", "{verb} {a} towards {b}", "{verb} {a} over to {b}"),
    "block2absolute": ("{verb} {a} to the {place}", "{verb} {a} into the {place}", "{verb} {a} over to the {place}"),
    "block2relative": ("{verb} {a} {way}", "{verb} {a} a bit {way}", "{verb} {a} further {way}"),
    "block2block_relative": ("{verb} {a} {side} {b}", "{verb} {a} so that it is {side} {b}"),
    "separate": ("{verb} {a} away from {b}", "{verb} {a} and {b} apart", "separate {a} from {b}"),
}


def instruct(task: Task, rng: np.random.Generator, split: Split = "seen") -> str:
    """Say the task in words; `split` chooses between the seen and the held-out phrasings."""
    verbs = SEEN_VERBS if split == "seen" else HELD_OUT_VERBS
    templates = [t for t in _TEMPLATES[task.family] if split == "seen" or "{verb}" in t]
    return _pick(rng, templates, 0.5).format(
        verb=verbs[rng.integers(len(verbs))],
        a=_say_block(task.block, rng),
        b="" if task.other is None else _say_block(task.other, rng),
        place=_pick(rng, _PLACES.get(task.place, ("",))),
        way=_pick(rng, _WAYS.get(task.place, ("",))),
        side=_pick(rng, _SIDES.get(task.place, ("",))),
    )


def parse(instruction: str) -> Task | None:
    """Return the task that an instruction of this grammar names, in any wording, without its goal; else None."""
    text = " ".join(instruction.lower().replace(".", " ").split())
    for family, pattern in _patterns():
        found = re.fullmatch(pattern, text)
        if found is None:
            continue
        named = {key: value for key, value in found.groupdict().items() if value is not None}
        block, other = (_block_named(named.get(key)) for key in ("a", "b"))
        places = [key for table in _TABLES.values() for key, names in table.items() if named.get("at") in names]
        if block is not None and block != other and (other is None) == ("b" not in named):
            return Task(family, block, other, places[0] if places else "")
    return None


@cache
def _patterns() -> list[tuple[str, str]]:
    """Return each family's sentences as regular expressions with the groups a, b and at."""
    color, shape = (_any(name for word in words for name in SYNONYMS[word]) for words in (COLORS, SHAPES))
    block = f"the {color} {shape}"
    slots = {"verb": _any((*SEEN_VERBS, *HELD_OUT_VERBS)), "a": f"(?P<a>{block})", "b": f"(?P<b>{block})"}
    slots |= {name: f"(?P<at>{_any(p for row in table.values() for p in row)})" for name, table in _TABLES.items()}
    return [(family, template.format(**slots)) for family, row in _TEMPLATES.items() for template in row]


def _any(phrases: Iterable[str]) -> str:
    return f"(?:{'|'.join(map(re.escape, phrases))})"


def _block_named(phrase: str | None) -> int | None:
    """Return the block that "the navy square" is, or None."""
    if phrase is None:
        return None
    plain = {name: word for word, names in SYNONYMS.items() for name in names}
    color, shape = (plain[word] for word in phrase.split()[1:])
    return next((i for i, known in enumerate(BLOCKS) if (known.color, known.shape) == (color, shape)), None)


def split_of_instruction(instruction: str) -> Split:
    """Say whether an instruction uses a held-out phrasing."""
    return "unseen" if set(instruction.split()) & set(HELD_OUT_VERBS) else "seen"


def vocabulary() -> list[str]:
    """Return every word the grammar can say, sorted."""
    phrases = [*SEEN_VERBS, *HELD_OUT_VERBS, "the"]
    phrases += [word for name in (*COLORS, *SHAPES) for word in SYNONYMS[name]]
    phrases += [phrase for table in _TABLES.values() for row in table.values() for phrase in row]
    phrases += [template for row in _TEMPLATES.values() for template in row]
    return sorted({word for phrase in phrases for word in phrase.split() if "{" not in word})


def _say_block(i: int, rng: np.random.Generator) -> str:
    color, shape = (_pick(rng, SYNONYMS[word], 0.85) for word in (BLOCKS[i].color, BLOCKS[i].shape))
    return f"the {color} {shape}"


def _pick(rng: np.random.Generator, choices, plain: float = 0.65) -> str:
    """Return the first choice with probability `plain`, else one of the others."""
    if len(choices) == 1 or rng.random() < plain:
        return choices[0]
    return choices[1 + rng.integers(len(choices) - 1)]
