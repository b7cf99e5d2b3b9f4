"""What was written down about a bundle: shown where it belongs to these weights, explained where it is missing."""

import json

import pytest
import torch

from lapa.bundle import Bundle
from lapa.checkpoint import fingerprint, save_checkpoint
from lapa.eval.report import to_json
from lapa.records import read_records

FACTS = {
    "kind": "laq", "data": "fresh", "split": "validation", "num_pairs": 9, "num_episodes": 3, "codebook_size": 8,
    "psnr_gain_db": 5.0, "psnr_gain_db_low": 4.5, "psnr_gain_db_high": 5.5, "perplexity": 7.0,
}  # fmt: skip


def make(path, *, gain: float | None = None, laq: str | None = None, seed: int = 0) -> Bundle:
    tensors = {"w": torch.full((2,), float(seed))}
    save_checkpoint(path / "laq", kind="laq", model={}, tensors=tensors, extra_files={"report.json": '{"psnr": 20.5}'})
    if gain is not None:
        facts = {**FACTS, "laq": laq or fingerprint(path / "laq"), "psnr_gain_db": gain}
        facts |= {"psnr_gain_db_low": gain - 0.5, "psnr_gain_db_high": gain + 0.5}
        (path / "laq" / "scorecard.json").write_text(to_json(facts))
    return Bundle(name=path.name, laq=path / "laq")


def test_a_scorecard_is_shown_with_its_interval_in_every_format(tmp_path):
    records = read_records(make(tmp_path / "one", gain=5.0))
    assert set(records.scorecards) == {"laq"} and set(records.missing) == {"world"}
    assert "5.00 dB" in records.to_markdown() and "4.50 to 5.50" in records.to_markdown()
    assert "\\toprule" in records.to_latex() and "4.50 to 5.50" in records.to_latex()
    assert json.loads(records.to_json())["scorecards"]["laq"]["psnr_gain_db"] == 5.0


@pytest.mark.parametrize(
    ("gain", "laq", "words"), [(None, None, "was not computed"), (5.0, "beef", "on other weights")]
)
def test_one_that_is_missing_or_of_other_weights_says_which_command_makes_it(tmp_path, gain, laq, words):
    records = read_records(make(tmp_path / "one", gain=gain, laq=laq))
    assert not records.scorecards and words in records.missing["laq"]
    assert "python -m lapa eval laq" in records.missing["laq"] and str(tmp_path) not in records.missing["laq"]


def test_two_bundles_beside_each_other_have_a_difference(tmp_path):
    one = read_records(make(tmp_path / "one", gain=5.0))
    two = read_records(make(tmp_path / "two", gain=7.0, seed=1))
    scores, reports = one.beside(two)
    row = next(row for row in scores.rows if row[0].startswith("PSNR gain"))
    assert row[1:] == ("5.00 (4.50 to 5.50)", "7.00 (6.50 to 7.50)", "+2, intervals apart")
    assert scores.header == ("measure", "one", "two", "difference") and "fresh, validation" in scores.title
    assert reports.rows == (("reconstruction, PSNR (dB)", "20.5", "20.5", "+0"),)
    assert "+2, intervals apart" in one.compared(two).to_latex()


def test_the_model_card_is_the_bundles_section(tmp_path, monkeypatch):
    monkeypatch.setenv("LAPA_CHECKPOINTS", str(tmp_path))
    (tmp_path / "README.md").write_text("# Cards\n\n## other\n\nno\n\n## one\n\nmine\n\n## two\n\nno\n")
    assert read_records(make(tmp_path / "one")).card == "mine"
