"""The index: what it holds is true, it survives the disk, and it refuses another quantizer."""

import dataclasses
import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from sklearn.manifold import trustworthiness

from lapa.checkpoint import fingerprint
from lapa.data.transitions import Transitions
from lapa.frames import resize, to_pixels
from lapa.index import COLUMNS, group_by_code, load_index, nearest, save_index
from lapa.index_build import IndexConfig, build_index, with_following
from lapa.models.load import load_laq
from lapa.novelty import fit_novelty
from lapa.types import LapaError
from tests.lapa.conftest import WINDOW_S, MovingSquare


@pytest.fixture(scope="module")
def index(checkpoints, source):
    laq = checkpoints / "tabletop" / "laq"
    config = IndexConfig(num_rows=40, thumb_size=16)
    return build_index(load_laq(laq), source, config, laq_sha256=fingerprint(laq), window_s=WINDOW_S)


def test_rows_say_what_the_quantizer_says(index, checkpoints, source):
    laq = load_laq(checkpoints / "tabletop" / "laq")
    for row in (0, 17, 39):
        i, t = int(index.clip[row]), int(index.t[row])
        frame, future = source.frames(i, [t, t + index.window])
        encoding = laq.encode(to_pixels([frame], 64), to_pixels([future], 64))
        assert encoding.tokens[0].tolist() == index.tokens[row].tolist()
        np.testing.assert_allclose(encoding.continuous[0].numpy(), index.continuous[row], atol=1e-4)
        assert index.magnitude[row] == pytest.approx(
            np.abs(to_pixels([frame], 64).numpy() - to_pixels([future], 64).numpy()).mean(), abs=1e-6
        )
        small = [resize(resize(picture, 64, 64), 16, 16) for picture in (frame, future)]
        np.testing.assert_array_equal(index.thumbs[row], small)


def test_an_index_knows_the_codes_of_every_token(index, checkpoints):
    laq = load_laq(checkpoints / "tabletop" / "laq")
    np.testing.assert_array_equal(index.codebooks, laq.codebooks.numpy())
    assert index.continuous.shape == (40, laq.quantizer.num_latents, 8) == (40, 1, 8)
    assert not index.is_shared
    assert dataclasses.replace(index, codebooks=np.repeat(index.codebooks[:1], 4, axis=0)).is_shared


def test_batches_do_not_change_what_is_in_an_index(index, checkpoints, source):
    laq = checkpoints / "tabletop" / "laq"
    config = IndexConfig(num_rows=40, thumb_size=16, batch_size=3)
    again = build_index(load_laq(laq), source, config, laq_sha256=fingerprint(laq), window_s=WINDOW_S)
    for name in ("tokens", "clip", "t", "thumbs"):
        np.testing.assert_array_equal(getattr(again, name), getattr(index, name))
    for name in ("continuous", "magnitude", "novelty_center"):
        np.testing.assert_allclose(getattr(again, name), getattr(index, name), atol=1e-5)


def test_displacement_is_the_motion_over_the_window(index, source):
    row = 11
    states, t = source.states(int(index.clip[row])), index.t[row]
    assert index.window == 2
    np.testing.assert_array_equal(index.displacement[row], (states[t + 2] - states[t])[:2])


def test_rows_are_spread_evenly_over_the_clips_and_differ(index):
    assert set(np.bincount(index.clip).tolist()) == {6, 7}
    assert len({(c, t) for c, t in zip(index.clip.tolist(), index.t.tolist(), strict=True)}) == 40


def test_what_follows_a_transition_is_what_the_quantizer_says_one_window_later(index, checkpoints, source):
    laq = load_laq(checkpoints / "tabletop" / "laq")
    ends = index.t + 2 * index.window >= source.records[0].num_frames
    np.testing.assert_array_equal((index.following == -1).all(axis=1), ends)
    assert 0 < ends.sum() < 40
    for row in np.flatnonzero(~ends)[[0, 9, -1]]:
        t = int(index.t[row]) + index.window
        frame, future = source.frames(int(index.clip[row]), [t, t + index.window])
        encoding = laq.encode(to_pixels([frame], 64), to_pixels([future], 64))
        assert encoding.tokens[0].tolist() == index.following[row].tolist()


