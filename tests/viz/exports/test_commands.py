"""The command beside a figure that a button saved: it runs as written, or says what must be put in first."""

import base64
import io
import json
import shlex
import zipfile

import pytest

from lapa.cli import main
from lapa.data.source import open_source
from lapa.data.video_writer import write_video
from lapa.explorer import Explorer
from viz.tabs.exporting import answer
from viz.tabs.page import Page
from viz.tabs.shelf import Shelf, Upload
from viz.tabs.typed import ROOT
from viz.tabs.workbench import Workbench

SHIPPED = ROOT / "checkpoints" / "tabletop"
CLIP = "tabletop/block2block_00.mp4"


def page_of(explorer: Explorer, clips, group: str = "tabletop") -> Page:
    """Return what an export needs of a page: models named "own" and clips."""
    shelf = Shelf({group: open_source(clips)}, open_upload=lambda path: Upload(path, ""), open_clip=explorer.open_clip)
    page = Page.__new__(Page)  # no more of it is needed than this
    page.bench = Workbench({"own": lambda: explorer}, shelf, write_video)
    return page


def kept(page, kind: str, **request: str) -> bytes:
    made = answer(page, {"save": kind, "bundle": "own", "window": "0.6", "t": "4", **request})
    return base64.b64decode(made["uri"].partition(",")[2])


@pytest.fixture(scope="module")
def own():
    """Return a page on models given by folder, as `app.py --laq ... --policy ... --index ...` opens them."""
    parts = {kind: SHIPPED / kind for kind in ("laq", "policy", "index")}
    return page_of(Explorer.open(**parts, device="cpu"), ROOT / "assets" / "clips")


@pytest.mark.parametrize(
    ("what", "more"),
    [
        ("pair", {"clip": CLIP}),
        ("strip", {"clip": CLIP, "settings": json.dumps({"instruction": "push the red star", "steps": 2})}),
        ("transfer", {"clip": CLIP, "settings": json.dumps({"other": "tabletop/separate_00.mp4", "steps": 2})}),
        ("map", {"coords": "pca", "level": "code", "colour": "token 0"}),
        ("follow", {"position": "-1"}),
        ("scorecard", {}),
    ],
)
def test_the_command_of_models_given_by_folder_runs_as_written(own, what, more, tmp_path, monkeypatch):
    kind = "zip" if what in ("map", "follow") else "json"
    if kind == "zip":
        facts = json.loads(unzipped(kept(own, "zip", what=what, **more), tmp_path)[f"{what}.json"])
    else:
        facts = json.loads(kept(own, "json", what=what, **more))
    assert "before_running" not in facts, facts
    words = shlex.split(facts["command"])
    assert words[:4] == ["python", "-m", "lapa", "export"]
    monkeypatch.chdir(ROOT)
    words[words.index("--out") + 1] = str(tmp_path / f"{what}.svg")
    assert main(words[3:]) == 0
    again = json.loads((tmp_path / f"{what}.json").read_text())
    changing = ("command", "clip", "other_clip", "versions", "device")
    assert {k: v for k, v in again.items() if k not in changing} == {
        k: v for k, v in facts.items() if k not in changing
    }
    if kind == "json":
        assert (tmp_path / f"{what}.csv").read_bytes() == kept(own, "csv", what=what, **more)


def test_an_upload_is_called_by_its_name_and_said_to_need_its_place(own, clips):
    clip_id, _ = own.bench.shelf.add_upload(clips / "episode_000.mp4", "my robot.mp4")
    facts = json.loads(kept(own, "json", what="ribbon", clip=clip_id))
    assert shlex.split(facts["command"])[5] == "my robot.mp4"
    assert "in place of 'my robot.mp4'" in facts["before_running"] and "your own video" in facts["before_running"]


def test_what_lies_outside_of_the_repository_is_named_without_its_place(explorer, clips):
    page = page_of(explorer, clips, "mine")
    facts = json.loads(kept(page, "json", what="pair", clip="mine/episode_000.mp4"))
    assert "--laq laq" in facts["command"] and str(clips.parent) not in json.dumps(facts)
    assert "path of the quantizer in place of 'laq'" in facts["before_running"]
    assert "path of the video in place of 'episode_000.mp4'" in facts["before_running"]


def unzipped(content: bytes, folder) -> dict[str, bytes]:
    """Return the files of an archive by name."""

    with zipfile.ZipFile(io.BytesIO(content)) as files:
        return {name: files.read(name) for name in files.namelist() if not name.endswith("/")}
