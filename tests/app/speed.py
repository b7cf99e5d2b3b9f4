"""How fast Inspect, Decode and Dream are in a real browser, on the shipped models: `python -m tests.app.speed`.

Serves the app and measures inside the page, from the press until what it asked for stands on the screen:

    frame    another frame of the clip: tokens, reconstruction, neighbours, every picture decoded
    token    another token in the editor: the new future
    dream    one step of a dream, from the step before it

Medians of 20 (of a dream's steps the mean, since several may reach the screen at once), with the machine's load beside
them: they mean what they say only on an idle one.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from tests.app.conftest import CHROMIUM, CHROMIUM_OPTIONS, ROOT, serving

LIMITS_MS = {"frame": 400, "token": 300, "dream": 250}
PATIENCE_MS = 300_000
REST_MS = 800
INSTRUCTION = "push the red star to the left"
TIMED = """([selector, key, shown]) => new Promise((resolve) => {
  const isShown = new Function("return " + shown), start = performance.now();
  const look = () => (isShown() ? resolve(performance.now() - start) : requestAnimationFrame(look));
  const part = document.querySelector(selector);
  part.focus();
  part.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  look();
})"""
DECODED = "[...document.querySelectorAll('%s img')].every((image) => image.complete)"
STEPS = """(num) => { const times = window.stepTimes = [performance.now()];
  const cells = () => document.querySelectorAll('#stage .film-row:first-child .film-cell').length - 1;
  const look = () => { while (times.length <= cells()) times.push(performance.now());
    if (times.length <= num) requestAnimationFrame(look); };
  document.querySelector('#dream-go').click();
  look(); }"""


def frames(page, address: str, times: int) -> list[float]:
    """Return milliseconds per frame chosen, one after the other along the ribbon."""
    page.goto(f"{address}&t=1&tab=inspect")
    page.wait_for_selector("#near .neighbour img")
    found = []
    for t in range(2, times + 2):
        page.wait_for_timeout(REST_MS)
        shown = f"document.querySelector('#pair figcaption b').textContent === 'Frame {t}'"
        shown += f" && {DECODED % '#pair'} && {DECODED % '#near'}"
        found.append(page.evaluate(TIMED, ["#ribbon", "ArrowRight", shown]))
    return found


def tokens(page, address: str, times: int) -> list[float]:
    """Return milliseconds per token edited, each position in its turn."""
    page.goto(f"{address}&t=4&tab=decode")
    page.wait_for_selector("#sheet img")
    found = []
    for edit in range(times):
        page.wait_for_timeout(REST_MS)
        spin = f"#decoded .spin[data-position='{edit % page.locator('#decoded .spin').count()}']"
        code = (int(page.get_attribute(spin, "aria-valuenow")) + 1) % int(page.get_attribute(spin, "aria-valuemax"))
        key = str(code % 10)
        before = page.get_attribute("#decoded .editor", "aria-label")
        shown = f"document.querySelector('#decoded .editor').ariaLabel !== '{before}' && {DECODED % '#decoded'}"
        found.append(page.evaluate(TIMED, [spin, key, shown]))
    return found


def steps(page, address: str, times: int) -> list[float]:
    """Return milliseconds per step of a dream; the first one, which waits for the run to start, is left out."""
    page.goto(f"{address}&t=4&tab=dream")
    page.wait_for_selector("#expected .bar")
    page.fill("#instruction :is(input, textarea)", INSTRUCTION)
    page.fill("#dream-options input[type=number] >> nth=0", str(times + 1))
    page.keyboard.press("Tab")
    page.evaluate(STEPS, times + 1)
    page.wait_for_function(f"() => window.stepTimes.length > {times + 1}")
    seen = page.evaluate("window.stepTimes")
    return [after - before for before, after in zip(seen[1:-1], seen[2:], strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default="tabletop")
    parser.add_argument("--times", type=int, default=20)
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with (
        tempfile.TemporaryDirectory(prefix="lapa-speed-") as folder,
        serving(ROOT / "checkpoints", ROOT / "assets" / "clips", Path(folder)) as address,
        sync_playwright() as started,
    ):
        browser = started.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        for name, measure, middle in (
            ("frame", frames, statistics.median),
            ("token", tokens, statistics.median),
            ("dream", steps, statistics.mean),
        ):
            took = measure(page, f"{address}/?bundle={options.bundle}", options.times)
            sys.stdout.write(
                f"{name:<6} {middle(took):5.0f} ms  ({min(took):.0f} to {max(took):.0f} of {len(took)})  "
                f"goal: {LIMITS_MS[name]} ms  load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n"
            )
            sys.stdout.flush()
        browser.close()


if __name__ == "__main__":
    main()
