"""Two models on the same transitions: Procrustes, what both indices share, and the figure on disk."""

import csv
import json
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from lapa.data.source import open_source
from lapa.types import LapaError
from viz.exports.common import encode_common, finish, shared_transitions
from viz.exports.compare import export_compare
from viz.figures.aligned import align, aligned_figure, residual_words


def cloud(n: int = 60) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(n, 5)) * (3, 2, 0.1, 0.1, 0.1)


def test_a_turned_mirrored_and_scaled_cloud_is_the_same_cloud():
    points = cloud()
    angle = 0.7
    turn = np.eye(5)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    aligned = align(points, 4.0 * (points @ turn) * (1, -1, 1, 1, 1) + 2.0)
    assert aligned.residual < 1e-3 and aligned.residual_full < 1e-9
    assert np.allclose(aligned.first, aligned.second, atol=1e-2)
    assert aligned.chance > 0.8 and "0.00" in residual_words(aligned)


def test_what_has_nothing_in_common_is_no_nearer_than_chance():
    aligned = align(cloud(), np.random.default_rng(9).normal(size=(60, 3)))
    assert aligned.residual > 0.85 and abs(aligned.residual - aligned.chance) < 0.15
    assert np.linalg.norm(aligned.second) == pytest.approx(1)  # both at one size, however little fits


def test_too_little_is_one_sentence():
    with pytest.raises(LapaError, match="too few"):
        align(cloud(3), cloud(3))
    with pytest.raises(LapaError, match="says the same"):
        align(cloud(), np.ones((60, 2)))


def test_the_figure_is_one_plotly_accepts_and_rings_the_selection():
    codes = np.arange(60) % 3
    figure = aligned_figure(align(cloud(), cloud()), codes, 8, names=("one", "other"), selected=4)
    go.Figure(data=figure["data"], layout=figure["layout"])
    assert sum(trace.get("marker", {}).get("symbol") == "circle-open" for trace in figure["data"]) == 4
    assert sum(trace["showlegend"] for trace in figure["data"]) == 3
    json.dumps(figure, allow_nan=False)


def test_shared_rows_are_the_same_clip_and_frame_in_both(index):
    order = np.random.default_rng(0).permutation(len(index))[:80]
    columns = ("tokens", "continuous", "clip", "t", "magnitude", "displacement", "pca", "umap")
    shuffled = replace(index, laq="other", **{name: getattr(index, name)[order] for name in columns})
    common = shared_transitions(index, shuffled)
    assert len(common.clips) == 80 and not common.is_encoded
    assert np.array_equal(common.tokens[0], common.tokens[1])
    assert common.find(common.clips[7], int(common.times[7])) == 7
    assert shared_transitions(index, replace(shuffled, data="elsewhere")) is None
    with pytest.raises(LapaError, match="cannot be coloured"):
        common.colours("first 9")


def test_the_export_writes_the_transitions_and_the_residual(explorer, clips, tmp_path):
    source = open_source(clips)
    common = finish(encode_common(explorer, explorer, source, 0.4, num_clips=3, per_clip=5))
    assert len(common.clips) == 15 and "3 clips" in common.origin
    for folder in ("a", "b"):
        files = export_compare(
            explorer,
            explorer,
            common,
            tmp_path / folder / "c",
            names=("one", "same"),
            about={"command": "python -m lapa ..."},
        )
    for path in files:
        assert path.read_bytes() == (tmp_path / "a" / path.name).read_bytes(), path.name
    facts = json.loads((tmp_path / "a" / "c.json").read_text())
    assert facts["residual"] == pytest.approx(0, abs=1e-6) and facts["first"]["sha256"] == explorer.sha256("laq")
    with open(tmp_path / "a" / "c.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["clip"] for row in rows] == list(common.clips)
    aligned = align(*common.continuous)
    assert float(rows[4]["x_second"]) == pytest.approx(aligned.second[4, 0], rel=1e-4)


def test_what_was_encoded_is_kept_so_that_a_stopped_job_goes_on(explorer, clips):
    source, kept, made = open_source(clips), {}, []

    def remember(key, make):
        if key not in kept:
            made.append(key)
            kept[key] = make()
        return kept[key]

    def job():
        return encode_common(explorer, explorer, source, 0.4, num_clips=4, per_clip=5, remember=remember)

    stopped = job()
    assert [next(stopped) for _ in range(3)] == [(0, 4), (1, 4), (2, 4)], "progress is told before the first clip, too"
    stopped.close()
    assert len(made) == 2, "one clip each: both are the same model here, which is asked once"
    again = finish(job())
    assert len(made) == 4
    fresh = finish(encode_common(explorer, explorer, source, 0.4, num_clips=4, per_clip=5))
    assert again.clips == fresh.clips and np.array_equal(again.tokens[1], fresh.tokens[0])
    assert np.array_equal(again.continuous[0], fresh.continuous[1])
    direct = explorer.encode(*source.frames(0, [int(again.times[3]), int(again.times[3] + 4)]))
    assert tuple(again.tokens[0][3].tolist()) == direct.tokens
