"""The app: read options, open the models and the clips, assemble the tabs, launch. Also a Space's entry point.

python app.py                                     the shipped bundles
python app.py --laq DIR --policy DIR --index DIR  models of your own
"""

from __future__ import annotations

import contextlib
import gc
import os
import secrets
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import tyro

from lapa.threads import limit_threads

ROOT = Path(__file__).resolve().parent
DEFAULT_CLIPS = {
    "tabletop": ROOT / "assets" / "clips",
    "bodies": ROOT / "assets" / "bodies",
    "droid": ROOT / "data" / "droid",
    "real_clips": ROOT / "data" / "real_clips",
}
"""Group of the shelf -> where its videos lie, if they are there."""
POLICY_AFTER_S = 5.0
"""Seconds after the start when the policy is loaded in the background, so that the page comes first."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Look at latent actions in the browser."""

    bundle: str = "tabletop"
    """Which shipped models to open first."""
    laq: Path | None = None
    """A quantizer of your own, instead of the bundle's."""
    policy: Path | None = None
    """A policy made with it."""
    index: Path | None = None
    """An index made with it."""
    clips: Annotated[tuple[Path, ...], tyro.conf.UseAppendAction] = ()
    """Further folders of videos (or LeRobot data sets) to choose from; repeat for several."""
    camera: str = ""
    """Camera of the LeRobot data sets among them; by default one that sees the scene in colour."""
    host: str | None = None
    """Address to listen on; 0.0.0.0 for all. If not given, $GRADIO_SERVER_NAME (which Spaces set) or 127.0.0.1."""
    port: int | None = None
    """Port to listen on; the first free one from $GRADIO_SERVER_PORT or 7860 if not given."""
    share: bool = False
    """Make a public link through Gradio's servers."""
    max_upload_mb: int = 200
    """Largest upload, in megabytes."""
    max_upload_s: int = 600
    """Longest upload, in seconds."""
    device: str = "auto"
    """auto (a GPU where there is one), cpu, cuda, cuda:1, mps."""
    precision: Literal["auto", "bf16", "fp32", "8bit", "4bit"] = "auto"
    """Arithmetic of a released policy; auto is the one it is stored in."""
    threads: int | None = None
    """Threads to compute with; as many as there are idle cores if not given."""


def main(options: Options) -> None:
    """Build the app and serve it until it is stopped; what it wrote meanwhile goes with it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="lapa-app-", ignore_cleanup_errors=True) as private:
        demo, settings = build(options, Path(private))
        from viz.tabs.api import answer_in_json

        demo.launch(
            server_name=options.host,
            server_port=options.port,
            share=options.share,
            max_file_size=f"{options.max_upload_mb}mb",
            mcp_server=True,
            prevent_thread_lock=True,
            **settings,
        )
        answer_in_json(demo.mcp_server_obj)
        gc.freeze()  # models and modules stay: searching them for garbage costs pauses, and seconds at the end
        demo.block_thread()


def build(options: Options, private: Path):
    """Assemble the app, which writes into `private` only; return the blocks and what `launch` needs to know."""
    limit_threads(options.threads)
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("GRADIO_TEMP_DIR", str(private / "gradio"))
    from viz.tabs.assemble import assemble
    from viz.tabs.space import page_script

    bench = open_bench(options, private / "uploads")
    demo, settings = assemble(
        bench, assets=ROOT / "assets", max_upload_mb=options.max_upload_mb, max_upload_s=options.max_upload_s
    )
    return demo, {**settings, "head": page_script() + settings["head"]}


def open_bench(options: Options, uploads: Path):
    """Open the first bundle, and prepare the others and the clips."""
    from lapa.data.upload import UploadLimits
    from lapa.data.video_writer import write_video
    from viz.tabs.shelf import Shelf
    from viz.tabs.workbench import Workbench

    limits = UploadLimits(max_megabytes=options.max_upload_mb, max_duration_s=options.max_upload_s)
    openers = find_openers(options)
    first = next(iter(openers))
    opened = openers[first]()
    later = threading.Timer(POLICY_AFTER_S, load_policy_ahead, [opened])
    later.daemon = True
    later.start()
    sources = find_sources(options)
    shelf = Shelf(sources, open_upload=partial(take_upload, uploads, limits), open_clip=opened.open_clip)
    home = next(iter(sources)) if options.clips else None
    return Workbench({**openers, first: lambda: opened}, shelf, write_video, home)


def take_upload(uploads: Path, limits, path: Path):
    """Check a visitor's video and keep a copy of it in `uploads`, under a name that nobody can guess."""
    from lapa.data.upload import check_upload, make_proxy
    from lapa.limits import MAX_FRAMES
    from viz.tabs.shelf import Upload

    check_upload(path, limits)
    proxy = make_proxy(path, uploads / f"{secrets.token_hex(8)}{path.suffix}", max_frames=MAX_FRAMES)
    return Upload(proxy.path, proxy.note)


def load_policy_ahead(explorer) -> None:
    """Load the policy before anybody opens Dream; one that cannot be loaded is reported there, not here."""
    from lapa.types import LapaError

    with contextlib.suppress(LapaError):
        if explorer.has_policy:
            explorer.need_policy()


def find_openers(options: Options) -> dict[str, Callable]:
    """Return, per bundle, what opens it; the one asked for comes first."""
    from lapa.explorer import Explorer

    own = {kind: getattr(options, kind) for kind in ("laq", "policy", "index") if getattr(options, kind) is not None}
    first = "own" if options.laq else options.bundle
    names = [first, *(name for name in Explorer.bundles() if name != first)]
    openers = {name: partial(open_explorer, name, device=options.device) for name in names}
    openers[first] = partial(open_explorer, options.bundle, **own, device=options.device, precision=options.precision)
    return openers


def open_explorer(bundle: str, *, device: str, precision: str = "auto", **parts: Path):
    """Open a bundle; where a GPU is lent by the call, only its policy's twin lives on it."""
    from lapa.explorer import Explorer
    from viz.tabs.space import dream_on_lent_gpu, is_zero_gpu

    if device != "auto" or not is_zero_gpu():
        return Explorer.open(bundle, **parts, device=device, precision=precision)
    explorer, on_gpu = (Explorer.open(bundle, **parts, device=place, precision=precision) for place in ("cpu", "cuda"))
    return dream_on_lent_gpu(explorer, on_gpu)


def find_sources(options: Options) -> dict:
    """Return the groups of clips that are on this machine, those given with --clips first.

    Raises:
        LapaError: if a folder given with --clips cannot be opened, or there are no clips at all.
    """
    from lapa.data.source import is_lerobot, open_source
    from lapa.types import LapaError

    sources = {}
    for path in options.clips:
        source = open_source(path, camera=options.camera if is_lerobot(path) else "")
        name = source.name if source.name not in sources else f"{source.name}-{len(sources)}"
        sources[name] = source
    for group, place in DEFAULT_CLIPS.items():
        if group not in sources and place.is_dir() and any(place.iterdir()):
            sources[group] = open_source(place)
    if not sources:
        raise LapaError("there are no clips to look at: name a folder of videos with --clips")
    return sources


def run_from_command_line() -> int:
    """Serve; return the exit status: 1 with one sentence if the options name something that cannot be used."""
    options = tyro.cli(Options, description=__doc__)
    from lapa.types import LapaError

    try:
        main(options)
    except LapaError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(run_from_command_line())