def test_a_clip_read_for_what_follows_leaves_the_rows_as_they_were(source):
    own = Transitions(clip=np.array([0, 0, 2]), t=np.array([1, 3, 9]), window=np.array([2, 2, 2]))
    both, place, after = with_following(source, own)
    assert list(zip(both.clip.tolist(), both.t.tolist())) == [(0, 1), (0, 3), (0, 3), (0, 5), (2, 9)]
    assert both.t[place].tolist() == [1, 3, 9]
    assert both.t[after[:2]].tolist() == [3, 5] and after[2] == -1


def test_an_index_knows_what_its_data_set_says_of_clips_and_how_far_to_trust_the_map(checkpoints, tmp_path):
    source = MovingSquare()
    source.records = [
        dataclasses.replace(record, embodiment="hand" if i % 2 else "arm", success=(None, True, False)[i % 3])
        for i, record in enumerate(source.records)
    ]
    laq = load_laq(checkpoints / "tabletop" / "laq")
    built = build_index(laq, source, IndexConfig(num_rows=40, thumb_size=0), laq_sha256="x", window_s=WINDOW_S)
    loaded = load_index(save_index(built, tmp_path / "index"))
    assert loaded.clip_facts == {
        "embodiment": ("arm", "hand", "arm", "hand", "arm", "hand"),
        "success": ("", "yes", "no", "", "yes", "no"),
    }
    flat = built.continuous.reshape(40, -1)
    for name in ("pca", "umap"):
        assert loaded.trustworthiness[name] == pytest.approx(
            trustworthiness(flat, getattr(built, name), n_neighbors=10), abs=1e-3
        )


def test_an_index_from_before_these_columns_is_still_read(index, tmp_path):
    path = save_index(index, tmp_path / "index")
    arrays = load_file(path / "arrays.safetensors")
    del arrays["following"]
    save_file(arrays, path / "arrays.safetensors")
    config = json.loads((path / "config.json").read_text())
    del config["clip_facts"], config["trustworthiness"]
    (path / "config.json").write_text(json.dumps(config))
    old = load_index(path)
    assert old.following is None and old.clip_facts == {} and old.trustworthiness == {}
    np.testing.assert_array_equal(old.tokens, index.tokens)


def test_an_index_survives_the_disk(index, tmp_path):
    loaded = load_index(save_index(index, tmp_path / "index"), index.laq)
    for name in COLUMNS:
        np.testing.assert_allclose(getattr(loaded, name), getattr(index, name), atol=2e-2, rtol=2e-3)
    np.testing.assert_array_equal(loaded.following, index.following)
    assert loaded.clip_names == index.clip_names
    assert loaded.thumbs.shape == (40, 2, 16, 16, 3)
    # WebP is lossy, so a wrong order of tiles must be told from noise: every picture is nearest to itself.
    pixels, kept = (x.thumbs.reshape(80, -1).astype(float) for x in (index, loaded))
    assert np.abs(kept - pixels).mean() < 8
    nearest_of_all = np.abs(kept[:, None] - pixels[None]).mean(axis=2).min(axis=1)
    assert (nearest_of_all >= np.abs(kept - pixels).mean(axis=1) - 1).all()


def test_sheets_hold_more_pictures_than_one_row(tmp_path, index):
    big = dataclasses.replace(index, thumbs=np.random.default_rng(0).integers(0, 255, (40, 2, 256, 256, 3), np.uint8))
    loaded = load_index(save_index(big, tmp_path / "big"))
    means = [x.thumbs.reshape(80, -1, 3)[:, :, 0].mean(axis=1) for x in (big, loaded)]
    np.testing.assert_allclose(*means, atol=2)


