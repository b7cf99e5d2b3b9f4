"""assets/docs/released.md: its commands run as they are written, on tiny files in the authors' formats."""

import contextlib
import dataclasses
import io
import pickle
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from lapa.cli import main
from tests.lapa.released import show_twos
from tests.lapa.released.conftest import SHAPE, random_leaves, vqgan_tree, write_params
from tests.lapa.released.laq_files import save_official
from tests.lapa.train.test_policy_stages import record

PAGE = (Path(__file__).parents[3] / "assets" / "docs" / "released.md").read_text(encoding="utf-8")
QUICK = "--loop.num-steps 2 --loop.batch-size 2 --loop.eval-every 2"


def commands(verb: str) -> list[list[str]]:
    """Every command of a verb on the page, in code blocks and in tables, as arguments of `lapa`."""
    text = PAGE.replace("\\\n", " ")
    found = re.findall(rf"python -m lapa ({verb} [^`\n]+)", text)
    assert found, verb
    return [shlex.split(command, comments=True) for command in found]


@pytest.fixture(scope="module")
def here(tmp_path_factory, tokenizer_file, video):
    """A folder such as the reader has: the downloaded files (tiny, of one head as wide as LLaMA's), a data set."""
    folder = tmp_path_factory.mktemp("page")
    files = folder / "lapa_checkpoints"
    files.mkdir()
    shape = dataclasses.replace(SHAPE, width=128, hidden=96, num_heads=1)
    write_params(files / "params", random_leaves(shape))
    (files / "vqgan").write_bytes(pickle.dumps(vqgan_tree(), protocol=4))
    shutil.copyfile(tokenizer_file, files / "tokenizer.model")
    save_official(files / "laq_openx.pt")
    record(folder, "data", 6, seed=3)
    shutil.copyfile(video, folder / "video.mp4")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("LAPA_CHECKPOINTS", str(folder / "checkpoints"))
        patch.setenv("LAPA_CACHE", str(folder / "cache"))
        yield folder


def run(arguments: list[str], **options: str) -> None:
    """Run a command with `options` for the words in capitals; `given` stands for the one that no option names."""
    filled = [options.get("given", part) if part in ("VIDEO", "DIR") else part for part in arguments]
    for name, value in options.items():
        if name != "given":
            filled[filled.index(f"--{name}") + 1] = value
    assert not [part for part in filled if re.fullmatch("[A-Z]{2,}", part)], filled
    assert main(filled) == 0, filled


def quick(arguments: list[str]) -> list[str]:
    """The same training, tiny."""
    return [argument.replace("paper", "tiny") for argument in arguments] + shlex.split(QUICK)


@pytest.fixture(scope="module")
def bundle(here) -> Path:
    for command in commands("import-released laq") + commands("import-released policy"):
        run(command)
    return here / "checkpoints" / "openx"


def test_the_files_become_a_bundle_that_dreams(here, bundle):
    for command in commands("rollout"):
        if "--bundle" in command:
            run(command, given="video.mp4")
    assert (here / "out" / "dream.mp4").stat().st_size


def test_the_python_lines_run(bundle):
    (code,) = re.findall(r"```python\n(.+?)```", PAGE, re.S)
    frame = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    names = {
        "frame": frame,
        "frames": [frame, frame],
        "instructions": ["push", "take"],
        "rng": np.random.default_rng(0),
    }
    exec(code.replace('"cuda"', '"cpu"'), names)
    assert len(names["found"].latent_action.tokens) == 4 and names["found"].distributions.shape == (4, 8)


def test_training_goes_on_and_the_way_back_is_open(here, bundle):
    (label,), (policy,), (finetune,) = commands("label"), commands("train-policy"), commands("finetune")
    run([*label, "--num-validation", "2"], data="data", laq="checkpoints/openx/laq", out="labels")
    run(quick(policy), labels="labels", out="policy")
    run([*quick(finetune), "--num-validation", "2"], data="data", out="robot")
    (export,) = commands("export-released")
    for kind, files in (("policy", []), ("robot", ["action_bins.csv"])):
        run(export, given=kind, out=f"back_{kind}")
        assert sorted(path.name for path in (here / f"back_{kind}").iterdir()) == [*files, "params", "tokenizer.model"]


def test_the_case_of_the_twos_is_what_its_command_prints():
    assert "python -m tests.lapa.released.show_twos" in PAGE
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        show_twos.main()
    shown = re.search(r"```\n(the policy's four tokens.+?)```", PAGE, re.S)[1].splitlines()
    assert len(shown) == 5 and set(shown) <= set(printed.getvalue().splitlines())
    assert sum("cut at the 2" in line for line in shown) == 3
