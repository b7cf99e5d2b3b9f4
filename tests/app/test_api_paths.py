"""No file of the machine is read or served: what a stranger may write where a path or an address is expected."""

import json
import sys
import sysconfig
import tempfile
import urllib.error
import urllib.request

import pytest

from tests.app.conftest import ROOT

MARK = {"_type": "gradio.FileData"}
PLACES = [
    "/etc/passwd",
    "../../../../../../etc/passwd",
    "file:///etc/passwd",
    "/proc/self/environ",
    str(ROOT / "assets" / "clips" / "block2block_00.mp4"),
    "http://127.0.0.1:7860/gradio_api/file=/etc/passwd",
    "http://localhost:22/",
    "http://169.254.169.254/latest/meta-data",
    "http://[::1]/a.mp4",
    "ftp://example.org/a.mp4",
    "concat:/etc/passwd|/etc/group",
    "",
    "\0",
]


def events(served: str, verb: str, data: list) -> str:
    """Call a verb with nothing but HTTP; return the events that come back."""
    body, kind = json.dumps({"data": data}).encode(), {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{served}/gradio_api/call/{verb}", body, kind)) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{served}/gradio_api/call/{verb}/{event}", timeout=60) as answer:
        return answer.read().decode()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("shape", ["text", "file", "unmarked file", "file with address"])
def test_only_what_was_uploaded_can_be_taken_in(served, place, shape):
    video = {
        "text": place,
        "file": {"path": place, "meta": MARK},
        "unmarked file": {"path": place},
        "file with address": {"path": "a.mp4", "url": place, "meta": MARK},
    }[shape]
    said = events(served, "upload", [video])
    assert "event: error" in said and "event: complete" not in said
    assert '"title": "invalid_request"' in said and "public http address" in said
    assert "root:" not in said and "Traceback" not in said


def test_a_missing_argument_is_a_sentence(served):
    said = events(served, "encode", [])
    assert '"title": "invalid_request"' in said and "arguments that the documentation lists" in said


def test_what_the_page_is_told_names_no_place_on_the_server(served):
    with urllib.request.urlopen(f"{served}/config") as answer:
        told = answer.read().decode()
    for place in (sysconfig.get_path("purelib"), str(ROOT), sys.prefix, tempfile.gettempdir()):
        assert place not in told
    with urllib.request.urlopen(f"{served}/plotly.min.js") as answer:
        assert answer.status == 200 and "javascript" in answer.headers["Content-Type"]
        assert "plotly.js" in answer.read(500).decode()


@pytest.mark.parametrize("place", PLACES[:5])
def test_a_path_is_no_clip_and_no_bundle(served, place):
    for data in ([place, 0, 0, ""], [f"squares/{place}", 0, 0, ""], ["squares/episode_000.mp4", 0, 0, place]):
        said = events(served, "encode", data)
        assert "event: error" in said and "invalid_request" in said
    asked = [{"path": place, "meta": MARK}, 0, 0, ""]
    assert "event: error" in events(served, "encode", asked)


@pytest.mark.parametrize("place", [*PLACES[:5], "app.py", "../app.py", "lapa", "/proc/self/cwd/app.py"])
def test_no_such_file_is_served(served, place):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{served}/gradio_api/file={urllib.request.quote(place)}")
    assert refused.value.code in (403, 404)


def test_an_upload_that_is_too_large_is_refused_before_it_is_read(served):
    edge = "x"
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.mp4"\r\n\r\n'
    body = head + b"0" * 4_000_000 + b"\r\n--x--\r\n"
    kind = {"Content-Type": f"multipart/form-data; boundary={edge}"}
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(f"{served}/gradio_api/upload", body, kind))
    assert refused.value.code == 413
