"""How fast the Map is in a real browser: `python -m tests.app.map_speed --rows 10000 100000`.

Builds indices of as many rows as asked for, drawn from the statistics of a real one, beside the real quantizer in a
folder that goes away again; serves the app; and measures in Chromium, as medians:

    first paint    from the press on the tab to the drawn map, on a page that has not drawn one yet
    click          from the press on a point until address, side panel and ring show it
    lasso          from letting go until the set's statistics are there
    recolour       from another colour until the map is drawn again

The machine's load is printed beside the numbers: they mean what they say only on an idle one.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from lapa.index import load_index, save_index
from lapa.types import LatentIndex
from tests.app.conftest import CHROMIUM, CHROMIUM_OPTIONS, ROOT, _wait_for

THUMBS_UP_TO = 10_000
CLIP_FRAMES = 30
LIMITS_S = {10_000: {"first paint": 2.0, "click": 0.3}, 100_000: {"first paint": 6.0, "click": 0.6}}
AT = """() => {
  const plot = document.querySelector('#plot .plot'), box = plot.getBoundingClientRect();
  const { xaxis, yaxis } = plot._fullLayout, trace = plot._fullData.find((one) => one.customdata), i = %d;
  const k = i %% trace.x.length, at = (axis, value) => axis._offset + axis.c2p(value);
  return [box.x + at(xaxis, trace.x[k]), box.y + at(yaxis, trace.y[k])];
}"""
PICKED = """row => /[?&]row=\\d/.test(location.search) && (location.search.match(/row=(\\d+)/) || [])[1] !== row
  && document.querySelector('#map-detail .detail')?.innerText.includes('Picked')"""

CHANGED = "before => document.querySelector('#picked').innerHTML !== before"
AGAIN = "drawn => document.querySelector('#plot .plot').dataset.drawn !== drawn"


def grow_index(index: LatentIndex, num_rows: int, clip_names: tuple[str, ...], seed: int = 0) -> LatentIndex:
    """Return an index of `num_rows` transitions that look like those of `index`: its rows drawn again, moved a little.

    They are said to be of the clips named, so that a press on the map finds them.
    """
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.integers(len(index), size=num_rows))
    near = {
        name: (getattr(index, name)[rows] + rng.normal(0, 0.02 * getattr(index, name).std(axis=0), shape)).astype(
            np.float32
        )
        for name, shape in {
            "continuous": (num_rows, *index.continuous.shape[1:]),
            "pca": (num_rows, 2),
            "umap": (num_rows, 2),
        }.items()
    }
    clip = rng.integers(len(clip_names), size=num_rows).astype(np.int32)
    following = index.tokens[rng.permutation(rows)].copy()
    following[rng.random(num_rows) < 0.2] = -1
    return dataclasses.replace(
        index,
        **near,
        tokens=index.tokens[rows],
        clip=clip,
        t=rng.integers(CLIP_FRAMES, size=num_rows).astype(np.int32),
        magnitude=index.magnitude[rows],
        displacement=index.displacement[rows],
        clip_names=clip_names,
        clip_instructions=tuple(index.clip_instructions[i] for i in range(len(clip_names))),
        clip_splits=tuple("validation" if i % 5 == 0 else "train" for i in range(len(clip_names))),
        thumbs=index.thumbs[rows] if index.thumbs is not None and num_rows <= THUMBS_UP_TO else None,
        following=following,
        clip_facts={"embodiment": tuple("hand" if i % 3 == 0 else "arm" for i in range(len(clip_names)))},
        trustworthiness={"umap": 0.9, "pca": 0.8},
    )


def build_bundles(folder: Path, sizes: list[int]) -> None:
    """Write a bundle "tabletop" and one named after each size, all with the shipped quantizer."""
    shipped = ROOT / "checkpoints" / "tabletop"
    names = tuple(sorted(path.name for path in (ROOT / "assets" / "clips").glob("*.mp4")))
    real = load_index(shipped / "index")
    for name, size in {"tabletop": min(sizes), **{f"rows{size}": size for size in sizes}}.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "laq").symlink_to(shipped / "laq")
        save_index(grow_index(real, size, names), folder / name / "index")


@contextmanager
def served(checkpoints: Path) -> Iterator[str]:
    """Serve the app over `checkpoints`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = checkpoints / "app.log"
    environment = {**os.environ, "LAPA_CHECKPOINTS": str(checkpoints), "OMP_NUM_THREADS": "1"}
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "app.py", "--port", str(port)], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}", process, log, 900)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


