"""Import, the policy's verbs, devices and precisions, and the way back."""

import dataclasses
import json
import os
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from lapa.checkpoint import fingerprint, read_config, save_checkpoint
from lapa.cli import main
from lapa.models.action_bins import ActionBins
from lapa.models.load_policy import load_policy, load_robot
from lapa.protocols import Policy
from lapa.released import policy_import
from lapa.released.action_bins_csv import read_bins, write_bins
from lapa.released.policy import load_released_policy, picture_size
from lapa.released.policy_export import export_policy
from lapa.released.policy_import import ImportPolicyConfig, import_policy
from lapa.released.policy_store import INDEX, Shards
from lapa.types import LapaError
from tests.lapa.released.conftest import EYES, SHAPE, random_leaves, shared, vqgan_tree, write_params

HEADS = ImportPolicyConfig(num_heads=SHAPE.num_heads)
ACTING = SHAPE.__class__(**{**SHAPE.__dict__, "num_actions": 9})
CSV = "0,1,2,3\n-1.0,0.0,1.0,2.0\n-0.5,0.5,1.5,\n"


@pytest.fixture(scope="module")
def policy(imported):
    return load_released_policy(imported, precision="fp32")


def test_it_answers_the_policy_protocol(policy, picture):
    assert isinstance(policy, Policy) and policy.window_s == 0.6 and policy.prior.shape == (4, 8)
    found = policy.predict(picture, "push the red star")
    assert found.distributions.shape == (4, 8) and np.allclose(found.distributions.sum(1), 1, atol=1e-5)
    assert found.latent_action.tokens == tuple(found.distributions.argmax(1))


def test_a_batch_is_what_its_frames_are_alone(policy, picture):
    frames, texts = [picture, picture[:, ::-1], picture[::-1]], ["push", "push the red star to the left", "take"]
    together = policy.predict_many(frames, texts)
    for one, frame, text in zip(together, frames, texts):
        alone = policy.predict(frame, text)
        assert alone.latent_action.tokens == one.latent_action.tokens
        assert np.allclose(alone.distributions, one.distributions, atol=1e-4)
    tokens = np.array([one.latent_action.tokens for one in together])
    logs = policy.log_probs(frames, texts, tokens)
    assert np.allclose(np.exp(logs), [one.distributions for one in together], atol=1e-4)
    assert len({one.distributions.tobytes() for one in together}) == 3


def test_sampling_follows_the_distribution_and_the_seed(policy, picture):
    def draw(seed: int):
        return policy.predict(picture, "push", temperature=1.0, rng=np.random.default_rng(seed))

    drawn = [draw(seed) for seed in range(16)]
    assert drawn[7].latent_action.tokens == draw(7).latent_action.tokens
    first, tokens = drawn[0].distributions[0], [one.latent_action.tokens for one in drawn]
    entropy = -(first * np.log(first)).sum()
    assert entropy > 0.3  # there is something to draw
    assert abs(np.mean([-np.log(first[row[0]]) for row in tokens]) - entropy) < 0.5
    assert any(2 in row[:3] for row in tokens)  # a two is a token like any other
    with pytest.raises(LapaError, match="instruction is empty"):
        policy.predict(picture, " ")


def test_the_picture_and_the_instruction_matter(policy, picture):
    base = policy.predict(picture, "push the red star").distributions
    assert np.abs(policy.predict(picture, "take the pot").distributions - base).max() > 1e-3
    assert np.abs(policy.predict(255 - picture, "push the red star").distributions - base).max() > 1e-3


@pytest.mark.parametrize("memory", ["20KiB", "120KiB", "2MiB"])
def test_what_does_not_fit_stays_on_disk_and_gives_the_same_answer(imported, policy, picture, memory):
    spread = load_released_policy(imported, precision="fp32", device_map="auto", max_memory={"cpu": memory})
    kept = {p.device.type for p in spread.net.parameters()}
    assert "meta" in kept
    assert np.allclose(
        spread.predict(picture, "push").distributions, policy.predict(picture, "push").distributions, atol=1e-6
    )


