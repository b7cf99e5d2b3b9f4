"""Exports that start from a clip: the same bytes twice, the data of what is drawn, the command that makes it again."""

import csv
import hashlib
import json
import re
import shlex
import zlib

import numpy as np
import pytest

from lapa.cli import main
from lapa.data.video_writer import write_video
from lapa.types import LapaError
from viz.exports import settings as export_settings
from viz.exports import shots
from viz.exports.clips import export_clip
from viz.figures.film_frames import film_frames

KINDS = {
    "pair": export_settings.Pair(t=3),
    "ribbon": export_settings.Ribbon(),
    "sheet": export_settings.Sheet(t=2),
    "strip": export_settings.Strip(t=1, instruction="push the red block left", steps=3),
    "transfer": export_settings.Transfer(t=1, other_t=2, steps=3),
}


@pytest.fixture(scope="module")
def clip(explorer, clips):
    return explorer.open_clip(clips / "episode_000.mp4")


@pytest.fixture(scope="module")
def other(explorer, clips):
    return explorer.open_clip(clips / "episode_001.mp4")


def export(explorer, clip, other, kind, out, **more):
    given = {"facts": {"command": "x"}, "write_video": write_video, "other": other if kind == "transfer" else None}
    return export_clip(explorer, clip, KINDS[kind], out, **given | more)


def read_table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("kind", KINDS)
def test_twice_the_same_bytes_with_embedded_fonts(explorer, clip, other, kind, tmp_path):
    first = export(explorer, clip, other, kind, tmp_path / "a" / kind)
    second = export(explorer, clip, other, kind, tmp_path / "b" / kind)
    assert [path.suffix for path in first] == [".pdf", ".svg", ".png", ".csv", ".json"]
    for one, two in zip(first, second, strict=True):
        assert one.read_bytes() == two.read_bytes(), one.name
    assert embedded_fonts(first[0]), "a figure without letters would prove nothing"
    svg = first[1].read_text()
    assert "<text" not in svg and "font-family" not in svg and "dc:date" not in svg


