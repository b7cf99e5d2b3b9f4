"""Train and judge the cells of a grid, one after another; what is done is not done again.

Each cell is a checkpoint of its own, in a folder of its own, with what `eval laq` says of it in scores.json. The tables
are written anew after each cell, so an unfinished grid can be read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lapa.ablate.grid import Cell
from lapa.checkpoint import fingerprint, write_text
from lapa.data.source import open_source
from lapa.data.splits import split_rows
from lapa.data.subset import Subset
from lapa.eval.continuous import evaluate_continuous
from lapa.eval.laq import evaluate_laq
from lapa.models.laq import LAQ
from lapa.models.load import load_laq
from lapa.protocols import ClipSource
from lapa.train import laq as stage
from lapa.train.laq import TrainLAQConfig

Facts = dict[str, Any]
SHOWN = (
    "psnr_gain_db", "controllability_db", "controllability_shuffled_db", "perplexity", "joint_entropy_bits",
    "redundancy", "leak_db", "identity_change", "probe_r2_tokens", "probe_r2_continuous",
)  # fmt: skip
"""What is taken over from a scorecard, each with its interval."""


def run_grid(cells: Sequence[Cell], *, out: Path, num_pairs: int, overwrite: bool = False) -> Iterator[list[Facts]]:
    """Train and judge each cell; after each, yield the rows of all that are done, in the order of the cells.

    Returns:
        rows: axis, label, folder, is_base, num_parameters, code_seq_len, codebook_size, window_s, and of `SHOWN` what
        was measured, None where there are no tokens to measure.

    Raises:
        OtherOptions: if a cell was made or begun with other options, unless `overwrite`.
        LapaError: if the data cannot be used.
        KeyboardInterrupt: after saving, when stopped.
    """
    scores: dict[str, Facts] = {}
    for cell in cells:
        folder = out / cell.folder
        if cell.folder not in scores:
            stage.run(cell.config, out=folder, overwrite=overwrite)
            scores[cell.folder] = judge(folder, cell.config, num_pairs=num_pairs)
        yield [_row(c, scores[c.folder]) for c in cells if c.folder in scores]


def judge(folder: Path, config: TrainLAQConfig, *, num_pairs: int) -> Facts:
    """Return what was measured of a finished cell, measuring it if that was not done, or not of these weights."""
    path, asked = folder / "scores.json", {"num_pairs_asked": num_pairs, "laq": fingerprint(folder)}
    if path.is_file():
        known = json.loads(path.read_text(encoding="utf-8"))
        if {key: known.get(key) for key in asked} == asked:
            return known
    laq = load_laq(folder, needs_tokens=False)
    assert isinstance(laq, LAQ)
    evaluate = evaluate_laq if laq.has_tokens else evaluate_continuous
    facts = evaluate(laq, held_out(config), window_s=config.window_s, num_pairs=num_pairs)
    facts |= {**asked, "num_parameters": sum(p.numel() for p in laq.parameters())}
    write_text(path, json.dumps(facts, indent=1) + "\n")
    return facts


def held_out(config: TrainLAQConfig) -> ClipSource:
    """Return the clips that a run did not train on."""
    source = open_source(config.data, camera=config.camera)
    return Subset(source, split_rows(source, config.num_validation)[1])


def _row(cell: Cell, facts: Facts) -> Facts:
    model = cell.config.model
    shown = {f"{key}{end}": facts.get(f"{key}{end}") for key in SHOWN for end in ("", "_low", "_high")}
    return {
        "axis": cell.axis,
        "label": cell.label,
        "folder": cell.folder,
        "is_base": cell.folder == "base",
        "num_parameters": facts["num_parameters"],
        "code_seq_len": model.code_seq_len,
        "codebook_size": model.codebook_size,
        "window_s": cell.config.window_s,
        **shown,
    }