def test_bf16_is_near_and_an_unknown_precision_refused(imported, policy, picture):
    half = load_released_policy(imported)
    assert next(half.net.parameters()).dtype == torch.bfloat16
    near = half.predict(picture, "push").distributions[0]
    assert np.abs(near - policy.predict(picture, "push").distributions[0]).max() < 0.1
    with pytest.raises(LapaError, match="no precision"):
        load_released_policy(imported, precision="7bit")


@pytest.mark.parametrize("precision, kind", [("8bit", "Linear8bitLt"), ("4bit", "Linear4bit")])
def test_few_bits_are_near(tmp_path, released_files, picture, precision, kind):
    pytest.importorskip("bitsandbytes")
    shape = SHAPE.__class__(**{**SHAPE.__dict__, "width": 128, "hidden": 256})  # bitsandbytes packs 64 at a time
    files = released_files | {"params": write_params(tmp_path / "params", random_leaves(shape))}
    out = import_policy(**files, out=tmp_path / "policy", config=HEADS)
    few = load_released_policy(out, precision=precision)
    assert type(few.net.language.layers[0].mlp.gate_proj).__name__ == kind
    exact = load_released_policy(out).predict(picture, "push").distributions[0]
    assert np.abs(few.predict(picture, "push").distributions[0] - exact).max() < 0.15


def test_few_bits_without_bitsandbytes_is_one_clear_sentence(imported):
    if subprocess.run([sys.executable, "-c", "import bitsandbytes"], capture_output=True).returncode == 0:
        pytest.skip("bitsandbytes is installed")
    with pytest.raises(LapaError, match="pip install bitsandbytes"):
        load_released_policy(imported, precision="4bit")


def test_import_says_where_everything_is_from_and_a_second_time_does_nothing(imported, released_files):
    config, record = read_config(imported, "policy"), json.loads((imported / "provenance.json").read_text())
    assert config["model"]["architecture"] == "released" and config["parents"] == {}
    assert record["params"]["bytes"] == released_files["params"].stat().st_size and len(record["leaves"]) == 16
    assert set(record["vqgan"]) == {"name", "bytes", "sha256"} and not (imported / ".import.json").exists()
    before = {p: p.stat().st_mtime_ns for p in imported.iterdir()}
    assert import_policy(**released_files, out=imported, config=HEADS) == imported
    assert {p: p.stat().st_mtime_ns for p in imported.iterdir()} == before


def test_a_finished_import_made_otherwise_is_refused_until_it_may_be_overwritten(tmp_path, released_files, capsys):
    robot = write_params(tmp_path / "robot", random_leaves(ACTING, seed=3))
    for name, text in (("bins", CSV), ("others", CSV.replace("2.0", "3.0"))):
        (tmp_path / f"{name}.csv").write_text(text)

    def run(*more: str, params=robot, bins="bins.csv", code: int = 0) -> str:
        argv = ["--vqgan", str(released_files["vqgan"]), "--tokenizer", str(released_files["tokenizer"])]
        argv += ["--num-heads", "2", "--out", str(tmp_path / "out")]
        argv += ["--bins", str(tmp_path / bins)] if bins else []
        assert main(["import-released", "policy", str(params), *argv, *more]) == code
        printed = capsys.readouterr()
        return printed.err if code else printed.out

    def inside() -> dict:
        return {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir() if p.is_file()}

    said, before = run(), inside()
    assert run() == said and "a robot of 2 layers" in said
    assert "rope_base 50000000.0 instead of 10000.0" in run("--rope-base", "10000", code=2)
    assert "crop true instead of false" in run("--no-crop", code=2)
    assert "bins" in run(bins="others.csv", code=2) and "instead of nothing" in run(bins="", code=2)
    refusal = run(params=released_files["params"], bins="", code=2)
    assert "kind robot instead of policy" in refusal and "--overwrite" in refusal
    assert inside() == before
    run("--overwrite", bins="others.csv")
    assert all(inside()[name] != before[name] for name in ("action_bins.csv", "actions.json"))
    assert "a policy of 2 layers" in run("--overwrite", params=released_files["params"], bins="")
    assert not {"actions.json", "action_bins.csv"} & set(inside())
    load_released_policy(tmp_path / "out")


