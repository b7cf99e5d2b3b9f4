"""The Explorer over a tiny bundle on disk: every verb, its shapes, and every refusal."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from lapa.bundle import find_laq
from lapa.dream import LAQWorld, dream
from lapa.explorer import Explorer
from lapa.models.load import load_laq
from lapa.types import LapaError, LatentAction, Prediction
from tests.lapa.conftest import save_tiny_laq


@pytest.fixture
def explorer(bundle) -> Explorer:
    return Explorer.open()


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


def test_opening_tells_what_is_there(explorer):
    assert Explorer.bundles() == ("tabletop",)
    assert (explorer.code_seq_len, explorer.codebook_size, explorer.image_size) == (4, 8, 64)
    assert explorer.window_s == 0.2
    assert explorer.window_frames(30.0) == 6
    assert not explorer.has_policy
    assert explorer.has_index


def test_opening_is_light(bundle):
    code = "import sys; from lapa import Explorer; Explorer.open(); print(*(m for m in sys.modules if '.' not in m))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "torch" in loaded
    assert not {"umap", "transformers", "gradio", "accelerate", "mujoco", "sklearn", "matplotlib"} & set(loaded)


def test_encode_is_the_quantizers_answer_for_pictures_of_any_size(explorer):
    action = explorer.encode(picture(48, 80), picture(48, 80, 1))
    assert len(action.tokens) == 4
    assert action.tokens == tuple(action.distances.argmin(axis=1).tolist())
    assert all(0 <= margin <= 1 for margin in action.margins)


def test_encode_pairs_agrees_with_one_by_one_across_batches(explorer):
    frames, futures = [picture(32, 32, i) for i in range(40)], [picture(32, 32, 100 + i) for i in range(40)]
    together = explorer.encode_pairs(frames, futures)
    assert len(together) == 40
    for i in (0, 31, 32, 39):
        np.testing.assert_allclose(together[i].continuous, explorer.encode(frames[i], futures[i]).continuous, atol=1e-5)


def test_encode_clip_pairs_each_frame_with_its_future(explorer, video):
    clip = explorer.open_clip(video)
    actions = explorer.encode_clip(clip, stride=3)
    assert [t for t, _ in actions] == [0, 3, 6, 9]
    for t, action in actions:
        alone = explorer.encode(clip.frames[t], clip.frames[t + 2])
        assert action.tokens == alone.tokens
        np.testing.assert_allclose(action.continuous, alone.continuous, atol=1e-5)
        np.testing.assert_allclose(action.distances, alone.distances, atol=1e-4)


def test_a_window_beyond_the_clip_is_refused(explorer, video):
    with pytest.raises(LapaError, match="frames 0 to 11"):
        explorer.encode_clip(explorer.open_clip(video), window=12)


@pytest.mark.parametrize(
    ("size", "expected"), [((32, 64), (32, 64)), ((33, 47), (33, 47)), ((1440, 2560), (720, 1280))]
)
def test_decoded_pictures_keep_the_proportions(explorer, size, expected):
    assert explorer.decode(picture(*size), (3, 0, 7, 1)).shape == (*expected, 3)


def test_decode_many_agrees_with_one_by_one_and_tokens_matter(explorer):
    frame = picture(32, 32)
    actions = [(i % 8, i // 8, 0, 1) for i in range(40)]
    many = explorer.decode_many(frame, actions)
    assert many.shape == (40, 32, 32, 3)
    for i in (0, 33, 39):
        assert np.abs(many[i].astype(int) - explorer.decode(frame, actions[i])).max() <= 1
    assert (many[0] != many[1]).any()


@pytest.mark.parametrize("tokens", [(0, 0, 0), (0, 0, 0, 8), (0, 0, 0, -1)])
def test_tokens_that_are_no_latent_action_are_refused(explorer, tokens):
    with pytest.raises(LapaError):
        explorer.decode(picture(32, 32), tokens)


def test_play_feeds_the_decoder_its_own_pictures(explorer):
    frame = picture(64, 64)
    steps = list(explorer.play(frame, [(0, 1, 2, 3), (4, 5, 6, 7)]))
    assert [step.index for step in steps] == [0, 1]
    assert (steps[0].frame == explorer.decode(frame, (0, 1, 2, 3))).all()
    assert (steps[1].frame == explorer.decode(steps[0].frame, (4, 5, 6, 7))).all()
    assert steps[0].distributions is None


class Chooser:
    """A policy that follows the frame's brightness, to see what it is shown."""

    def predict(self, frame, instruction, *, temperature=0.0, top_k=0, rng=None):
        token = int(frame.mean()) % 8 if rng is None else int(rng.integers(8))
        action = LatentAction(tokens=(token, 0, 0, len(instruction) % 8), codebook_size=8)
        return Prediction(latent_action=action, distributions=np.full((4, 8), 0.125, np.float32))


