"""What axe-core, the accessibility checker, finds wrong with a page as it stands in the browser.

Nothing is excluded, not even what is Gradio's own; would that become necessary, name the part here and say why.
"""

from __future__ import annotations

from pathlib import Path

import axe_playwright_python

WORST = ("serious", "critical")
OPEN_FOLDS = "document.querySelectorAll('details').forEach((fold) => (fold.open = true))"
RUN = "async () => (await axe.run(document, { resultTypes: ['violations'] })).violations"


def findings(page) -> list[str]:
    """Unfold whatever is folded, run axe-core, and return its serious and critical findings, one sentence each."""
    page.evaluate(OPEN_FOLDS)
    if not page.evaluate("'axe' in window"):
        page.evaluate((Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    return [
        f"{rule['impact']} {rule['id']} at {' '.join(map(str, node['target']))}: {why(node)}"
        for rule in page.evaluate(RUN)
        if rule["impact"] in WORST
        for node in rule["nodes"]
    ]


def why(node: dict) -> str:
    """Return what axe-core says of one element."""
    return "; ".join(check["message"] for kind in ("any", "all", "none") for check in node[kind])
