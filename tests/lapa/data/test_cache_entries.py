"""`python -m lapa cache`: what lies there, of what, since when; emptying removes only what the program wrote."""

import json
import os
import time

import pytest
from filelock import FileLock

from lapa.cli import main
from lapa.data.cache import Key, cached


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Frames and codes of one data set, codes unused for ten days; a leftover, an earlier version's, and a stranger."""
    root = tmp_path / "cache"
    monkeypatch.setenv("LAPA_CACHE", str(root))
    for kind, size in (("frames", 3_000_000), ("codes", 10)):
        key = Key(kind, "data/videos", size)
        cached(key, lambda folder, size=size: (folder / "x").write_bytes(bytes(size)))
    old = time.time() - 10 * 24 * 3600
    os.utime(root / key.name / "entry.json", (old, old))
    (root / ".frames-0123.tmp").mkdir()
    (root / "features-0123456789abcdef.npy").write_bytes(bytes(7))
    (root / "mine").mkdir()
    (root / "mine" / "notes.txt").write_text("no cache")
    return root


def listed(capsys, *options: str) -> dict[str, dict]:
    assert main(["cache", "--json", *options]) == 0
    return {row["kind"]: row for row in json.loads(capsys.readouterr().out)["entries"]}


def test_what_lies_there_is_listed_and_stays(root, capsys):
    found = listed(capsys)
    assert set(found) == {"frames", "codes", "unfinished", "earlier"}
    assert found["frames"]["of"] == "data/videos" and 3_000_000 <= found["frames"]["num_bytes"] < 3_001_000
    assert list(found)[0] == "codes", "the longest unused comes first"
    assert listed(capsys) == found
    assert main(["cache"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5 and "3.0 MB  frames" in "\n".join(lines) and "data/videos" in lines[0]
    assert lines[-1] == f"4 entries, 0.00 GB, '{root}'"


def test_emptying_leaves_what_the_program_did_not_write(root, capsys):
    assert main(["cache", "--empty"]) == 0
    assert "4 of 4 entries removed" in capsys.readouterr().out
    assert [path.name for path in root.iterdir() if not path.name.endswith(".lock")] == ["mine"]
    assert (root / "mine" / "notes.txt").is_file()


@pytest.mark.parametrize(
    ("options", "gone"),
    [(["--kind", "codes"], {"codes"}), (["--unused-days", "5"], {"codes"}), (["--unused-days", "20"], set())],
)
def test_a_part_is_emptied(root, capsys, options, gone):
    everything = set(listed(capsys))
    assert set(listed(capsys, "--empty", *options)) == gone
    assert set(listed(capsys)) == everything - gone


def test_what_is_being_written_stays(root, capsys):
    with FileLock(root / ".frames-0123.lock"):
        assert not listed(capsys, "--empty")["unfinished"]["removed"]
    assert (root / ".frames-0123.tmp").is_dir()


def test_no_cache_is_no_error(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LAPA_CACHE", str(tmp_path / "none"))
    assert main(["cache", "--empty"]) == 0 and "0 of 0" in capsys.readouterr().out
