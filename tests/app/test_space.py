"""A Hugging Face Space: its settings are such as Spaces read, and the app works in the room that a Space gives it."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from lapa.bundle import bundle_names, checkpoints_folder
from tests.app import space_room
from tests.app.conftest import ROOT

ZERO_GPU_TORCH = ("2.8.0", "2.9.1", "2.10.0", "2.11.0")
"""Versions of torch that ZeroGPU lists (hub-docs, August 2026)."""
SETTINGS = {
    "title", "emoji", "colorFrom", "colorTo", "sdk", "sdk_version", "python_version", "app_file", "license", "tags",
    "suggested_hardware", "startup_duration_timeout", "short_description", "models", "datasets", "preload_from_hub",
    "pinned", "fullWidth", "header", "disable_embedding", "thumbnail", "custom_headers",
}  # fmt: skip
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
NO_HOT_RELOAD = "`spaces` package is required to run hot-reloading"
"""Gradio's complaint, in a thread of its own, that this machine lacks what every Space brings along."""
MEMORY_MIB = 4096
"""A quarter of CPU-basic's memory: visitors want the rest."""


@pytest.fixture(scope="module")
def settings() -> dict:
    """The block of settings at the top of the README."""
    return yaml.safe_load((ROOT / "README.md").read_text(encoding="utf-8").split("---\n")[1])


@pytest.fixture(scope="module")
def requirements() -> dict[str, Requirement]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {requirement.name: requirement for requirement in found}


def test_the_settings_are_such_as_a_space_reads(settings, requirements):
    assert set(settings) <= SETTINGS
    assert {settings["colorFrom"], settings["colorTo"]} <= COLOURS
    assert settings["sdk"] == "gradio" and (ROOT / settings["app_file"]).is_file()
    assert Version(settings["sdk_version"]) in requirements["gradio"].specifier
    assert len(settings["short_description"]) <= 60
    needed = re.search(r'requires-python = "(.*)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))[1]
    assert Version(settings["python_version"]) in SpecifierSet(needed)


def test_torch_may_be_one_that_a_lent_gpu_has(requirements):
    assert all(Version(torch) in requirements["torch"].specifier for torch in ZERO_GPU_TORCH)


def test_agents_are_served_on_a_space(requirements):
    assert "mcp" in requirements["gradio"].extras


def test_system_packages_are_named_one_a_line_and_nothing_else():
    for line in (ROOT / "packages.txt").read_text(encoding="utf-8").splitlines():
        assert re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", line), f"'{line}' is no package: apt would fail on it"


def test_models_of_the_hub_are_fetched_ahead_by_pinned_revision(settings):
    preloaded = dict(entry.split()[::2] for entry in settings.get("preload_from_hub", ()) if len(entry.split()) == 3)
    assert len(preloaded) == len(settings.get("preload_from_hub", ())), "preload_from_hub: 'repo file,file revision'"
    assert all(re.fullmatch("[0-9a-f]{40}", revision) for revision in preloaded.values())
    for bundle in bundle_names():
        config = checkpoints_folder() / bundle / "policy" / "config.json"
        backbone = json.loads(config.read_text())["model"].get("backbone", "llama") if config.is_file() else "llama"
        is_whole = (config.parent / "backbone" / "config.json").is_file()
        assert backbone == "llama" or is_whole or backbone in preloaded, f"'{bundle}' needs {backbone} from the hub"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def find_walls() -> list[str]:
    """Return the walls that can be built here; skip where becoming another user cannot."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user: run this as root, as .ci/run does")
    if shutil.which("setpriv") is None:
        pytest.skip("there is no setpriv (Debian: util-linux) to become another user with")
    unshare = ["unshare", "--net", "--mount", "sh", "-c", "mount --bind /tmp /tmp && mount -o remount,bind,ro /"]
    walls = ["network", "disk"]
    if subprocess.run(unshare, capture_output=True).returncode != 0:
        walls = ["network"] if subprocess.run([*unshare[:2], "true"], capture_output=True).returncode == 0 else []
    try:
        reach = [sys.executable, "-c", "import encodings, torch; open('app.py')"]
        reached = subprocess.run(reach, cwd=ROOT, user=space_room.NOBODY, capture_output=True).returncode == 0
    except OSError:
        reached = False
    return walls if reached else [*walls, "key"]


def test_the_app_starts_and_works_in_the_room_that_a_space_gives_it(record_property, capsys):
    walls = find_walls()
    options = {"network": "--net", "disk": "--mount"}
    unshare = ["unshare", *(options[wall] for wall in walls if wall in options)]
    asked = json.dumps({"port": free_port(), "walls": walls})
    room = [*(unshare if len(unshare) > 1 else []), sys.executable, str(Path(space_room.__file__)), asked]
    done = subprocess.run(room, cwd=ROOT, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    log = found.pop("log")
    record_property("space", json.dumps({"walls": walls, **found}))
    with capsys.disabled():
        sys.stdout.write(f"\na Space's room with the walls {['user', *walls]}: {found}\n")

    tried = found["tried"]
    assert tried["user"] == space_room.NOBODY and tried["tmp"]
    assert not (tried["code"] or tried["venv"] or tried["home"])
    assert not ("network" in walls and tried["network"]) and not ("disk" in walls and tried["var"])
    assert "failed" not in found, f"{found['failed']}\n{log}"
    assert found["knows_its_space"] and found["picture"] == found["figure"] == "PNG" and found["tokens"]
    assert found["uploaded_frames"] > 1
    assert found["memory_mib"] < MEMORY_MIB
    assert log.count("Traceback") == log.count(NO_HOT_RELOAD) and "Permission denied" not in log, log
    assert found["exit"] == 0 and found["left"] == [], "the app's private folder outlives it"


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGHUP], ids=lambda sent: sent.name)
def test_what_the_app_wrote_goes_with_it(checkpoints_folder, clips_folder, tmp_path, sent):
    environment = {
        **os.environ,
        "LAPA_CHECKPOINTS": str(checkpoints_folder),
        "TMPDIR": str(tmp_path),
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "app.py", "--clips", str(clips_folder), "--port", str(free_port())]
    app = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    for line in app.stdout:
        if "Running on" in line:
            break
    assert [path.name[:9] for path in tmp_path.iterdir()] == ["lapa-app-"]
    app.send_signal(sent)
    assert app.wait(30) == 0
    assert list(tmp_path.iterdir()) == []