def test_a_dream_is_lazy_endless_and_seeded(bundle):
    world = LAQWorld(load_laq(bundle / "laq"))

    def dreamed(seed: int) -> list:
        rng = np.random.default_rng(seed)
        steps = dream(Chooser(), world, picture(64, 64), "push", num_steps=10**9, temperature=1.0, rng=rng)
        return [next(steps).latent_action.tokens for _ in range(5)]

    assert dreamed(1) == dreamed(1)
    assert dreamed(1) != dreamed(2)


def test_a_dreaming_policy_sees_the_dreamed_frame(bundle):
    world = LAQWorld(load_laq(bundle / "laq"))
    steps = list(dream(Chooser(), world, picture(64, 64), "push", num_steps=3))
    for before, after in zip(steps, steps[1:], strict=False):
        assert after.latent_action.tokens[0] == int(before.frame.mean()) % 8


def test_without_a_policy_the_refusal_says_so_at_once(explorer):
    with pytest.raises(LapaError, match="no policy"):
        explorer.rollout(picture(32, 32), "push the red star")


@pytest.fixture
def dreamer(bundle, policy) -> Explorer:
    return Explorer.open(policy=policy)


def test_a_rollout_is_the_policy_in_the_quantizers_world(dreamer):
    frame = picture(64, 64)
    steps = list(dreamer.rollout(frame, "push the red star", num_steps=3))
    assert [step.index for step in steps] == [0, 1, 2]
    for before, step in zip([frame, *(step.frame for step in steps)], steps, strict=False):
        expected = dreamer.predict(before, "push the red star")
        assert step.latent_action.tokens == expected.latent_action.tokens
        np.testing.assert_allclose(step.distributions, expected.distributions, atol=1e-5)
        assert (step.frame == dreamer.decode(before, expected.latent_action)).all()


def test_predict_is_greedy_or_sampled_with_a_seed(dreamer):
    frame = picture(48, 64)
    greedy = dreamer.predict(frame, "push")
    assert greedy.latent_action.tokens == tuple(greedy.distributions.argmax(axis=1).tolist())
    np.testing.assert_allclose(greedy.distributions.sum(axis=1), 1, atol=1e-5)
    hot = {dreamer.predict(frame, "push", 5.0, seed).latent_action.tokens for seed in range(6)}
    assert len(hot) > 1
    assert dreamer.predict(frame, "push", 5.0, 3).latent_action.tokens in hot


def test_top_1_of_a_hot_rollout_is_the_greedy_one(dreamer):
    asked = (picture(48, 64), "push", 3)
    greedy, top, hot = (
        [step.latent_action.tokens for step in dreamer.rollout(*asked, **how)]
        for how in ({}, {"temperature": 5.0, "top_k": 1, "seed": 4}, {"temperature": 5.0, "seed": 4})
    )
    assert top == greedy != hot


def test_a_dream_can_be_gone_on_with_from_any_step_as_if_it_never_stopped(dreamer):
    whole = list(dreamer.rollout(picture(48, 96), "push", 4, stretch=False))
    again = list(dreamer.rollout(whole[1].frame, "push", 2, stretch=False))
    assert [step.latent_action.tokens for step in again] == [step.latent_action.tokens for step in whole[2:]]
    assert all((a.frame == b.frame).all() for a, b in zip(again, whole[2:], strict=True))
    played = list(dreamer.play(whole[1].frame, [step.latent_action for step in whole[2:]], stretch=False))
    assert (played[-1].frame == whole[-1].frame).all()


def test_what_is_taken_is_judged_and_has_to_fit(dreamer):
    frame = picture(48, 64)
    greedy = dreamer.predict(frame, "push")
    same = dreamer.predict(frame, "push", taken=greedy.latent_action)
    np.testing.assert_allclose(same.distributions, greedy.distributions, atol=1e-5)
    assert dreamer.predict(frame, "push", taken=(1, 2, 3, 4)).latent_action.tokens == (1, 2, 3, 4)
    with pytest.raises(LapaError, match="does not fit"):
        dreamer.predict(frame, "push", taken=(1, 2))


@pytest.mark.parametrize("instruction", ["", "   ", "x" * 10_000])
def test_an_instruction_that_says_nothing_or_too_much_is_refused_at_once(dreamer, instruction):
    with pytest.raises(LapaError, match="instruction"):
        dreamer.rollout(picture(64, 64), instruction)


@pytest.mark.parametrize("asked", [{"num_steps": 0}, {"temperature": -1.0}, {"top_k": -1}])
def test_rollouts_that_make_no_sense_are_refused_at_once(dreamer, asked):
    with pytest.raises(LapaError):
        dreamer.rollout(picture(64, 64), "push", **asked)


