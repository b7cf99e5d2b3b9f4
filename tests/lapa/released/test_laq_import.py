"""Reading a stranger's quantizer file: what it is, or one sentence that says what is wrong with it."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lapa.checkpoint import read_config
from lapa.cli import main
from lapa.models.load import load_laq
from lapa.released.laq import ReleasedLAQConfig
from lapa.released.laq_read import infer_config, read_laq
from lapa.types import LapaError
from tests.lapa.released.laq_files import SMALL, Sizes, official_shapes, official_tensors, save_official

SIZES = [
    (SMALL, 32),
    (Sizes(code_seq_len=1), 32),
    (Sizes(code_seq_len=2), 32),
    (Sizes(code_seq_len=64, codebook_size=5), 64),
    (Sizes(dim=48, heads=3, dim_head=12, spatial_depth=1, temporal_depth=3), 32),
    (Sizes(quant_dim=16, codebook_size=32, patch_size=8), 64),
    (Sizes(dim=24, heads=2, dim_head=64, patch_size=2, spatial_depth=3), 16),
]


@pytest.mark.parametrize(("sizes", "image_size"), SIZES)
def test_the_configuration_is_read_off_the_shapes(sizes, image_size, tmp_path):
    path = save_official(tmp_path / "laq.pt", sizes)
    config, tensors = read_laq(path)
    assert config == ReleasedLAQConfig(
        image_size=image_size,
        patch=sizes.patch_size,
        width=sizes.dim,
        num_heads=sizes.heads,
        head_width=sizes.dim_head,
        num_spatial=sizes.spatial_depth,
        num_temporal=sizes.temporal_depth,
        code_seq_len=sizes.code_seq_len,
        codebook_size=sizes.codebook_size,
        code_width=sizes.quant_dim,
    )
    expected = official_tensors(sizes)
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[name], expected[name]) for name in expected)


@pytest.mark.parametrize(("tokens", "image_size"), [(16, 64), (4, 28), (256, 128), (64, 60)])
def test_a_grid_that_does_not_show_is_told(tokens, image_size):
    config = infer_config(official_shapes(Sizes(code_seq_len=tokens)), image_size)
    assert (config.code_seq_len, config.image_size) == (tokens, image_size)


@pytest.mark.parametrize(("prefix", "dtype"), [("module.", torch.float32), ("", torch.float16), ("", torch.bfloat16)])
def test_names_of_distributed_training_and_halved_weights_are_read(prefix, dtype, tmp_path):
    expected = {name: tensor.to(dtype) for name, tensor in official_tensors().items()}
    torch.save({prefix + name: tensor for name, tensor in expected.items()}, tmp_path / "laq.pt")
    _, tensors = read_laq(tmp_path / "laq.pt")
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[name], expected[name].float()) for name in expected)


def test_the_verb_writes_a_checkpoint_that_says_what_it_is(tmp_path, capsys):
    path, out = save_official(tmp_path / "laq.pt"), tmp_path / "out"
    assert main(["import-released", "laq", str(path), "--out", str(out), "--window-s", "0.4", "--data", "OpenX"]) == 0
    assert "pictures of 32 pixels, 4 tokens out of 8 codes, window 0.4 s" in capsys.readouterr().out
    config = read_config(out, "laq")
    assert config["model"]["architecture"] == "released"
    assert (config["stage"]["window_s"], config["stage"]["data"]) == (0.4, "OpenX")
    assert config["stage"]["imported"] == "laq.pt" and len(config["stage"]["imported_sha256"]) == 64
    loaded, written = load_laq(out).state_dict(), official_tensors()
    assert all(torch.equal(loaded[name], written[name]) for name in written)


def test_the_window_is_that_of_robot_video_unless_told(tmp_path):
    path, out = save_official(tmp_path / "laq.pt"), tmp_path / "out"
    assert main(["import-released", "laq", str(path), "--out", str(out)]) == 0
    stage = read_config(out, "laq")["stage"]
    assert (stage["window_s"], stage["data"]) == (0.6, "not recorded in laq.pt")


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--window-s", "0"], 2, "--window-s 0"),
        (["--window-s", "nan"], 2, "--window-s nan"),
        (["--image-size", "-1"], 2, "--image-size -1"),
        (["--image-size", "50"], 1, "no whole number of patches"),
        (["--image-size", "128"], 1, "not 4"),
    ],
)
def test_options_that_make_no_sense_are_refused(more, code, said, tmp_path, capsys):
    path, out = save_official(tmp_path / "laq.pt"), tmp_path / "out"
    assert main(["import-released", "laq", str(path), "--out", str(out), *more]) == code
    assert said in capsys.readouterr().err
    assert not out.exists()


def test_a_checkpoint_is_not_overwritten(tmp_path, capsys):
    path, out = save_official(tmp_path / "laq.pt"), tmp_path / "out"
    argv = ["import-released", "laq", str(path), "--out", str(out)]
    assert main(argv) == 0
    before = (out / "model.safetensors").read_bytes()
    save_official(path, seed=1)
    assert main(argv) == 2
    assert "imported_sha256" in capsys.readouterr().err
    assert (out / "model.safetensors").read_bytes() == before
    assert main([*argv, "--overwrite"]) == 0
    assert (out / "model.safetensors").read_bytes() != before


def test_a_finished_import_is_left_alone_by_the_same_command_and_refused_by_another(tmp_path, capsys):
    path, out = save_official(tmp_path / "laq.pt"), tmp_path / "out"
    argv = ["import-released", "laq", str(path), "--out", str(out), "--window-s", "0.5"]
    assert main(argv) == 0
    first, before = capsys.readouterr().out, (out / "config.json").stat().st_mtime_ns
    assert main(argv) == 0 and capsys.readouterr().out == first
    assert (out / "config.json").stat().st_mtime_ns == before
    assert main([*argv[:-1], "0.7", "--data", "films"]) == 2
    complaint = capsys.readouterr().err
    assert "window_s 0.5 instead of 0.7" in complaint and "data" in complaint and "--overwrite" in complaint
    (out / "config.json").write_text((out / "config.json").read_text().replace('"imported', '"was'))
    assert main([*argv, "--overwrite"]) == 1 and "was not imported" in capsys.readouterr().err


def test_an_unknown_architecture_is_named(tmp_path):
    path, out = save_official(tmp_path / "laq.pt"), tmp_path / "out"
    assert main(["import-released", "laq", str(path), "--out", str(out)]) == 0
    text = (out / "config.json").read_text()
    (out / "config.json").write_text(text.replace('"released"', '"genie"'))
    with pytest.raises(LapaError, match="architecture 'genie'"):
        load_laq(out)


class Program:
    """Pickles to a call of os.system."""

    def __init__(self, command: str):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def nothing(path: Path) -> None:
    pass


def folder(path: Path) -> None:
    path.mkdir()


def empty(path: Path) -> None:
    path.touch()


def text(path: Path) -> None:
    path.write_text("version https://git-lfs.github.com/spec/v1\nsize 1375\n")


def cut(path: Path, keep: float = 0.5) -> None:
    content = save_official(path).read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])


def cut_at_the_end(path: Path) -> None:
    cut(path, keep=0.999)


def damaged(path: Path) -> None:
    """Flip a byte of a weight."""
    content = bytearray(save_official(path).read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def program(path: Path) -> None:
    torch.save({**official_tensors(), "extra": Program(f"touch '{path.parent / 'ran'}'")}, path)


def bare_program(path: Path) -> None:
    path.write_bytes(pickle.dumps(Program(f"touch '{path.parent / 'ran'}'")))


def old_program(path: Path) -> None:
    torch.save(Program(f"touch '{path.parent / 'ran'}'"), path, _use_new_zipfile_serialization=False)


def archive_without_tensors(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")


def unpacking_bomb(path: Path) -> None:
    with zipfile.ZipFile(save_official(path), "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/999", bytes(20_000_000))


def stretching_bomb(path: Path) -> None:
    """One number that claims to be a thousand billion."""
    torch.save({**official_tensors(), "vq.codebooks": torch.zeros(1, 1).expand(10**6, 10**6)}, path)


def huge_and_empty(path: Path) -> None:
    torch.save({**official_tensors(), "vq.codebooks": torch.zeros(10**15, 0)}, path)


def a_list(path: Path) -> None:
    torch.save([torch.zeros(2)], path)


def wrapped(path: Path) -> None:
    torch.save({"model": official_tensors(), "step": 7}, path)


def whole_numbers(path: Path) -> None:
    torch.save({**official_tensors(), "vq.codebooks": torch.zeros(8, 8, dtype=torch.int64)}, path)


def other_model(path: Path) -> None:
    torch.save(torch.nn.Linear(3, 3).state_dict(), path)


def fewer(path: Path) -> None:
    tensors = official_tensors()
    del tensors["dec_spatial_transformer.layers.1.2.null_kv"]
    torch.save(tensors, path)


def no_layers(path: Path) -> None:
    torch.save({k: v for k, v in official_tensors().items() if "layers" not in k}, path)


def more(path: Path) -> None:
    torch.save({**official_tensors(), "lookup.weight": torch.zeros(3)}, path)


def long_name(path: Path) -> None:
    torch.save({**official_tensors(), "lookup\n" * 10_000: torch.zeros(3)}, path)


def twice(path: Path) -> None:
    torch.save({**official_tensors(), "module.vq.codebooks": torch.zeros(8, 8)}, path)


def misshapen(path: Path) -> None:
    torch.save({**official_tensors(), "enc_temporal_transformer.layers.0.1.to_q.weight": torch.zeros(32, 31)}, path)


def shallow_decoder(path: Path) -> None:
    deep, flat = official_tensors(), official_tensors(replace(SMALL, spatial_depth=1))
    torch.save({k: v for k, v in deep.items() if k in flat or not k.startswith("dec_spatial")}, path)


def odd_patch(path: Path) -> None:
    torch.save({**official_tensors(), "to_patch_emb_first_frame.1.weight": torch.ones(50)}, path)


def other_read_out(path: Path) -> None:
    torch.save({**official_tensors(), "vq.cnn_encoder.2.weight": torch.zeros(8, 8, 5, 5)}, path)


def not_numbers(path: Path) -> None:
    tensors = official_tensors()
    tensors["vq.project_in.weight"][0, 0] = float("nan")
    torch.save(tensors, path)


BAD: dict[Callable[[Path], None], str] = {
    nothing: "is not a file",
    folder: "is not a file",
    empty: "cut off or damaged",
    text: "cut off or damaged",
    cut: "cut off or damaged",
    cut_at_the_end: "cut off or damaged",
    damaged: "cut off or damaged",
    program: "nothing in it was run",
    bare_program: "no file of torch.save",
    old_program: "no file of torch.save",
    archive_without_tensors: "cannot be read as tensors",
    unpacking_bomb: "unpacks to more than it holds",
    stretching_bomb: "claim 4000000",
    huge_and_empty: "has the shape [1000000000000000, 0]",
    a_list: "but a list",
    wrapped: "no bare state dict: 'model' is a dict",
    whole_numbers: "'vq.codebooks' is torch.int64",
    other_model: "has no 'to_patch_emb_first_frame.1.weight'",
    fewer: "lacks 1 of",
    no_layers: "has no 'enc_spatial_transformer.layers.0.1.q_scale'",
    more: "the first is 'lookup.weight'",
    long_name: "the first is 'lookup\\nlookup",
    twice: "with and without 'module.'",
    misshapen: "'enc_temporal_transformer.layers.0.1.to_q.weight' has the shape [32, 31]",
    shallow_decoder: "the first is 'dec_spatial_transformer.layers.1",
    odd_patch: "no square patch",
    other_read_out: "kernels of [(3, 3), (5, 5)]",
    not_numbers: "'vq.project_in.weight' has values that are no numbers",
}


@pytest.mark.parametrize("spoil", BAD, ids=lambda spoil: spoil.__name__)
def test_a_bad_file_is_one_sentence_and_exit_code_1(spoil, tmp_path, capsys):
    path, out = tmp_path / "laq.pt", tmp_path / "out"
    spoil(path)
    assert main(["import-released", "laq", str(path), "--out", str(out)]) == 1
    printed = capsys.readouterr()
    assert not printed.out
    lines = printed.err.strip().splitlines()
    assert len(lines) == 1 and len(lines[0]) < 600 and lines[0].startswith("error: "), printed.err
    assert BAD[spoil] in lines[0]
    assert not out.exists()
    assert not (tmp_path / "ran").exists()


def test_the_program_would_have_run(tmp_path):
    """So that the test above means something."""
    program(tmp_path / "laq.pt")
    torch.load(tmp_path / "laq.pt", weights_only=False)
    assert (tmp_path / "ran").exists()
