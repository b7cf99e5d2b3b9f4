"""The room in which a Space runs an app, built around `python app.py` on this machine; `test_space.py` runs it.

    unshare --net --mount python tests/app/space_room.py '{"port": 7860, "walls": ["network", "disk"]}'

Another user without a home, code that cannot be written, nothing writable but /tmp, no network but the loopback: as
many of these walls as this kernel lets root build. It tries the walls first, then the app, and prints what it found as
JSON.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
START_S = 240.0
PROBE = """
import json, os, socket, sys, tempfile
def may(do):
    try: do()
    except OSError: return False
    return True
def write(folder): return lambda: open(os.path.join(folder, "space-room"), "w").close()
def call(): socket.create_connection(("1.1.1.1", 443), timeout=2).close()
print(json.dumps({"user": os.getuid(), "code": may(write(sys.argv[1])), "venv": may(write(sys.prefix)),
    "home": may(write(os.environ["HOME"])), "var": may(write("/var/tmp")), "tmp": may(write(tempfile.gettempdir())),
    "network": may(call)}))
"""


def main(port: int, walls: list[str]) -> dict:
    """Build the walls, try them, start the app, use it, stop it."""
    if "network" in walls:
        raise_loopback()
    if "disk" in walls:
        for command in ("mount --bind /tmp /tmp", "mount -o remount,bind,ro /"):
            subprocess.run(command.split(), check=True)
    with tempfile.TemporaryDirectory(prefix="space-room-", dir="/tmp") as tmp:
        os.chmod(tmp, 0o777)
        user, environment = as_nobody(walls), space_environment(port, tmp)
        probe = [*user, sys.executable, "-c", PROBE, str(ROOT)]
        tried = subprocess.run(probe, env=environment, cwd=ROOT, stdout=subprocess.PIPE, check=True)
        log = Path(tmp) / "app.log"
        with log.open("w") as output:
            command = [*user, sys.executable, "app.py"]
            app = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
        try:
            found = use(f"http://127.0.0.1:{port}", app)
        except Exception as error:
            found = {"failed": repr(error)}
        app.send_signal(signal.SIGTERM)
        stopped = time.monotonic()
        found |= {"exit": app.wait(30), "stop_s": round(time.monotonic() - stopped, 1)}
        left = sorted(path.name for path in Path(tmp).iterdir() if path.name.startswith("lapa-"))
        return {"tried": json.loads(tried.stdout), **found, "left": left, "log": log.read_text()}


def as_nobody(walls: list[str]) -> list[str]:
    """Return what runs a command as another user; one that may read everything if it cannot reach Python otherwise."""
    user = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "--no-new-privs"]
    key = ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]
    return [*user, *key] if "key" in walls else user


def space_environment(port: int, tmp: str) -> dict[str, str]:
    """Return the variables that a Space sets, and no others of ours."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LAPA_CHECKPOINTS") if name in os.environ}
    return kept | {
        "HOME": "/home/nobody-lives-here",
        "TMPDIR": tmp,
        "SYSTEM": "spaces",
        "SPACE_ID": "somebody/latent-actions",
        "SPACE_HOST": "somebody-latent-actions.hf.space",
        "GRADIO_SERVER_NAME": "0.0.0.0",
        "GRADIO_SERVER_PORT": str(port),
        "OMP_NUM_THREADS": "2",
    }


def use(address: str, app: subprocess.Popen) -> dict:
    """Wait for the app, look at the page, and ask for what touches the disk: pictures, a dream, a figure, a video."""
    start = time.monotonic()
    while True:
        try:
            page = fetch(address)
            break
        except OSError:
            if app.poll() is not None or time.monotonic() - start > START_S:
                raise
            time.sleep(0.3)
    first_page_s = time.monotonic() - start
    clip = ask(address, "clips", "", "")["clips"][0]["clip"]
    start = time.monotonic()
    seen = ask(address, "encode", clip, 3, 0, "")
    first_answer_s = time.monotonic() - start
    dreamed = ask(address, "rollout", clip, 3, "push the red star to the left", 2, 0, 0, "", 0)
    figure = ask(address, "export", "codebook", "png", "umap", "transition", "token 0", "")["figure"]
    with tempfile.NamedTemporaryFile(suffix=".mp4") as video:
        shutil.copyfileobj((ROOT / "assets" / "clips" / "block2block_00.mp4").open("rb"), video)
        video.flush()
        taken = ask(address, "upload", {"path": post(address, Path(video.name))})
    return {
        "knows_its_space": "somebody/latent-actions" in page.decode(),
        "first_page_s": round(first_page_s, 1),
        "first_answer_s": round(first_answer_s, 2),
        "tokens": seen["tokens"],
        "picture": fetch(dreamed["steps"][1]["picture"]["url"])[1:4].decode(),
        "figure": fetch(figure["url"])[1:4].decode(),
        "uploaded_frames": taken["num_frames"],
        "memory_mib": memory_mib(app.pid),
    }


def ask(address: str, verb: str, *data: object) -> dict:
    """Call an endpoint."""
    body, kind = json.dumps({"data": data}).encode(), {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/gradio_api/call/{verb}", body, kind)
    event = json.loads(fetch(request))["event_id"]
    answer = fetch(f"{address}/gradio_api/call/{verb}/{event}").decode()
    assert "event: complete" in answer, f"{verb}: {answer}"
    return json.loads(answer.rpartition("data: ")[2])[0]


def post(address: str, path: Path) -> str:
    """Upload a file; return where the server put it."""
    head = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{path.name}"\r\n\r\n'.encode()
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    body = head + path.read_bytes() + b"\r\n--x--\r\n"
    return json.loads(fetch(urllib.request.Request(f"{address}/gradio_api/upload", body, kind)))[0]


def fetch(request: str | urllib.request.Request) -> bytes:
    with urllib.request.urlopen(request, timeout=120) as answer:
        return answer.read()


def memory_mib(pid: int) -> int:
    """Return the resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) // 1024


def raise_loopback() -> None:
    """Bring up the loopback of a fresh network namespace (`ip link set lo up`, without needing `ip`)."""
    get_flags, set_flags, up = 0x8913, 0x8914, 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = fcntl.ioctl(control, get_flags, struct.pack("16sH14x", b"lo", 0))
        flags = struct.unpack("16sH14x", request)[1] | up
        fcntl.ioctl(control, set_flags, struct.pack("16sH14x", b"lo", flags))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(**json.loads(sys.argv[1]))))
