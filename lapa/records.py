"""What was written down about a bundle: its reports, scorecards, training curves, model card; read, not measured.

A scorecard lies beside the model: scorecard.json (from `eval laq --out`), scorecard_world.json (`eval world --out`).
One that was measured on other weights is not shown: numbers belong to the model they are of.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lapa.bundle import ROOT, Bundle, checkpoints_folder
from lapa.checkpoint import fingerprint
from lapa.tables import Table, latex_table, markdown_table

KINDS = ("laq", "policy", "robot")
SCORECARDS = {"laq": "scorecard.json", "world": "scorecard_world.json"}
PARTS = {"laq": "quantizer", "policy": "policy", "robot": "robot policy"}
MEASURED = {"laq": "quantizer", "world": "quantizer's dreams"}
Facts = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Records:
    """What is on record of one bundle: reports, scorecards, training curves and the model card.

    Attributes:
        name: of the bundle.
        reports: report.json by kind of part ("laq", "policy", "robot").
        scorecards: by what was measured ("laq", "world").
        missing: for a scorecard that is not there, why, and the command that makes it.
        metrics: the text of metrics.jsonl by kind of part.
        card: the model card as Markdown, or "".
    """

    name: str
    reports: dict[str, Facts]
    scorecards: dict[str, Facts]
    missing: dict[str, str]
    metrics: dict[str, str]
    card: str

    def tables(self) -> list[Table]:
        """Lay out everything that was measured: scorecards first, then each part's own report."""
        found = [
            Table(title=t["title"], header=tuple(t["header"]), rows=tuple(tuple(row) for row in t["rows"]))
            for scorecard in self.scorecards.values()
            for t in scorecard["tables"]
        ]
        for kind, report in self.reports.items():
            rows = tuple((name_of(k), shown(v)) for k, v in report.items() if isinstance(v, int | float | str))
            found.append(
                Table(title=f"{PARTS[kind]}, at the end of its training", header=("measure", "value"), rows=rows)
            )
        return [table for table in found if table.rows]

    def to_json(self) -> str:
        """Write all of it for programs."""
        known = {"bundle": self.name, "scorecards": self.scorecards, "reports": self.reports}
        return json.dumps(known, indent=1, ensure_ascii=False) + "\n"

    def to_markdown(self) -> str:
        """Write the tables for people."""
        captions = [scorecard["caption"] for scorecard in self.scorecards.values()]
        parts = [f"# {self.name}", *captions, *(f"## {t.title}\n\n{markdown_table(t)}" for t in self.tables())]
        return "\n\n".join(parts) + "\n"

    def to_latex(self) -> str:
        """Write the tables for papers (needs the package booktabs)."""
        captions = [f"% {scorecard['caption']}" for scorecard in self.scorecards.values()]
        return "\n".join(["% Needs \\usepackage{booktabs}.", *captions, *map(latex_table, self.tables())])

    def compared(self, other: Records) -> Comparison:
        """Return what both were measured by, ready to be written down."""
        return Comparison(names=(self.name, other.name), tables=tuple(self.beside(other)))

    def beside(self, other: Records) -> list[Table]:
        """Lay out what both were measured by, with the difference (other less this one)."""
        header = ("measure", self.name, other.name, "difference")
        found = []
        for kind in SCORECARDS:
            if kind in self.scorecards and kind in other.scorecards:
                rows = _beside_scorecards(self.scorecards[kind], other.scorecards[kind])
                found.append(
                    Table(
                        title=f"scorecard of the {MEASURED[kind]}, on {_where(self, other, kind)}",
                        header=header,
                        rows=rows,
                    )
                )
        for kind in KINDS:
            one, two = self.reports.get(kind, {}), other.reports.get(kind, {})
            common = [key for key in one if _is_number(one[key]) and _is_number(two.get(key))]
            rows = tuple((name_of(k), shown(one[k]), shown(two[k]), signed(two[k] - one[k])) for k in common)
            found.append(Table(title=f"{PARTS[kind]}, each on its own held-out videos", header=header, rows=rows))
        return [table for table in found if table.rows]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two bundles' numbers beside each other."""

    names: tuple[str, str]
    tables: tuple[Table, ...]

    def to_json(self) -> str:
        """Write the tables for programs."""
        return json.dumps({"names": self.names, "tables": [asdict(t) for t in self.tables]}, indent=1) + "\n"

    def to_markdown(self) -> str:
        """Write the tables for people."""
        parts = [f"# {' and '.join(self.names)}", *(f"## {t.title}\n\n{markdown_table(t)}" for t in self.tables)]
        return "\n\n".join(parts) + "\n"

    def to_latex(self) -> str:
        """Write the tables for papers (needs the package booktabs)."""
        return "\n".join(["% Needs \\usepackage{booktabs}.", *map(latex_table, self.tables)])


