"""The measured meaning of codes: what is measured, how it is kept, and what is refused."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from lapa.checkpoint import fingerprint
from lapa.eval.meaning_record import MIN_PAIRS, measure_meaning
from lapa.explorer import Explorer
from lapa.meaning import FILE, load_meaning, save_meaning
from lapa.protocols import ClipRecord
from lapa.types import LapaError
from tests.lapa.conftest import MovingSquare
from tests.viz.conftest import make_index

STEPS = {0: (0.1, 0.0), 1: (-0.1, 0.0), 2: (0.0, 0.1), 3: (0.0, 0.0)}
TURNS = {0: (0.0, 0.03), 1: (0.0, -0.03), 2: (0.0, 0.0)}


class Nothing(MovingSquare):
    """A source that has none of the index's clips."""

    records: list = []

    def __init__(self):
        pass


def known_index(*, is_shared: bool = False):
    """Return an index in which the first token moves things by STEPS and the second adds TURNS; the rest is noise."""
    rng = np.random.default_rng(3)
    base = make_index((200, 200, 200, 200), is_shared=is_shared)
    tokens = np.zeros((800, 4), np.int16)
    tokens[:, 0], tokens[:, 1] = rng.integers(0, 4, 800), rng.integers(0, 3, 800)
    tokens[:, 2:] = rng.integers(0, 4, (800, 2))
    tokens[:5, 0] = 7  # too few to say anything
    moved = np.array([np.add(STEPS.get(a, (0, 0)), TURNS[b]) for a, b in tokens[:, :2].tolist()])
    moved[tokens[:, 0] == 3] = 0
    moved = moved + rng.normal(0, 0.002, moved.shape)
    return dataclasses.replace(base, tokens=tokens, displacement=moved.astype(np.float32))


@pytest.fixture(scope="module")
def record():
    return measure_meaning(known_index(), Nothing())


def test_the_first_token_means_what_moved(record):
    words = [said["word"] for said in record["codes"][0]]
    assert words[:4] == ["right", "left", "forward", "still"] and words[7] == ""
    assert record["target"] == "displacement" and record["num_pairs"] == 800
    right = record["codes"][0][0]
    assert right["strength"] > 0.9 and not right["adds"]
    assert right["motion"] == pytest.approx([0.1, 0.0], abs=0.01)
    assert record["codes"][0][7]["count"] == 5 < MIN_PAIRS


def test_a_later_token_means_what_it_adds_to_the_others(record):
    first, second, none = record["codes"][1][:3]
    assert (first["word"], second["word"]) == ("forward", "back") and first["adds"] and second["adds"]
    assert first["motion"][1] > 0.015 > -0.015 > second["motion"][1]
    assert none["word"] in ("little", "mixed")
    assert {said["word"] for said in record["codes"][2][:4]} <= {"little", "mixed"}, "noise was given a direction"


def test_tokens_without_an_order_are_all_described_by_their_pairs():
    codes = measure_meaning(known_index(is_shared=True), Nothing())["codes"]
    assert not any(said["adds"] for row in codes for said in row)
    assert codes[0][0]["word"] == "right" and codes[1][2]["word"] == "mixed"


class Conveyor(MovingSquare):
    """A source in which a textured patch goes right in even clips and left in odd ones, and nobody recorded it."""

    name = "conveyor"

    def __init__(self, names):
        self.records = [ClipRecord(name=name, num_frames=40, fps=10.0) for name in names]
        self._patch = np.kron(np.random.default_rng(0).integers(40, 220, (6, 6, 3)), np.ones((4, 4, 1)))

    def frames(self, i, indices):
        frames = np.full((len(indices), 96, 96, 3), 120, np.uint8)
        for frame, t in zip(frames, indices, strict=True):
            x = 8 + 2 * (t % 12) if i % 2 == 0 else 60 - 2 * (t % 12)
            frame[36:60, x : x + 24] = self._patch
        return frames


def test_where_nothing_was_recorded_the_picture_tells():
    base = make_index((60, 0, 0, 0))
    names, clip = ("a", "b"), np.arange(60, dtype=np.int32) % 2
    tokens = np.zeros((60, 4), np.int16)
    tokens[:, 0] = clip
    index = dataclasses.replace(
        base,
        tokens=tokens,
        clip=clip,
        clip_names=names,
        clip_instructions=("", ""),
        clip_splits=("", ""),
        t=(12 * (np.arange(60) % 2)).astype(np.int32),
        displacement=np.full((60, 2), np.nan, np.float32),
    )
    record = measure_meaning(index, Conveyor(names))
    assert record["target"] == "flow"
    right, left = record["codes"][0][:2]
    assert (right["word"], left["word"]) == ("right", "left")
    assert right["picture"][0] > 0.05 and left["picture"][0] < -0.05
    assert abs(right["picture"][0] - 12 / 96) < 0.05, "six frames at two pixels each"


def test_what_is_kept_is_read_again(record, tmp_path):
    save_meaning(record, tmp_path)
    meaning = load_meaning(tmp_path, record["laq"], (4, 8))
    right = meaning.of(0, 0)
    assert right.label == f"right {right.concentration:.1f}" and right.points
    assert meaning.of(0, 7).label == "" and "too few" in meaning.of(0, 7).sentence
    assert "adds" in meaning.of(1, 0).sentence and "800 pairs" in meaning.how


def test_what_cannot_be_believed_is_refused_with_what_to_do(record, tmp_path):
    with pytest.raises(LapaError, match="not measured.*--only-meaning"):
        load_meaning(tmp_path, record["laq"], (4, 8))
    save_meaning(record, tmp_path)
    with pytest.raises(LapaError, match="another quantizer"):
        load_meaning(tmp_path, "beef", (4, 8))
    with pytest.raises(LapaError, match="not tell of all"):
        load_meaning(tmp_path, record["laq"], (4, 16))
    whole = (tmp_path / FILE).read_text()
    bad = json.loads(whole)
    bad["codes"][0][0]["strength"] = float("nan")
    for text in (whole[:200], "[]", "{}", json.dumps(bad), "\0"):
        (tmp_path / FILE).write_text(text)
        with pytest.raises(LapaError, match="--only-meaning"):
            load_meaning(tmp_path, record["laq"], (4, 8))


def test_an_old_index_opens_without_meaning_and_says_how_to_get_it(bundle, tmp_path):
    explorer = Explorer.open()
    assert explorer.meaning is None and "--only-meaning" in explorer.meaning_note
    assert explorer.meanings(explorer.index.latent_action(0)) == ()
    folder = tmp_path / "index"
    shutil.copytree(bundle / "index", folder)
    save_meaning(measure_meaning(explorer.index, MovingSquare()), folder)
    told = Explorer.open(index=folder)
    assert told.meaning.laq == fingerprint(bundle / "laq") and told.meaning_note == ""
    assert len(told.meanings(told.index.latent_action(0))) == told.code_seq_len
