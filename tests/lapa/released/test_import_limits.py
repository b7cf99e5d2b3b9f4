"""The import of a large file: killed at the worst moment, going on from what is whole, and small in memory."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from itertools import repeat
from pathlib import Path

import pytest
import torch

from lapa.released.params_names import leaf_shape, official_paths
from lapa.released.params_writer import write_leaf
from lapa.released.policy_import import PROGRESS, ImportPolicyConfig, import_policy
from lapa.released.policy_store import INDEX
from tests.lapa.released.conftest import SHAPE, random_leaves, write_params

ROOT = Path(__file__).parents[3]
HEADS = ImportPolicyConfig(num_heads=SHAPE.num_heads)
DIES = """
import os, signal, sys
from lapa.cli import main
from lapa.released import policy_store
real, written = policy_store.save_file, []
def dies(tensors, path):
    real(tensors, path)
    if len(written) == 2:
        os.truncate(path, os.path.getsize(path) // 2)
        os.kill(os.getpid(), signal.SIGKILL)
    written.append(path)
policy_store.save_file = dies
sys.exit(main(sys.argv[1:]))
"""
MEASURE = """
import resource, sys
from pathlib import Path
from lapa.released.policy_import import ImportPolicyConfig, import_policy
warm, large, vqgan, tokenizer, out = map(Path, sys.argv[1:])
peaks = []
for name, params in (("warm", warm), ("large", large)):
    config = ImportPolicyConfig(num_heads=2)
    import_policy(params, vqgan, tokenizer, out / name, config=config)
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
sys.stdout.write(str(peaks[1] - peaks[0]))
"""


@pytest.fixture(scope="module")
def four_layers(tmp_path_factory, released_files) -> dict[str, Path]:
    """The released files with four layers, so five shards."""
    shape = dataclasses.replace(SHAPE, num_layers=4)
    path = tmp_path_factory.mktemp("four") / "params"
    return released_files | {"params": write_params(path, random_leaves(shape))}


def run(script: str, *args: object) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", script, *map(str, args)], cwd=ROOT, capture_output=True, text=True)


def shards(out: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in out.glob("model-*.safetensors")}


def test_killed_within_a_file_it_goes_on_and_ends_the_same(tmp_path, four_layers):
    whole, out = import_policy(**four_layers, out=tmp_path / "whole", config=HEADS), tmp_path / "out"
    options = [part for name in ("vqgan", "tokenizer") for part in (f"--{name}", four_layers[name])]
    verb = ["import-released", "policy", four_layers["params"], *options, "--num-heads", SHAPE.num_heads, "--out", out]
    assert run(DIES, *verb).returncode == -signal.SIGKILL
    kept = shards(out)
    assert len(kept) == 2 and not (out / "config.json").exists() and not (out / INDEX).exists()
    assert [path.name for path in out.glob(".*.tmp")]  # half a shard
    import_policy(**four_layers, out=out, config=HEADS)
    assert kept.items() <= shards(out).items() and len(shards(out)) == 5  # what was whole was not written again
    assert {path.name for path in out.iterdir()} == {path.name for path in whole.iterdir()}
    for path in whole.glob("*.*"):
        assert (out / path.name).read_bytes() == path.read_bytes(), path.name


def stopped(out: Path, files: dict[str, Path], config: ImportPolicyConfig = HEADS) -> None:
    """Leave what an import leaves that ends just before its last step."""
    import_policy(**files, out=out, config=config)
    config = json.loads((out / "config.json").read_text())
    facts = json.loads((out / "provenance.json").read_text())
    index = json.loads((out / INDEX).read_text())
    written = {}
    for weight, file in index["weight_map"].items():
        shard = written.setdefault(file.removeprefix("model-").removesuffix(".safetensors"), {"weights": []})
        shard["weights"].append(weight)
        shard |= {"sha256": index["metadata"]["sha256"][file], "bytes": (out / file).stat().st_size}
    progress = {"source": facts["params"]["sha256"], "num_heads": config["model"]["num_heads"], "shards": written}
    (out / PROGRESS).write_text(json.dumps(progress))
    (out / "config.json").unlink()


def test_what_a_power_cut_left_damaged_is_written_again_and_nothing_else(tmp_path, four_layers):
    whole, out = import_policy(**four_layers, out=tmp_path / "whole", config=HEADS), tmp_path / "out"
    stopped(out, four_layers)
    before, damaged, lost = shards(out), out / "model-layer-02.safetensors", out / "model-layer-03.safetensors"
    damaged.write_bytes(bytes(damaged.stat().st_size))
    os.remove(lost)
    import_policy(**four_layers, out=out, config=HEADS)
    assert {name for name, time in shards(out).items() if time != before[name]} == {damaged.name, lost.name}
    assert (out / INDEX).read_bytes() == (whole / INDEX).read_bytes()
    assert damaged.read_bytes() == (whole / damaged.name).read_bytes()


def test_other_heads_do_not_go_on_from_shards_in_another_order(tmp_path, four_layers):
    """Queries and keys are reordered by head: half a policy of two heads beside half of four would be nonsense."""
    four, out = ImportPolicyConfig(num_heads=4), tmp_path / "out"
    whole = import_policy(**four_layers, out=tmp_path / "whole", config=four)
    stopped(out, four_layers)
    assert (out / INDEX).read_bytes() != (whole / INDEX).read_bytes()
    import_policy(**four_layers, out=out, config=four)
    assert (out / INDEX).read_bytes() == (whole / INDEX).read_bytes()


def test_memory_stays_at_a_layer_however_large_the_file(tmp_path, released_files):
    shape = dataclasses.replace(SHAPE, width=256, hidden=704, num_layers=96)
    block, large = torch.ones(1 << 18, dtype=torch.bfloat16), tmp_path / "params"
    with open(large, "wb") as file:
        for path in official_paths(shape):
            write_leaf(file, path, leaf_shape(path, shape), torch.bfloat16, repeat(block))
    size = large.stat().st_size
    files = released_files["params"], large, released_files["vqgan"], released_files["tokenizer"]
    found = run(MEASURE, *files, tmp_path)
    assert found.returncode == 0, found.stderr
    assert size > 150e6 and int(found.stdout) < size / 3, f"{int(found.stdout):,} bytes for a file of {size:,}"