def test_an_index_without_pictures_has_none(checkpoints, source, tmp_path):
    laq = checkpoints / "tabletop" / "laq"
    config = IndexConfig(num_rows=8, thumb_size=0)
    bare = build_index(load_laq(laq), source, config, laq_sha256="x", window_s=WINDOW_S)
    assert load_index(save_index(bare, tmp_path / "bare")).thumbs is None


def test_another_quantizer_is_refused_with_the_way_out(index, tmp_path):
    path = save_index(index, tmp_path / "index")
    with pytest.raises(LapaError, match="built with another quantizer.*python -m lapa index"):
        load_index(path, "0" * 64)


def test_an_index_of_the_old_format_is_refused_with_the_way_out(index, tmp_path):
    path = save_index(index, tmp_path / "index")
    config = json.loads((path / "config.json").read_text())
    assert config["format_version"] == 2
    (path / "config.json").write_text(json.dumps(config | {"format_version": 1}))
    with pytest.raises(LapaError, match="format version 1.* reads version 2: rebuild it with 'python -m lapa index"):
        load_index(path)


@pytest.mark.parametrize("damage", ["arrays", "sheet", "facts"])
def test_a_damaged_index_is_one_sentence(index, tmp_path, damage):
    path = save_index(index, tmp_path / "index")
    if damage == "arrays":
        (path / "arrays.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{}")
    elif damage == "sheet":
        (path / "thumbs_0.webp").write_bytes(b"no picture")
    else:
        config = json.loads((path / "config.json").read_text())
        del config["clip_names"]
        (path / "config.json").write_text(json.dumps(config))
    with pytest.raises(LapaError, match="damaged"):
        load_index(path)


def test_the_nearest_row_to_a_row_is_itself_then_others_in_order(index):
    rows, distances = nearest(index, index.continuous[5], 6)
    assert rows[0] == 5
    assert distances[0] == pytest.approx(0.0, abs=1e-6)
    assert (np.diff(distances) >= 0).all()


def test_ties_at_the_edge_keep_the_order_of_rows(index):
    same = dataclasses.replace(index, continuous=np.zeros_like(index.continuous))
    rows, distances = nearest(same, same.continuous[5], 7)
    assert rows.tolist() == list(range(7)) and not distances.any()
    assert len(nearest(index, index.continuous[5], 0)[0]) == 0


def test_neighbours_in_the_same_clip_can_be_left_out(index):
    name = index.clip_names[index.clip[5]]
    rows, _ = nearest(index, index.continuous[5], 1000, exclude_clip=name)
    assert len(rows) == 40 - (index.clip == index.clip[5]).sum()
    assert (index.clip[rows] != index.clip[5]).all()


def test_groups_hold_every_row_once_most_frequent_first(index):
    groups = group_by_code(index)
    assert sorted(np.concatenate(list(groups.values())).tolist()) == list(range(40))
    assert all((index.codes[rows] == code).all() for code, rows in groups.items())
    sizes = [len(rows) for rows in groups.values()]
    assert sizes == sorted(sizes, reverse=True)


def test_splits_choose_clips(checkpoints):
    source = MovingSquare(splits=("train", "validation"))
    laq = load_laq(checkpoints / "tabletop" / "laq")
    index = build_index(laq, source, IndexConfig(splits=("validation",)), laq_sha256="x", window_s=WINDOW_S)
    assert set(index.clip_splits) == {"validation"}


def test_novelty_is_one_at_the_edge_of_frames_of_other_clips():
    rng = np.random.default_rng(0)
    features, clips = rng.normal(size=(400, 16)).astype(np.float32), np.repeat(np.arange(40), 10)
    center, axes, scale = fit_novelty(features, clips, rng)
    seen = np.linalg.norm((rng.normal(size=(2000, 16)) - center) @ axes.T, axis=1) / scale[1]
    far = np.linalg.norm((rng.normal(size=(100, 16)) + 5 - center) @ axes.T, axis=1) / scale[1]
    assert 0.95 < (seen <= 1).mean() < 1
    assert (far > 1.5).all()
