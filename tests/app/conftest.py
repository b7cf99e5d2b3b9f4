"""One app, served for real over tiny random models and small real videos, and one browser to look at it."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from lapa.checkpoint import fingerprint, save_checkpoint
from lapa.data.source import open_source
from lapa.data.video_writer import write_video
from lapa.eval.meaning_record import measure_meaning
from lapa.frames import to_pixels
from lapa.index import save_index
from lapa.index_build import IndexConfig, build_index
from lapa.meaning import save_meaning
from lapa.models.laq import LAQ, LAQConfig
from lapa.models.policy import PolicyConfig, build_net, latent_choices
from lapa.models.tokenizer import InstructionTokenizer

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next((path for path in ("/usr/bin/chromium", "/usr/bin/google-chrome") if Path(path).exists()), None)
CHROMIUM_OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
TINY = LAQConfig(image_size=64, patch=16, width=32, num_heads=2, num_spatial=1, num_temporal=1, num_decoder=1)
WINDOW_S = 0.4
WAIT_MS = 180_000
SCREENS = ROOT / "out" / "screens"
INSTRUCTIONS = ("push the red block left", "push the red block right", "separate the blue and the red block")
NUM_CLIPS, NUM_FRAMES, FPS = 16, 24, 10.0


def save_clips(folder: Path, seed: int = 0) -> Path:
    """Write videos of two wandering squares, with instructions."""
    rng, lines = np.random.default_rng(seed), []
    for number in range(NUM_CLIPS):
        name = f"episode_{number:03}.mp4"
        write_video(folder / name, wandering_squares(rng), FPS)
        lines.append(json.dumps({"file_name": name, "instruction": INSTRUCTIONS[number % 3], "split": "validation"}))
    (folder / "metadata.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def wandering_squares(rng: np.random.Generator, num_frames: int = NUM_FRAMES, size: int = 128) -> np.ndarray:
    """Return uint8 [t h w 3]: a red and a blue square on a table."""
    paths = np.clip(np.cumsum(rng.normal(0, 3, (num_frames, 2, 2)), axis=0) + rng.uniform(30, 90, (2, 2)), 4, size - 20)
    frames = np.full((num_frames, size, size, 3), (210, 202, 190), np.uint8)
    for frame, places in zip(frames, paths.astype(int), strict=True):
        for (x, y), color in zip(places, ((200, 60, 50), (50, 90, 190)), strict=True):
            frame[y : y + 14, x : x + 14] = color
    return frames


def save_tiny_bundle(folder: Path, clips: Path, seed: int = 0) -> Path:
    """Write a quantizer and a policy with random weights and an index over `clips`; nothing is trained."""
    torch.manual_seed(seed)
    source, laq = open_source(clips), LAQ(TINY).eval().requires_grad_(False)
    frames = np.concatenate([source.frames(i, [0, 4]) for i in range(8)])
    with torch.no_grad():
        seen = laq.encode(to_pixels(frames[::2], 64), to_pixels(frames[1::2], 64)).continuous
        laq.quantizer.initialise(seen, torch.Generator().manual_seed(0))
        for parameter in laq.head.parameters():  # an untrained head changes nothing: make tokens visible
            parameter.add_(torch.randn_like(parameter) * 0.2)
    tensors = laq.state_dict()
    report = {"psnr": 21.5, "psnr_gain_db": 1.25, "codes_used": 8}
    stage = {"window_s": WINDOW_S, "data": "squares"}
    save_checkpoint(
        folder / "laq",
        kind="laq",
        model=TINY,
        tensors=tensors,
        stage=stage,
        extra_files={"report.json": json.dumps(report)},
    )
    sha256 = fingerprint(folder / "laq")
    save_tiny_policy(folder / "policy", laq, sha256)
    index = build_index(
        laq, source, IndexConfig(num_rows=48, thumb_size=24), laq_sha256=sha256, window_s=WINDOW_S, name="squares"
    )
    moved = np.random.default_rng(0).normal(0, 0.05, (len(index), 2)).astype(np.float32)
    few = (index.tokens // 6).astype(index.tokens.dtype)  # so that sequences repeat, as those of a trained model do
    index = dataclasses.replace(index, displacement=moved, tokens=few)
    save_index(index, folder / "index")
    save_meaning(measure_meaning(index, source), folder / "index")
    return folder


def save_tiny_policy(path: Path, laq: LAQ, sha256: str) -> Path:
    """Write a policy with random weights."""
    config = PolicyConfig(width=32, num_layers=1, num_heads=2, vocab_size=300)
    tokenizer = InstructionTokenizer.train(INSTRUCTIONS, vocab_size=config.vocab_size, max_length=config.max_text)
    net = build_net(config, laq, latent_choices(laq), tokenizer)
    save_checkpoint(
        path,
        kind="policy",
        model=config,
        tensors=net.state_dict(),
        stage={"window_s": WINDOW_S},
        parents={"laq": sha256},
    )
    (path / "backbone").mkdir(exist_ok=True)
    (path / "backbone" / "tokenizer.json").write_text(tokenizer.to_json(), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def clips_folder(tmp_path_factory) -> Path:
    return save_clips(tmp_path_factory.mktemp("app") / "squares")


@pytest.fixture(scope="session")
def checkpoints_folder(tmp_path_factory, clips_folder) -> Path:
    root = tmp_path_factory.mktemp("checkpoints")
    save_tiny_bundle(root / "tabletop", clips_folder)
    return root


@pytest.fixture(scope="session")
def served(checkpoints_folder, clips_folder, tmp_path_factory) -> Iterator[str]:
    """Start `python app.py` as a user would and return its address."""
    with serving(checkpoints_folder, clips_folder, tmp_path_factory.mktemp("log")) as address:
        yield address


@contextmanager
def serving(checkpoints: Path, clips: Path, log_folder: Path, *options: str) -> Iterator[str]:
    """Serve the app over these bundles and clips, with further options."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = log_folder / "app.log"
    environment = {**os.environ, "LAPA_CHECKPOINTS": str(checkpoints)}
    command = [sys.executable, "app.py", "--port", str(port), "--clips", str(clips), "--max-upload-mb", "3", *options]
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(address, process, log)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(address: str, process: subprocess.Popen, log: Path, timeout_s: float = 240) -> None:
    stop = time.monotonic() + timeout_s
    while time.monotonic() < stop:
        assert process.poll() is None, f"the app ended:\n{log.read_text()}"
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.3)
    raise AssertionError(f"the app does not answer:\n{log.read_text()}")


@pytest.fixture(scope="session")
def browser():
    """A real headless browser."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        yield opened
        opened.close()


@contextmanager
def opened_page(browser, *, width: int = 1440, height: int = 900) -> Iterator:
    """Open an empty page; fail in the end if a script of the page's own did.

    It waits long for what it is asked for, because a busy machine is no fault of the page's. How it looked in the end
    is kept in `SCREENS`, whether the test failed or not.
    """
    page, errors = browser.new_page(viewport={"width": width, "height": height}), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_default_timeout(WAIT_MS)
    try:
        yield page
    finally:
        name = re.sub(r"[^\w.-]+", "_", os.environ["PYTEST_CURRENT_TEST"].rpartition("/")[2].rpartition(" ")[0])
        page.screenshot(path=SCREENS / f"{name}.png", full_page=True)
        page.close()
    assert not errors, f"the page's script failed: {errors}"