def timed(do: Callable[[], object], done: Callable[[], object]) -> float:
    start = time.perf_counter()
    do()
    done()
    return time.perf_counter() - start


def measure(page, address: str, size: int, times: int) -> dict[str, list[float]]:
    """Return seconds of each kind, `times` of each."""
    found: dict[str, list[float]] = {"first paint": [], "click": [], "lasso": [], "recolour": []}
    for attempt in range(times + 1):
        page.goto(f"{address}/?bundle=rows{size}&tab=inspect")
        page.wait_for_selector("#pair img")
        page.wait_for_timeout(1500)
        took = timed(lambda: page.click("#tab-map-button"), lambda: page.wait_for_selector("#plot .plot[data-drawn]"))
        if attempt:  # the first one opens the index and lays out the map; the others find it kept
            found["first paint"].append(took)
    page.wait_for_selector("#map-detail .neighbour")
    for attempt in range(times):
        x, y = page.evaluate(AT % (attempt * 7919 + 13))
        row = page.evaluate("() => (location.search.match(/row=(\\d+)/) || [])[1] || ''")
        page.mouse.move(x - 1, y - 1)
        page.mouse.move(x, y)
        page.wait_for_timeout(300)
        found["click"].append(
            timed(lambda x=x, y=y: page.mouse.click(x, y), lambda row=row: page.wait_for_function(PICKED, arg=row))
        )
    page.click("#plot .modebar-btn[data-title='Lasso Select']")
    left, top, width, height = page.evaluate(
        "() => { const box = document.querySelector('#plot .nsewdrag').getBoundingClientRect();"
        "return [box.x, box.y, box.width, box.height]; }"
    )
    for attempt in range(times):
        before = page.inner_html("#picked")
        reach = 0.5 + 0.02 * attempt
        corners = [(0.2, 0.2), (0.2 + reach, 0.2), (0.2 + reach, 0.8), (0.2, 0.8)]
        places = [(left + min(x, 0.95) * width, top + y * height) for x, y in corners]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=3)
        found["lasso"].append(timed(page.mouse.up, lambda b=before: page.wait_for_function(CHANGED, arg=b)))
    for attempt in range(times):
        drawn = page.get_attribute("#plot .plot", "data-drawn")
        page.click("#map-colour input")
        option = page.locator("[role=option]").nth(1 + attempt % 3)
        found["recolour"].append(timed(option.click, lambda d=drawn: page.wait_for_function(AGAIN, arg=d)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--times", type=int, default=20)
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="lapa-map-speed-") as folder:
        build_bundles(Path(folder), options.rows)
        with served(Path(folder)) as address, sync_playwright() as started:
            browser = started.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            page.set_default_timeout(300_000)
            for size in options.rows:
                for name, seconds in measure(page, address, size, options.times).items():
                    limit = LIMITS_S.get(size, {}).get(name)
                    wanted = "" if limit is None else f"  goal: {limit:.1f} s"
                    spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
                    load = os.getloadavg()[0]
                    sys.stdout.write(
                        f"{size:>7,} rows  {name:<12} {statistics.median(seconds):6.2f} s  ({spread} of {len(seconds)})"
                        f"{wanted}  load {load:.1f} on {os.cpu_count()} cores\n"
                    )
                    sys.stdout.flush()
            browser.close()


if __name__ == "__main__":
    main()