def test_what_another_command_wrote_is_never_taken_for_an_import(tmp_path, released_files):
    out = save_released_laq(tmp_path / "laq")
    for overwrite in (False, True):
        with pytest.raises(LapaError, match="holds a laq that was not imported"):
            import_policy(**released_files, out=out, config=HEADS, overwrite=overwrite)
    assert read_config(out)["kind"] == "laq" and not (out / INDEX).exists()


def test_a_stopped_import_goes_on_where_it_was(tmp_path, released_files, imported, monkeypatch):
    out, written = tmp_path / "out", []
    real = policy_import.write_shard

    def stops(folder, name, tensors):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(name)
        return real(folder, name, tensors)

    monkeypatch.setattr(policy_import, "write_shard", stops)
    with pytest.raises(KeyboardInterrupt):
        import_policy(**released_files, out=out, config=HEADS)
    with pytest.raises(LapaError, match="not a checkpoint"):
        load_released_policy(out)
    first = {name: (out / f"model-{name}.safetensors").stat().st_mtime_ns for name in written}
    monkeypatch.setattr(policy_import, "write_shard", real)
    import_policy(**released_files, out=out, config=HEADS)
    assert first == {name: (out / f"model-{name}.safetensors").stat().st_mtime_ns for name in written}
    assert (out / INDEX).read_bytes() == (imported / INDEX).read_bytes()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("scanned", [True, False])
@pytest.mark.parametrize("chunk_bytes", [2**30, 3000])
def test_import_then_export_is_the_same_file(tmp_path, released_files, dtype, scanned, chunk_bytes):
    leaves = random_leaves(SHAPE, dtype=dtype, scanned=scanned)
    files = released_files | {"params": write_params(tmp_path / "params", leaves, chunk_bytes=chunk_bytes)}
    import_policy(**files, out=tmp_path / "policy", config=HEADS)
    assert Shards(tmp_path / "policy").dtype() == dtype
    back = export_policy(tmp_path / "policy", tmp_path / "back")
    assert (back / "params").read_bytes() == files["params"].read_bytes()
    assert (back / "tokenizer.model").read_bytes() == files["tokenizer"].read_bytes()
    with pytest.raises(LapaError, match="there already"):
        export_policy(tmp_path / "policy", tmp_path / "back")


@pytest.mark.parametrize("prefix", [("params",), ("params", "params")])
def test_a_training_state_keeps_its_prefix(tmp_path, released_files, prefix):
    params = write_params(tmp_path / "params", random_leaves(SHAPE), prefix=prefix)
    alone = params.read_bytes()
    with open(params, "ab") as file:
        file.write(b"\x92\x91\xa4step\xc4\x01\x05")
    import_policy(**(released_files | {"params": params}), out=tmp_path / "policy", config=HEADS)
    assert (export_policy(tmp_path / "policy", tmp_path / "back") / "params").read_bytes() == alone


def test_an_array_in_one_piece_stays_in_one_whatever_its_size(tmp_path, released_files, monkeypatch):
    """Only a saver that cuts at 2^30 bytes may cut there; here the limit is smaller than the arrays."""
    params = write_params(tmp_path / "params", random_leaves(SHAPE))
    monkeypatch.setattr(policy_import, "CHUNK_BYTES", 1000)
    import_policy(**(released_files | {"params": params}), out=tmp_path / "policy", config=HEADS)
    assert (export_policy(tmp_path / "policy", tmp_path / "back") / "params").read_bytes() == params.read_bytes()


@pytest.mark.parametrize("folder, file", [("official_policy", "params_chunked"), ("official_policy_action", "params")])
def test_official_files_come_back_the_same(tmp_path, released_files, folder, file):
    files = released_files | {"params": shared(folder) / file}
    import_policy(**files, out=tmp_path / "policy", config=ImportPolicyConfig(num_heads=4))
    export_policy(tmp_path / "policy", tmp_path / "back")
    assert (tmp_path / "back" / "params").read_bytes() == files["params"].read_bytes()