def embedded_fonts(pdf) -> int:
    """Count the fonts of a PDF, each of which has to be TrueType with its outlines inside."""
    content = pdf.read_bytes()
    streams = [m.group(1) for m in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", content, re.S)]
    plain = content
    for stream in streams:
        try:
            plain += zlib.decompress(stream)
        except zlib.error:
            continue
    descriptors = re.findall(rb"/Type /FontDescriptor.*?>>", plain, re.S)
    assert b"/Type3" not in plain
    assert all(b"/FontFile2" in descriptor for descriptor in descriptors)
    return len(descriptors)


def test_a_film_is_the_same_twice_and_has_its_data_beside_it(explorer, clip, other, tmp_path):
    for suffix in ("gif", "mp4"):
        for folder in ("a", "b"):
            export(explorer, clip, other, "strip", tmp_path / folder / f"strip.{suffix}")
        assert (tmp_path / "a" / f"strip.{suffix}").read_bytes() == (tmp_path / "b" / f"strip.{suffix}").read_bytes()
    assert explorer.open_clip(tmp_path / "a" / "strip.mp4").num_frames == 4
    assert {"strip.csv", "strip.json"} <= {path.name for path in (tmp_path / "a").iterdir()}


def test_the_ribbons_table_is_what_the_quantizer_says(explorer, clip, other, tmp_path):
    export(explorer, clip, other, "ribbon", tmp_path / "r.svg")
    seen = explorer.encode_clip(clip)
    rows = read_table(tmp_path / "r.csv")
    assert [int(row["frame"]) for row in rows] == [t for t, _ in seen]
    tokens = [tuple(int(row[f"token_{i}"]) for i in range(4)) for row in rows]
    assert tokens == [action.tokens for _, action in seen]


def test_the_sheets_cells_differ_as_its_table_says(explorer, clip, other, tmp_path):
    export(explorer, clip, other, "sheet", tmp_path / "s.png")
    rows = read_table(tmp_path / "s.csv")
    sheet = shots.sheet_shot(explorer, clip, KINDS["sheet"])
    assert len(rows) == explorer.code_seq_len * explorer.codebook_size
    assert [row["tokens"] for row in rows if row["is_chosen"] == "1"] == [sheet.chosen.label] * explorer.code_seq_len
    for row in rows[::7]:
        picture = sheet.futures[int(row["position"]), int(row["code"])].astype(np.float32)
        chosen = sheet.futures[0, sheet.chosen.tokens[0]]
        assert float(row["mean_difference_to_chosen"]) == pytest.approx(np.abs(picture - chosen).mean() / 255, abs=1e-6)


def test_the_strips_table_names_the_pixels_and_how_likely_each_token_was(explorer, clip, other, tmp_path):
    export(explorer, clip, other, "strip", tmp_path / "s.png")
    rows = read_table(tmp_path / "s.csv")
    steps = list(explorer.rollout(clip.frames[1], "push the red block left", 3))
    dreamed = [row for row in rows if row["row"].startswith("dreamed")]
    assert [row["tokens"] for row in dreamed] == ["", *(step.latent_action.label for step in steps)]
    digest = hashlib.sha256(np.ascontiguousarray(steps[-1].frame).tobytes()).hexdigest()
    assert dreamed[-1]["pixels_sha256"] == digest
    greedy = [float(p.max()) for p in steps[0].distributions]
    assert [float(p) for p in dreamed[1]["probabilities"].split()] == pytest.approx(greedy, abs=1e-4)


def test_given_tokens_are_played_without_a_policy(explorer, clip):
    film = shots.strip_shot(explorer, clip, export_settings.Strip(t=0, tokens="3-0-7-1 2-2-0-5"))
    assert [action.label for action in film.rows[0].actions] == ["3-0-7-1", "2-2-0-5"]
    played = [step.frame for step in explorer.play(clip.frames[0], [(3, 0, 7, 1), (2, 2, 0, 5)])]
    assert np.array_equal(film.rows[0].frames[2], played[1])
    sizes = {frame.shape for frame in film_frames(film.rows, window_s=0.4)}
    assert len(sizes) == 1


def test_the_provenance_names_models_and_pixels(explorer, clip, other, tmp_path):
    given = {"command": "python -m lapa export transfer ..."}
    export(explorer, clip, other, "transfer", tmp_path / "t.png", facts=given)
    facts = json.loads((tmp_path / "t.json").read_text())
    assert facts["laq_sha256"] == explorer.sha256("laq") and facts["command"] == given["command"]
    assert facts["clip_pixels_sha256"] == hashlib.sha256(clip.frames.tobytes()).hexdigest()
    assert facts["data_sha256"] == hashlib.sha256((tmp_path / "t.csv").read_bytes()).hexdigest()
    assert 0 <= facts["agreement_there"] <= 1 and facts["other_clip"] == other.source


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("ribbon", ["--width", "column"]),
        ("strip", ["--t", "2", "--tokens", "3-0-7-1 2-2-0-5"]),
        ("transfer", ["--steps", "2", "--other", "squares/episode_002.mp4"]),
    ],
)
def test_the_command_of_the_provenance_run_as_written_gives_the_same(
    kind, options, bundles, clips, tmp_path, monkeypatch
):
    monkeypatch.setenv("LAPA_CHECKPOINTS", str(bundles))
    monkeypatch.chdir(clips.parent)
    out = tmp_path / "fig"
    assert main(["export", kind, "squares/episode_000.mp4", *options, "--device", "cpu", "--out", str(out)]) == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["fig.csv", "fig.json", "fig.pdf", "fig.png", "fig.svg"]
    first = {name: (tmp_path / name).read_bytes() for name in names}
    command = shlex.split(json.loads(first["fig.json"])["command"])
    for name in names:
        (tmp_path / name).unlink()
    assert command[:3] == ["python", "-m", "lapa"] and main(command[3:]) == 0
    for name in names:
        assert (tmp_path / name).read_bytes() == first[name], name


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["strip", "episode_000.mp4"], "either --instruction or --tokens"),
        (["strip", "episode_000.mp4", "--instruction", "x", "--steps", "0"], "shows nothing"),
        (["pair", "episode_000.mp4", "--out", "a.gif"], "is not a figure"),
        (["sheet", "episode_000.mp4", "--t", "-1"], "makes no sense"),
    ],
)
def test_wrong_usage_is_one_sentence(args, words, clips, bundles, monkeypatch, capsys):
    monkeypatch.setenv("LAPA_CHECKPOINTS", str(bundles))
    monkeypatch.chdir(clips)
    args = args if "--out" in args else [*args, "--out", "a.png"]
    assert main(["export", *args]) == 2
    error = capsys.readouterr().err
    assert words in error and error.startswith("error: ") and len(error.strip().splitlines()) == 1


def test_settings_from_a_page_are_checked():
    assert export_settings.read_settings("strip", {"t": 2, "tokens": "1-1-1-1"}).t == 2
    for kind, values in [("strip", {"t": "2"}), ("strip", {"nothing": 1}), ("strip", {"steps": 10**6}), ("x", {})]:
        with pytest.raises(LapaError):
            export_settings.read_settings(kind, values)
