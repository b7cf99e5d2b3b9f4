"""Several people at once: `python -m tests.app.visitors` serves the shipped models and sends eight browsers there.

Each browser context does the four flows, every one beginning with another of them:

    frame         another frame of the clip: tokens, reconstruction, neighbours, every picture decoded
    token         another token in the editor: the new future
    map click     a press on a point: address and side panel show it
    dream         an instruction: its first step, then each step from the one before

First one visitor alone, then all at once; times are measured inside the pages, from the press to the screen. Browsers
and server share this machine's cores, so the times mean what they say only where nothing else runs; the load goes to
stderr. The table on stdout ends with the server's memory for each further visitor.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np

from tests.app.conftest import CHROMIUM, CHROMIUM_OPTIONS, ROOT, serving
from tests.app.map_speed import AT, PICKED
from tests.app.session import resident_mib, server_pid
from tests.app.speed import DECODED, INSTRUCTION, LIMITS_MS, PATIENCE_MS, STEPS, TIMED

GOALS_MS = {
    "frame": LIMITS_MS["frame"],
    "token": LIMITS_MS["token"],
    "map click": 300,
    "dream, first step": None,
    "dream, next step": LIMITS_MS["dream"],
}
MOST_TIMES_GOAL = 4
MOST_MIB = 30
NUM_STEPS = 3
PRESSED = """([shown, before]) => new Promise((resolve) => {
  const isShown = eval(shown);
  addEventListener("pointerdown", () => {
    const start = performance.now();
    const look = () => (isShown(before) ? resolve(performance.now() - start) : requestAnimationFrame(look));
    look();
  }, { capture: true, once: true });
  document.body.dataset.listens = "yes";
})"""
Times = dict[str, list[float]]
Flow = Callable[..., Awaitable[Times]]


async def frame(page, address: str, times: int, rest_ms: float) -> Times:
    """Step along the ribbon."""
    await page.goto(f"{address}&t=1&tab=inspect")
    await page.wait_for_selector("#near .neighbour img")
    found = []
    for t in range(2, times + 2):
        await page.wait_for_timeout(rest_ms)
        shown = f"document.querySelector('#pair figcaption b').textContent === 'Frame {t}'"
        shown += f" && {DECODED % '#pair'} && {DECODED % '#near'}"
        found.append(await page.evaluate(TIMED, ["#ribbon", "ArrowRight", shown]))
    return {"frame": found}


async def token(page, address: str, times: int, rest_ms: float) -> Times:
    """Edit each position in its turn."""
    await page.goto(f"{address}&t=4&tab=decode")
    await page.wait_for_selector("#sheet img")
    spins, found = await page.locator("#decoded .spin").count(), []
    for edit in range(times):
        await page.wait_for_timeout(rest_ms)
        spin = f"#decoded .spin[data-position='{edit % spins}']"
        now, last = [int(await page.get_attribute(spin, f"aria-value{which}")) for which in ("now", "max")]
        before = await page.get_attribute("#decoded .editor", "aria-label")
        shown = f"document.querySelector('#decoded .editor').ariaLabel !== '{before}' && {DECODED % '#decoded'}"
        found.append(await page.evaluate(TIMED, [spin, str((now + 1) % (last + 1) % 10), shown]))
    return {"token": found}


async def map_click(page, address: str, times: int, rest_ms: float) -> Times:
    """Press points of the map."""
    await page.goto(f"{address}&t=4&tab=map")
    await page.wait_for_selector("#plot .plot[data-drawn]")
    await page.wait_for_selector("#map-detail .neighbour")
    found = []
    for press in range(times):
        await page.wait_for_timeout(rest_ms)
        x, y = await page.evaluate(AT % (press * 7919 + 13))
        row = await page.evaluate("() => (location.search.match(/row=(\\d+)/) || [])[1] || ''")
        await page.mouse.move(x - 1, y - 1)
        await page.mouse.move(x, y)
        await page.evaluate("delete document.body.dataset.listens")
        timed = asyncio.ensure_future(page.evaluate(PRESSED, [PICKED, row]))
        await page.wait_for_selector("body[data-listens]", state="attached")
        await page.mouse.click(x, y)
        found.append(await timed)
    return {"map click": found}


async def dream(page, address: str, times: int, rest_ms: float) -> Times:
    """Dream three steps, again and again."""
    await page.goto(f"{address}&t=4&tab=dream")
    await page.wait_for_selector("#expected .bar")
    await page.fill("#instruction :is(input, textarea)", INSTRUCTION)
    await page.fill("#dream-options input[type=number] >> nth=0", str(NUM_STEPS))
    await page.keyboard.press("Tab")
    found: Times = {"dream, first step": [], "dream, next step": []}
    for again in range(max(1, times // NUM_STEPS)):
        await page.wait_for_timeout(rest_ms)
        if again:
            await page.click("#tree [data-do=clear]")
            await page.wait_for_selector("#stage .film-row:first-child .film-cell + .film-next")
        await page.evaluate(STEPS, NUM_STEPS)
        await page.wait_for_function(f"() => window.stepTimes.length > {NUM_STEPS}")
        await page.wait_for_selector("#stage .dream:not(.running)")
        gaps = np.diff(await page.evaluate("window.stepTimes")).tolist()
        found["dream, first step"].append(gaps[0])
        found["dream, next step"] += gaps[1:]
    return found


FLOWS: tuple[Flow, ...] = (frame, token, map_click, dream)


async def visit(page, address: str, first: int, times: int, rest_ms: float) -> Times:
    """Do all flows, beginning with flow number `first`; return milliseconds of each kind."""
    found: Times = {}
    for number in range(len(FLOWS)):
        found |= await FLOWS[(first + number) % len(FLOWS)](page, address, times, rest_ms)
    return found


async def come(browser, address: str, bundle: str, clips: list[str], times: int, rest_ms: float) -> tuple[Times, list]:
    """Let one visitor per clip come at once, each in a context of its own; return their times, all still there."""
    contexts = [await browser.new_context(viewport={"width": 1400, "height": 900}) for _ in clips]
    pages = [await context.new_page() for context in contexts]
    for page in pages:
        page.set_default_timeout(PATIENCE_MS)
    links = [f"{address}/?bundle={bundle}&clip={clip}" for clip in clips]
    visits = (visit(page, link, n, times, rest_ms) for n, (page, link) in enumerate(zip(pages, links, strict=True)))
    found: Times = defaultdict(list)
    for times_of_one in await asyncio.gather(*visits):
        for name, values in times_of_one.items():
            found[name] += values
    return found, contexts


async def measure(address: str, options: argparse.Namespace) -> tuple[Times, Times, float]:
    """Return the times of one visitor alone, those of all at once, and MiB of the server for each of these."""
    from playwright.async_api import async_playwright

    names = sorted(path.name for path in (ROOT / "assets" / "clips").glob("*.mp4"))
    clips = [f"tabletop/{names[n % len(names)]}" for n in range(options.number)]
    pid = server_pid(int(address.rpartition(":")[2]))
    async with async_playwright() as started:
        browser = await started.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        ask = (options.times, options.rest_ms)
        await come(browser, address, options.bundle, clips[:2], 1, options.rest_ms)  # as many as the server lets in
        page = await browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        for clip in dict.fromkeys(clips):  # what all share is there before memory is measured
            await page.goto(f"{address}/?bundle={options.bundle}&clip={clip}&t=4")
            await page.wait_for_selector("#near .neighbour img")
        note("one visitor alone")
        alone, _ = await come(browser, address, options.bundle, clips[:1], *ask)
        before = resident_mib(pid)
        note(f"{options.number} visitors at once")
        together, _ = await come(browser, address, options.bundle, clips, *ask)
        each = (resident_mib(pid) - before) / options.number
        note("done")
        await browser.close()
    return alone, together, each


def note(text: str) -> None:
    """Say on stderr what begins, and how busy the machine is."""
    sys.stderr.write(f"{text} (load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)\n")


def table(alone: Times, together: Times, each_mib: float, number: int) -> str:
    """Return everything as one Markdown table."""
    head = [
        "",
        "goal",
        "one alone: median",
        "p95",
        f"{number} at once: median",
        "p95",
        f"p95 / goal (at most {MOST_TIMES_GOAL})",
    ]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    for name, goal in GOALS_MS.items():
        cells = [
            f"{value:.0f} ms" for times in (alone[name], together[name]) for value in np.percentile(times, [50, 95])
        ]
        ratio = "" if goal is None else f"{np.percentile(together[name], 95) / goal:.1f}"
        lines.append([f"{name}, {len(together[name])} times", "" if goal is None else f"{goal} ms", *cells, ratio])
    lines.append(["server memory per further visitor", f"{MOST_MIB} MiB", "", "", f"{each_mib:.1f} MiB", "", ""])
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=8, help="of visitors at once")
    parser.add_argument("--times", type=int, default=12, help="that each of them does each thing")
    parser.add_argument("--rest-ms", type=float, default=800, help="that each of them looks at what came, in between")
    parser.add_argument("--bundle", default="tabletop")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="lapa-visitors-") as folder,
        serving(ROOT / "checkpoints", ROOT / "assets" / "clips", Path(folder)) as address,
    ):
        alone, together, each = asyncio.run(measure(address, options))
    sys.stdout.write(table(alone, together, each, options.number))


if __name__ == "__main__":
    main()