def read_records(bundle: Bundle) -> Records:
    """Read what lies beside a bundle's models; what cannot be read is not there."""
    scorecards, missing = {}, {}
    for kind, file in SCORECARDS.items():
        found = read_scorecard(bundle, kind, file)
        (missing if isinstance(found, str) else scorecards)[kind] = found
    metrics = {kind: text for kind, path in _folders(bundle).items() if (text := _read(path / "metrics.jsonl"))}
    card = model_card(bundle.name) or _read(bundle.laq / "README.md")
    name = Path(bundle.name).name if bundle.name == str(bundle.laq) else bundle.name
    return Records(
        name=name, reports=read_reports(bundle), scorecards=scorecards, missing=missing, metrics=metrics, card=card
    )


def read_reports(bundle: Bundle) -> dict[str, Facts]:
    """Return report.json of each part that has one, by kind."""
    return {kind: found for kind, path in _folders(bundle).items() if (found := _read_json(path / "report.json"))}


def read_scorecard(bundle: Bundle, kind: str, file: str) -> Facts | str:
    """Return a scorecard, or the sentence that says why there is none and what makes one."""
    folder, data = _from_root(bundle.laq), "DATA"
    command = f"python -m lapa eval {kind} --laq {folder} --data {data} --out {folder}/{file}"
    facts = _read_json(bundle.laq / file)
    if not facts:
        return f"It was not computed for this model. On held-out clips in {data}: {command}"
    if facts.get("laq") != fingerprint(bundle.laq):
        return f"The one in '{file}' was measured on other weights than these. Measure again: {command}"
    if not {"tables", "measures", "caption"} <= set(facts):
        return f"The one in '{file}' holds no tables. Write it with --out: {command}"
    return facts


def model_card(name: str) -> str:
    """Return a bundle's section of the model cards beside the bundles, without its heading; "" where there is none."""
    text = _read(checkpoints_folder() / "README.md")
    found = re.search(rf"^## {re.escape(name)}[ \t]*\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    return found.group(1).strip() if found else ""


def name_of(key: str) -> str:
    """Return the plain name of a number of report.json."""
    return NAMES.get(key, key.replace("_", " "))


def shown(value: Any) -> str:
    """Return a number or a text as people read it."""
    if isinstance(value, float):
        return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)[:300]


def signed(value: float) -> str:
    """Return a difference with its sign."""
    return f"{value:+,.3g}" if abs(value) < 1000 else f"{value:+,.0f}"


def _beside_scorecards(one: Facts, other: Facts) -> tuple[tuple[str, ...], ...]:
    theirs = {row["key"]: row for row in other["measures"]}
    rows = []
    for mine in one["measures"]:
        if (row := theirs.get(mine["key"])) is None:
            continue
        values = [_with_interval(mine), _with_interval(row)]
        label = f"{mine['label']} ({mine['unit']})" if mine["unit"] else mine["label"]
        rows.append((label, *values, signed(row["value"] - mine["value"]) + _apart(mine, row)))
    return tuple(rows)


def _with_interval(row: Facts) -> str:
    digits = row["digits"] if isinstance(row["value"], float) else ""
    value = format(row["value"], digits)
    if row["low"] is None or row["high"] is None:
        return value
    return f"{value} ({row['low']:{digits}} to {row['high']:{digits}})"


def _apart(one: Facts, other: Facts) -> str:
    """Say where two intervals do not touch: then chance is a poor explanation."""
    if None in (one["low"], one["high"], other["low"], other["high"]):
        return ""
    return ", intervals apart" if one["high"] < other["low"] or other["high"] < one["low"] else ""


def _where(one: Records, other: Records, kind: str) -> str:
    places = [f"{r.scorecards[kind].get('data')}, {r.scorecards[kind].get('split') or 'all'}" for r in (one, other)]
    return places[0] if places[0] == places[1] else f"different data ({places[0]}; {places[1]}), so read with care"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(_read(path) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _folders(bundle: Bundle) -> dict[str, Path]:
    """Return where each part of a bundle lies, by kind."""
    return {kind: path for kind in KINDS if (path := getattr(bundle, kind)) is not None}


def _from_root(path: Path) -> str:
    """Name a folder without telling where it lies on the server."""
    path = path.absolute()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


NAMES = {
    "num_pairs_train": "pairs trained on",
    "num_pairs_validation": "pairs held out",
    "num_episodes": "episodes",
    "psnr": "reconstruction, PSNR (dB)",
    "psnr_copy": "PSNR of copying the current frame (dB)",
    "psnr_gain_db": "gain over copying (dB)",
    "psnr_gain_moving_db": "gain over copying, moving half (dB)",
    "controllability_db": "controllability: true against random tokens (dB)",
    "codes_used": "codes used",
    "codebook_size": "codes",
    "perplexity": "perplexity of the codes",
    "num_pairs": "pairs measured",
    "nll": "negative log-likelihood (nats)",
    "nll_right": "negative log-likelihood, right instruction (nats per token)",
    "nll_swapped": "negative log-likelihood, swapped instruction (nats per token)",
    "nll_gap": "what the right instruction is worth (nats per token)",
    "nll_marginal": "negative log-likelihood of who knows only how often tokens come (nats)",
    "accuracy": "accuracy of the likeliest token",
    "action_error": "error of the action",
    "action_error_constant": "error of a constant action",
}
"""Plain names of the numbers in report.json."""
