"""Files through an endpoint: nothing but what lies in the upload folder is read, by whatever way it is named."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lapa.types import LapaError
from viz.tabs.api.agents import readable
from viz.tabs.api.files import picture_file, take_in, uploaded_path

MARK = {"_type": "gradio.FileData"}


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The upload folder; a secret lies beside it, and links to the secret within."""
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(uploads))
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    (tmp_path / "uploads-of-others").mkdir()
    (uploads / "a.mp4").write_bytes(b"video")
    (uploads / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    (uploads / "room").symlink_to(tmp_path)
    return uploads


def test_an_uploaded_file_is_found_by_path_address_and_file(folder):
    path = folder / "a.mp4"
    for video in (str(path), f"https://a-b.hf.space/gradio_api/file={path}", f"{folder}/../uploads/a.mp4"):
        assert take_in(video) == (path, "a.mp4")
    assert take_in({"path": str(path), "orig_name": "mine.mp4", "meta": MARK}) == (path, "mine.mp4")


@pytest.mark.parametrize(
    "inside",
    ["link.mp4", "room/secret.mp4", "../secret.mp4", "../uploads-of-others", "", "none.mp4", "a.mp4/x", "a\0.mp4"],
)
def test_links_and_dots_lead_nowhere(folder, inside):
    for video in (f"{folder}/{inside}", f"http://x/gradio_api/file={folder}/{inside}"):
        with pytest.raises(LapaError):
            take_in(video)
    with pytest.raises(LapaError, match="not uploaded"):
        uploaded_path(inside)
    with pytest.raises(LapaError, match="not uploaded"):
        take_in({"path": f"{folder}/{inside}", "meta": MARK})


def test_a_data_address_becomes_a_file_in_the_folder(folder):
    path, _ = take_in("data:video/mp4;base64," + base64.b64encode(b"video").decode("ascii"))
    assert path.is_relative_to(folder) and path.read_bytes() == b"video"


@pytest.mark.parametrize("video", ["data:video/mp4;base64,a", "data:", "http://127.0.0.1:9/a.mp4", "https:///"])
def test_what_holds_no_file_is_said_so(folder, video):
    with pytest.raises(LapaError, match="holds no file|could not be fetched"):
        take_in(video)


def test_a_picture_goes_out_as_a_file_unchanged(folder):
    picture = np.random.default_rng(0).integers(0, 256, (8, 6, 3), np.uint8)
    file = picture_file(picture, "decoded")
    assert Path(file["path"]).is_relative_to(folder) and file["meta"] == MARK and file["orig_name"] == "decoded.png"
    assert (np.asarray(Image.open(file["path"])) == picture).all()


def test_agents_read_json_without_the_servers_paths(folder):
    file = picture_file(np.zeros((2, 2, 3), np.uint8), "step_0")
    text, *files = readable({"steps": [{"tokens": "1-2", "sure": None, "picture": file}], "inside": True})
    facts = {"steps": [{"tokens": "1-2", "sure": None, "picture": {"file": "step_0.png", "number": 1}}], "inside": True}
    assert json.loads(text) == facts
    assert files == [file] and str(folder) not in text
