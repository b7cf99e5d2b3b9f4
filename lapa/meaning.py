"""What each code was measured to mean, kept beside the index it was measured on (`meaning.json`) and read at run time.

A meaning is what moved in the recorded pairs that have a code, never what anybody thinks the code should mean. It is
measured in `eval/meaning_record.py` when an index is built; this file only keeps it and answers for it.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from lapa.types import LapaError

FILE = "meaning.json"
VERSION = 1
Vector = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class CodeMeaning:
    """What one code at one position does.

    Attributes:
        count: pairs that have it.
        word: a direction, "still", "mixed" (no one direction), "little", or "" where too few pairs say anything.
        concentration: in [0, 1], the length of the motions' sum as a share of the sum of their lengths: 1 if all go one
            way. Kept in the file as "strength".
        adds: whether it is about what the code adds to the other tokens, not about the pairs as they are.
        motion: mean motion, (right, forward) in metres or (right, up) as a share of the picture's longer side.
        picture: the same as it is seen in the picture (right, up), or None where it was not measured.
        size: length of `motion` as a share of the mean motion of all pairs.
    """

    position: int
    code: int
    count: int
    word: str = ""
    concentration: float = 0.0
    adds: bool = False
    motion: Vector = (0.0, 0.0)
    picture: Vector | None = None
    size: float = 0.0

    @property
    def points(self) -> bool:
        """Whether it says which way things move."""
        return self.word not in ("", "still", "mixed", "little")

    @property
    def label(self) -> str:
        """A word and a number, such as "left 0.8"; "" where nothing can be said."""
        if not self.word:
            return ""
        return self.word if self.word in ("still", "mixed", "little") else f"{self.word} {self.concentration:.1f}"

    @property
    def sentence(self) -> str:
        """The same for somebody who sees it for the first time."""
        where = f"position {self.position}, code {self.code}"
        if not self.word:
            return f"{where}: only {self.count} pairs have it, too few to say what it means"
        verb = "adds to the other tokens" if self.adds else "what moved in its pairs"
        facts = f"{self.size:.0%} of the mean motion, concentration {self.concentration:.2f} of 1, {self.count} pairs"
        return f"{where}: {verb}: {self.word} ({facts})"


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """The meaning of all codes of a quantizer on one data set.

    Attributes:
        laq: sha256 of the quantizer; data: the data set's name; num_pairs: how many say it.
        target: "displacement" (recorded, metres) or "flow" (seen, shares of the picture's longer side).
        typical: mean length of the motions, in the target's unit.
        note: why the target is not the recorded motion, or "".
        codes: [position][code].
    """

    laq: str
    data: str
    num_pairs: int
    target: str
    typical: float
    codes: tuple[tuple[CodeMeaning, ...], ...]
    note: str = ""

    def of(self, position: int, code: int) -> CodeMeaning:
        return self.codes[position][code]

    @property
    def how(self) -> str:
        """One sentence on how it was measured."""
        what = "the recorded motion of the robot" if self.target == "displacement" else "optical flow of what moves"
        later = any(row[0].adds for row in self.codes)
        more = ", later tokens: what they add to the others in a linear model" if later else ""
        why = f" ({self.note})" if self.note else ""
        return f"Measured as {what}{why} in {self.num_pairs:,} pairs of '{self.data}'{more}."


def save_meaning(record: dict, folder: str | Path) -> Path:
    """Write what `eval/meaning_record.py` measured into an index folder."""
    path = Path(folder) / FILE
    path.write_text(json.dumps({"format_version": VERSION, **record}, indent=1) + "\n", encoding="utf-8")
    return path


def load_meaning(folder: str | Path, laq_sha256: str, shape: tuple[int, int]) -> Meaning:
    """Read an index folder's meaning of `shape` (positions, codes).

    Raises:
        LapaError: if there is none, it is damaged, or it was measured with another quantizer; says how to get one.
    """
    path = Path(folder) / FILE
    again = "measure it with 'python -m lapa index --only-meaning --data DIR --laq LAQ --out INDEX'"
    if not path.is_file():
        raise LapaError(f"the meaning of the codes was not measured for this index: {again}")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["format_version"] != VERSION or record["laq"] != laq_sha256:
            raise LapaError(f"the meaning of the codes is another quantizer's or an older version's: {again}")
        codes = tuple(
            tuple(_code(position, code, said) for code, said in enumerate(row))
            for position, row in enumerate(record["codes"])
        )
        if (len(codes), *{len(row) for row in codes}) != shape:
            raise LapaError(f"the meaning of the codes does not tell of all of them: {again}")
        facts = {name: record[name] for name in ("laq", "data", "num_pairs", "target", "typical")}
        return Meaning(**facts, codes=codes, note=str(record.get("note") or ""))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, LapaError):
            raise
        raise LapaError(f"the meaning of the codes is damaged ({FILE}): {again}") from error


def _code(position: int, code: int, said: dict) -> CodeMeaning:
    picture = said.get("picture")
    return CodeMeaning(
        position=position,
        code=code,
        count=int(said["count"]),
        word=str(said["word"]),
        concentration=_finite(said["strength"]),
        adds=bool(said["adds"]),
        motion=(_finite(said["motion"][0]), _finite(said["motion"][1])),
        picture=None if picture is None else (_finite(picture[0]), _finite(picture[1])),
        size=_finite(said["size"]),
    )


def _finite(value: object) -> float:
    number = float(value)  # type: ignore[arg-type]
    if not math.isfinite(number):
        raise ValueError(f"{number} is no measurement")
    return number