def test_a_policy_of_another_quantizer_is_refused(bundle, policy, tmp_path):
    other = save_tiny_laq(tmp_path / "mine", seed=1)
    with pytest.raises(LapaError, match="another quantizer"):
        Explorer.open(laq=other, policy=policy)


def test_neighbours_know_where_they_are_from(explorer):
    row = 7
    index = explorer.index
    found = explorer.neighbours(index.latent_action(row), k=3)
    assert found[0].row == row
    assert found[0].clip_name == index.clip_names[index.clip[row]]
    assert found[0].label == index.latent_action(row).label
    others = explorer.neighbours(index.latent_action(row), k=3, exclude_clip=found[0].clip_name)
    assert all(other.clip_name != found[0].clip_name for other in others)


def test_a_hand_made_action_stands_where_its_tokens_lead(explorer):
    """The sum of one code of each token's codebook, as the quantizer is residual."""
    index, tokens = explorer.index, (0, 1, 2, 3)
    point = sum(index.codebooks[position, token] for position, token in enumerate(tokens))
    distances = np.linalg.norm(index.continuous[:, 0] - point, axis=1)
    found = explorer.neighbours(tokens, k=5)
    assert [neighbour.row for neighbour in found] == np.argsort(distances, kind="stable")[:5].tolist()
    np.testing.assert_allclose([neighbour.distance for neighbour in found], np.sort(distances)[:5], atol=1e-5)
    assert explorer.neighbours((0, 1, 2, 4), k=1)[0].distance != pytest.approx(found[0].distance, abs=1e-6)


def test_pictures_of_a_row_are_its_transition(explorer, source):
    index, row = explorer.index, 9
    frame, _ = explorer.pictures(row)
    truth = source.frames(int(index.clip[row]), [int(index.t[row])])[0]
    assert frame.shape == (16, 16, 3)
    assert abs(frame.mean() - truth.mean()) < 6


def test_novelty_tells_training_frames_from_noise(explorer, source):
    known = explorer.novelty(source.frames(2, [4])[0])
    strange = explorer.novelty(picture(32, 32))
    assert known.inside
    assert strange.score > max(1.0, known.score)
    assert not strange.inside
    assert f"{strange.score:.1f}x" in strange.sentence


def test_a_missing_bundle_names_those_that_are_there(bundle):
    with pytest.raises(LapaError, match="no bundle 'droids'.*tabletop"):
        Explorer.open("droids")


def test_a_checkpoint_of_another_kind_is_refused(bundle):
    with pytest.raises(LapaError, match="kind 'index'"):
        Explorer.open(laq=bundle / "index")


def test_a_quantizer_of_ones_own_leaves_the_bundles_index_behind(bundle, tmp_path):
    other = save_tiny_laq(tmp_path / "mine", seed=1)
    explorer = Explorer.open(laq=other)
    assert explorer.index is None
    with pytest.raises(LapaError, match="no index"):
        explorer.novelty(picture(32, 32))


def age(path: Path) -> None:
    """Make an index look as if an older version of this program had written it."""
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | {"format_version": 1}))


def test_an_old_index_is_refused_but_stands_in_nobodys_way(bundle, tmp_path, monkeypatch):
    shutil.copytree(bundle.parent, tmp_path / "checkpoints")
    monkeypatch.setenv("LAPA_CHECKPOINTS", str(tmp_path / "checkpoints"))
    laq = tmp_path / "checkpoints" / "tabletop" / "laq"
    age(laq.parent / "index")
    with pytest.raises(LapaError, match="rebuild it with 'python -m lapa index"):
        Explorer.open()
    assert find_laq("tabletop") == laq  # what `lapa index` needs to rebuild it
    assert not Explorer.open(laq=laq).has_index
    with pytest.raises(LapaError, match="rebuild it"):
        Explorer.open(laq=laq, index=laq.parent / "index")


def test_an_index_of_another_quantizer_is_refused(bundle, tmp_path):
    other = save_tiny_laq(tmp_path / "mine", seed=1)
    with pytest.raises(LapaError, match="another quantizer"):
        Explorer.open(laq=other, index=bundle / "index")


def test_a_checkpoint_that_does_not_say_its_window_is_refused(bundle, tmp_path):
    path = save_tiny_laq(tmp_path / "mine")
    config = Path(path / "config.json")
    config.write_text(config.read_text().replace("window_s", "window"))
    with pytest.raises(LapaError, match="window"):
        Explorer.open(laq=path)


def test_threads_share_one_explorer(explorer):
    frames = [picture(32, 32, i) for i in range(8)]
    alone = [explorer.encode(frame, frames[0]).tokens for frame in frames]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda frame: explorer.encode(frame, frames[0]).tokens, frames * 5))
    assert together == alone * 5
