"""Files for visitors to keep: made when asked for and handed over inside the answer; none stays on the server."""

from __future__ import annotations

import base64
import mimetypes
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from lapa.types import Frame, LapaError
from viz.tabs.markup import same_size
from viz.tabs.workbench import Workbench

SAVE_KINDS = ("mp4", "gif")
FILM_FPS = 4.0


def save_film(bench: Workbench, frames: Sequence[Frame], kind: str) -> dict[str, str]:
    """Write frames as a film; return its name and content as a data address."""
    if kind not in SAVE_KINDS:
        raise LapaError(f"a film cannot be saved as '{kind[:10]}': choose {' or '.join(SAVE_KINDS)}")
    shown = [same_size(frame, frames[-1]) for frame in frames]
    return as_download(f"dream.{kind}", lambda path: bench.write_video(path, shown, FILM_FPS))


def as_download(name: str, write: Callable[[Path], object]) -> dict[str, str]:
    """Run `write(path)` in a private folder and return {"name", "uri"}."""
    with tempfile.TemporaryDirectory(prefix="lapa-save-") as folder:
        path = Path(folder) / name
        write(path)
        content = base64.b64encode(path.read_bytes()).decode("ascii")
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return {"name": name, "uri": f"data:{kind};base64,{content}"}
