"""What is written beside videos: lines or a table, instructions under any usual name, nothing ignored in silence."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from lapa.data.folder import FolderSource
from lapa.types import LapaError
from tests.lapa.data.conftest import Movie


def only(folder: Path):
    (record,) = FolderSource(folder).records
    return record


@pytest.mark.parametrize(
    "table",
    [
        "file_name,instruction,split,fps,site\na.mp4,push it,val,5,7\n",
        "\ufefffile_name;instruction;split;fps;site\r\na.mp4;push it;val;5;7\r\n",
        "file_name\ttask\tsplit\ttrue_fps\tsite\na.mp4\tpush it\tval\t5\t7\n",
        'file_name, text, split, fps, site\n"a.mp4", "push it", val, 5.0, 7\n',
    ],
)
def test_a_table_says_the_same_as_lines(tmp_path: Path, movie: Movie, table: str):
    movie("a.mp4", 6)
    (tmp_path / "metadata.csv").write_text(table, encoding="utf-8")
    record = only(tmp_path)
    assert (record.instruction, record.split, record.fps, record.site) == ("push it", "val", 5, "7")


def test_a_comma_in_quotes_and_empty_cells(tmp_path: Path, movie: Movie):
    movie("a.mp4", 3)
    (tmp_path / "metadata.csv").write_text('file_name,fps,caption\na.mp4,,"push it, gently"\n')
    assert (only(tmp_path).instruction, only(tmp_path).fps) == ("push it, gently", 10)


@pytest.mark.parametrize(
    "content, sentence",
    [
        (b"name,instruction\na.mp4,push\n", "'.*/metadata.csv' has no column file_name: it has name, instruction"),
        (b"file_name,instruction\na.mp4,push it, gently\n", "line 2 of '.*metadata.csv' has other columns"),
        (b"file_name,instruction\na.mp4,K\xfcche\n", "is not valid UTF-8"),
        (b"file_name,fps\na.mp4,fast\n", "line 2 of '.*metadata.csv' has a frame rate of 'fast'"),
        (b"file_name,fps\n../a.mp4,1\n", "line 2 .* outside the folder"),
        (b"", "has no column file_name: it has none"),
    ],
)
def test_a_damaged_table_is_one_sentence(tmp_path: Path, movie: Movie, content: bytes, sentence: str):
    movie("a.mp4", 3)
    (tmp_path / "metadata.csv").write_bytes(content)
    with pytest.raises(LapaError, match=sentence):
        FolderSource(tmp_path)


@pytest.mark.parametrize(
    "row, instruction",
    [
        *[({key: "push it"}, "push it") for key in ("text", "task", "language_instruction", "caption", "prompt")],
        ({"instruction": "push", "task": "pull"}, "push"),
        ({"instruction": "", "task": "pull"}, "pull"),
        ({"language_instruction": ["push it", "shove it"]}, "push it"),
        ({"task": 5}, None),
        ({"task": "5", "text": "push it"}, "push it"),
        ({"text": None}, None),
    ],
)
def test_instructions_under_any_usual_name(tmp_path: Path, movie: Movie, row: dict, instruction: str | None):
    movie("a.mp4", 3)
    (tmp_path / "metadata.jsonl").write_text(json.dumps({"file_name": "a.mp4", **row}) + "\n")
    assert only(tmp_path).instruction == instruction


def test_what_is_not_used_is_named(tmp_path: Path, movie: Movie, caplog: pytest.LogCaptureFixture):
    movie("a.mp4", 3)
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "a.mp4", "weather": "rain", "text": "push"}\n')
    (tmp_path / "metadata.csv").write_text("file_name,text\na.mp4,pull\n")
    assert only(tmp_path).instruction == "push"
    assert "also has weather, which is not used" in caplog.text and "'metadata.csv' in" in caplog.text


def test_the_nearest_metadata_speaks_and_folders_called_train_and_test_are_splits(tmp_path: Path, movie: Movie):
    for name in ("train", "test"):
        (tmp_path / name).mkdir()
        movie(f"{name}/a.mp4", 3)
        (tmp_path / name / "metadata.csv").write_text(f"file_name,text\na.mp4,{name} it\n")
    (tmp_path / "metadata.csv").write_text("file_name,text\ntrain/a.mp4,far\n")
    records = FolderSource(tmp_path).records
    assert [(r.name, r.split, r.instruction) for r in records] == [
        ("test/a.mp4", "test", "test it"),
        ("train/a.mp4", "train", "train it"),
    ]


def test_accents_are_found_however_they_are_stored(tmp_path: Path, movie: Movie):
    movie("a.mp4", 3).rename(tmp_path / unicodedata.normalize("NFD", "Küche.mp4"))
    line = {"file_name": unicodedata.normalize("NFC", "Küche.mp4"), "text": "push"}
    (tmp_path / "metadata.jsonl").write_text(json.dumps(line))
    assert only(tmp_path).instruction == "push"
