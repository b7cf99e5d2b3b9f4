"""Statistics as LeRobot keeps them: of every episode and feature, counted in frames, with quantiles."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from lapa.data.lerobot_stats import QUANTILES, joined_stats, picture_stats, vector_stats
from lapa.data.lerobot_writer import CAMERA, has_shard
from tests.lapa.data.test_lerobot import LENGTHS, dataset, episode  # noqa: F401

KINDS = {"min", "max", "mean", "std", "count", *QUANTILES}


def frames(num, seed=0):
    return np.random.default_rng(seed).integers(0, 256, size=(num, 20, 30, 3)).astype(np.uint8)


def test_pictures_are_counted_in_frames_and_measured_in_colours():
    some, pixels = picture_stats(frames(7)), frames(7).reshape(-1, 3) / 255
    assert some["count"] == [7] and set(some) == KINDS and np.shape(some["q50"]) == np.shape(some["mean"]) == (3, 1, 1)
    for name, wanted in {
        "min": pixels.min(0),
        "max": pixels.max(0),
        "mean": pixels.mean(0),
        "std": pixels.std(0),
    }.items():
        assert np.ravel(some[name]) == pytest.approx(wanted, abs=1e-9), name
    for name, share in QUANTILES.items():
        assert np.ravel(some[name]) == pytest.approx(np.quantile(pixels, share, axis=0), abs=1 / 255), name


def test_long_episodes_and_large_pictures_are_looked_at_in_part():
    assert picture_stats(np.zeros((120, 8, 8, 3), np.uint8))["count"] == [100]
    assert picture_stats(np.zeros((1000, 2, 2, 3), np.uint8))["count"] == [177]
    wide = np.zeros((1, 4, 600, 3), np.uint8)
    wide[:, ::4, ::4] = 255
    assert np.ravel(picture_stats(wide)["mean"]).tolist() == [1.0] * 3, "every fourth pixel"


def test_parts_together_are_the_whole():
    parts, whole = (
        [picture_stats(frames(5)), picture_stats(frames(9, seed=1))],
        np.concatenate([frames(5), frames(9, 1)]),
    )
    both, truth = joined_stats(parts), picture_stats(whole)
    assert both["count"] == truth["count"] == [14]
    for name in ("min", "max", "mean", "std"):
        np.testing.assert_allclose(both[name], truth[name], atol=1e-9)
    assert np.shape(both["q99"]) == (3, 1, 1) and np.all(np.array(both["q01"]) <= np.array(truth["q01"]))


def test_every_episode_carries_them(dataset):  # noqa: F811
    rows = pq.read_table(dataset / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    info = json.loads((dataset / "meta" / "info.json").read_text())
    for i, row in enumerate(rows):
        for name in info["features"]:
            assert {f"stats/{name}/{kind}" for kind in KINDS} <= set(row), name
            assert row[f"stats/{name}/count"] == [LENGTHS[i]], f"{name} is counted in frames"
        grey = episode(i).frames.mean() / 255
        assert np.ravel(row[f"stats/{CAMERA}/mean"]) == pytest.approx([grey] * 3, abs=1e-6)
        assert row["stats/action/q50"] == pytest.approx(np.median(episode(i).actions, axis=0).tolist(), abs=1e-6)
        assert np.shape(row[f"stats/{CAMERA}/q10"]) == (3, 1, 1) and np.shape(row["stats/timestamp/min"]) == (1,)
    stats = json.loads((dataset / "meta" / "stats.json").read_text())
    assert set(stats) == set(info["features"]) and stats[CAMERA]["count"] == [sum(LENGTHS)]
    assert stats["observation.state"] == vector_stats(np.concatenate([episode(i).states for i in range(4)]))


def test_a_shard_of_an_older_version_is_made_again(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"episodes": [{"length": 3}], "pixels": {}}))
    assert not has_shard(tmp_path, "a")