def test_a_robot_policy_is_read_acts_and_is_written_back(tmp_path, released_files, picture):
    bins = tmp_path / "bins.csv"
    bins.write_text(CSV)
    files = released_files | {"params": write_params(tmp_path / "params", random_leaves(ACTING, seed=3))}
    out = import_policy(**files, out=tmp_path / "robot", config=HEADS, bins=bins)
    robot = load_robot(out, tmp_path / "unused", precision="fp32")
    actions = {tuple(robot.act(picture, "push", temperature=1.0, rng=np.random.default_rng(i))) for i in range(12)}
    assert {x for x, _ in actions} <= {-0.5, 0.5, 1.5} and {grip for _, grip in actions} <= {0.0, 1.0}
    assert len(actions) > 1 and tuple(robot.act(picture, "push")) == tuple(robot.act(picture, "push"))
    export_policy(out, tmp_path / "back")
    assert (tmp_path / "back" / "params").read_bytes() == files["params"].read_bytes()
    assert (tmp_path / "back" / "action_bins.csv").read_text() == CSV
    with pytest.raises(LapaError, match="robot actions, not latent ones|kind 'robot'"):
        load_released_policy(out)
    (out / "actions.json").unlink()
    with pytest.raises(LapaError, match="--bins"):
        load_robot(out, tmp_path / "unused")


@pytest.mark.parametrize("draw", ["normal", "exponential", "laplace"])
@pytest.mark.parametrize("num_bins", [2, 5, 32])
def test_bins_of_ours_become_edges_whose_middles_they_are(tmp_path, draw, num_bins):
    actions = getattr(np.random.default_rng(0), draw)(size=(2000, 2)) * [1.0, 0.003]
    bins = ActionBins.fit(actions, num_bins)
    write_bins(bins, tmp_path / "bins.csv")
    found = read_bins(tmp_path / "bins.csv", 256)
    assert found.num_bins == bins.num_bins
    assert all((np.diff(edges) > 0).all() for edges in found.edges)
    for theirs, ours in zip(found.values, bins.values):
        assert np.abs(theirs - ours).max() < 0.01 * np.diff(ours).max()


