"""Real sessions of the app over HTTP, without the weight of browsers, and what they cost the server in memory.

Some visitors go first, so that what all share (models, decoded clips, caches) is there before anything is measured.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import httpx

WALK = [("tab", "decode"), ("tab", "map"), ("tab", "dream"), ("tab", "about"), ("tab", "inspect")]


class Visitor:
    """One session, as a page opens it: it loads the view, then presses buttons."""

    def __init__(self, address: str, config: dict[str, Any]):
        self.address, self.session = address, secrets.token_hex(6)
        self._http = httpx.Client(timeout=120)
        mirror = next(c["id"] for c in config["components"] if c["props"].get("elem_id") == "mirror")
        self._load = next(d["id"] for d in config["dependencies"] if d["targets"][0][1] == "load")
        self._act = next(d["id"] for d in config["dependencies"] if d["targets"] == [[mirror, "act"]])
        self._mirror = mirror

    def open(self, query: str = "") -> list[Any]:
        """Open the page at a link; return what is filled in."""
        return self._send(self._load, [], None, query)

    def press(self, do: str, **data: str) -> list[Any]:
        """Press a button; return what changes on the page."""
        return self._send(self._act, [None], {"do": do, **data}, "")

    def close(self) -> None:
        self._http.close()

    def _send(self, function: int, data: list[Any], event: dict[str, str] | None, query: str) -> list[Any]:
        asked = {"data": data, "event_data": event, "fn_index": function, "session_hash": self.session}
        joined = self._http.post(
            f"{self.address}/gradio_api/queue/join?{query}", json={**asked, "trigger_id": self._mirror}
        )
        joined.raise_for_status()
        answers = f"{self.address}/gradio_api/queue/data?session_hash={self.session}"
        with self._http.stream("GET", answers) as stream:
            for line in stream.iter_lines():
                message = json.loads(line[5:]) if line.startswith("data:") else {}
                if message.get("msg") == "process_completed":
                    assert message["success"], message
                    return message["output"]["data"]
        raise AssertionError("the server ended the conversation")


def mirrored(answer: list[Any]) -> dict[str, str]:
    """Return the selection that an answer shows: its query, clip and tab."""
    found = [value.get("value", value) if isinstance(value, dict) else value for value in answer]
    return next(json.loads(value) for value in found if isinstance(value, str) and value.startswith('{"query"'))


def read_config(address: str) -> dict[str, Any]:
    """Return Gradio's description of the page."""
    return httpx.get(f"{address}/config", timeout=60).raise_for_status().json()


def memory_per_visitor_mib(address: str, number: int, clips: list[str]) -> float:
    """Let visitors look around one after the other, none of them leaving; return what each added, in MiB."""
    config, pid = read_config(address), server_pid(int(address.rpartition(":")[2]))
    visitors = []

    def come() -> None:
        visitors.append(Visitor(address, config))
        visitors[-1].open()
        for clip in clips:
            visitors[-1].press("clip", clip=clip)
        for do, tab in WALK:
            visitors[-1].press(do, tab=tab)

    for _ in range(3):
        come()
    before = resident_mib(pid)
    for _ in range(number):
        come()
    grown = resident_mib(pid) - before
    for visitor in visitors:
        visitor.close()
    return grown / number


def server_pid(port: int) -> int:
    """Find the process that listens on a port of this machine."""
    sockets = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inode = next(row[9] for row in sockets if row[1].endswith(f":{port:04X}") and row[3] == "0A")
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if any(link.readlink().name == f"socket:[{inode}]" for link in (folder / "fd").iterdir()):
                return int(folder.name)
        except OSError:  # it ended, or is somebody else's
            continue
    raise AssertionError(f"nobody listens on port {port}")


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024