def test_a_table_of_uneven_bins_keeps_its_middles_where_only_the_bins_were_kept(tmp_path):
    """An import by an older program has no csv beside its bins."""
    rng = np.random.default_rng(0)
    edges = np.sort(rng.normal(size=(3, 12)), axis=1)
    rows = [",".join(map(repr, row.tolist())) for row in edges]
    (tmp_path / "first.csv").write_text("\n".join([",".join(map(str, range(12))), *rows]) + "\n")
    first = read_bins(tmp_path / "first.csv", 256)
    write_bins(first, tmp_path / "second.csv")
    second = read_bins(tmp_path / "second.csv", 256)
    for a, b in zip(first.values + first.edges, second.values + second.edges, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


def test_broken_tables_of_bins_are_refused(tmp_path):
    write_bins(ActionBins.fit(np.random.default_rng(0).normal(size=(500, 2)), 5), tmp_path / "bins.csv")
    for content in ("", "a,b\n1,x\n", "0,1\n2,1\n", "0,1,2\n1\n"):
        (tmp_path / "bad.csv").write_text(content)
        with pytest.raises(LapaError, match="not a table of action bins"):
            read_bins(tmp_path / "bad.csv", 256)
    with pytest.raises(LapaError, match="5 bins"):
        read_bins(tmp_path / "bins.csv", 4)


def save_released_laq(path, code_seq_len=4, codebook_size=8):
    model = {"architecture": "released", "code_seq_len": code_seq_len, "codebook_size": codebook_size}
    return save_checkpoint(path, kind="laq", model=model, tensors={"x": torch.tensor([float(codebook_size)])})


def test_a_policy_goes_with_its_quantizer_and_no_other(tmp_path, imported, released_files, checkpoints):
    theirs = save_released_laq(tmp_path / "theirs")
    assert load_policy(imported, theirs).window_s == 0.6
    with pytest.raises(LapaError, match="is one of ours"):
        load_policy(imported, checkpoints / "tabletop" / "laq")
    with pytest.raises(LapaError, match="4 tokens out of 8 codes, but .* has 4 out of 16"):
        load_policy(imported, save_released_laq(tmp_path / "more", codebook_size=16))
    bound = import_policy(**released_files, out=tmp_path / "bound", config=HEADS, laq=theirs)
    load_policy(bound, theirs)
    other = tmp_path / "other"
    shutil.copytree(theirs, other)
    save_checkpoint(other, kind="laq", model=read_config(theirs)["model"], tensors={"x": torch.tensor([9.0])})
    with pytest.raises(LapaError, match="another quantizer"):
        load_policy(bound, other)
    facts = {"model": read_config(theirs)["model"], "tensors": {"x": torch.tensor([9.0])}}
    save_checkpoint(other, kind="laq", parents={"encoder": fingerprint(theirs)}, **facts)  # its decoder trained further
    load_policy(bound, other)


def test_a_damaged_checkpoint_is_refused(tmp_path, imported):
    def broken(change) -> None:
        copy = tmp_path / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(imported, copy)
        change(copy)
        with pytest.raises(LapaError):
            load_released_policy(copy)

    broken(lambda copy: (copy / "model-layer-01.safetensors").unlink())
    broken(lambda copy: (copy / "model-layer-01.safetensors").write_bytes(b"broken"))
    broken(lambda copy: (copy / INDEX).write_text("{}"))
    broken(lambda copy: (copy / INDEX).write_text((copy / INDEX).read_text().replace("model-layer", "../model-layer")))
    broken(lambda copy: (copy / "vqgan" / "model.safetensors").unlink())
    broken(lambda copy: (copy / "tokenizer.model").unlink())
    broken(lambda copy: os.replace(copy / "model-layer-00.safetensors", copy / "model-outer.safetensors"))


@pytest.mark.parametrize("levels, size", [((1, 2, 1, 1), 128), ((1, 1, 2), 64)])
def test_an_image_tokenizer_of_smaller_pictures_is_read_at_its_size(tmp_path, released_files, picture, levels, size):
    vqgan = tmp_path / "vqgan"
    vqgan.write_bytes(pickle.dumps(vqgan_tree(dataclasses.replace(EYES, multipliers=levels)), protocol=4))
    out = import_policy(**(released_files | {"vqgan": vqgan}), out=tmp_path / "policy", config=HEADS)
    policy = load_released_policy(out)
    assert policy.reader.vqgan.config.image_size == picture_size(out) == size
    assert policy.reader.look([picture]).shape == (1, 256)
    assert len(policy.predict(picture, "push").latent_action.tokens) == 4


def test_the_size_of_its_pictures_can_be_named(tmp_path, released_files, picture):
    config = dataclasses.replace(HEADS, image_size=128)
    out = import_policy(**released_files, out=tmp_path / "policy", config=config)
    policy = load_released_policy(out)
    assert policy.reader.look([picture]).shape == (1, 64)
    assert len(policy.predict(picture, "push").latent_action.tokens) == 4
    with pytest.raises(LapaError, match="multiple of 16"):
        import_policy(**released_files, out=tmp_path / "bad", config=dataclasses.replace(HEADS, image_size=120))


def test_files_that_do_not_belong_together_are_refused(tmp_path, released_files):
    def refused(says: str, **changed) -> None:
        with pytest.raises(LapaError, match=says):
            import_policy(**(released_files | changed), out=tmp_path / "out", config=HEADS)
        assert not (tmp_path / "out").exists()

    params = write_params(tmp_path / "p", random_leaves(SHAPE.__class__(**{**SHAPE.__dict__, "vocab_size": 300})))
    refused("320 pieces, the policy only 300", params=params)
    refused("Python pickle", params=released_files["vqgan"])
    refused("not the released image tokenizer", vqgan=released_files["params"])
    refused("not a SentencePiece model", tokenizer=released_files["params"])
    with pytest.raises(LapaError, match="give --num-heads"):
        import_policy(**released_files, out=tmp_path / "out")
    with pytest.raises(LapaError, match="no action head"):
        import_policy(**released_files, out=tmp_path / "out", config=HEADS, bins=tmp_path / "bins.csv")
