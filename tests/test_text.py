"""The repository speaks of the project alone: not of how the work was organised, nor of texts and folders elsewhere."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXTS = {".py", ".md", ".js", ".css", ".toml", ".txt", ".json", ".jsonl", ".yml", ".cfg", ""}
ELSEWHERE = r"\.\./shared|(?<![\w.])shared/|parents?(\[\d\])? / \"shared\""

EVERYWHERE = {
    "work counted in sessions": r"(?i)\b(first|second|third|fourth|fifth|sixth|seventh|previous|earlier) session\b"
    r"|\bsession'?s? (work|recipe|log|report)\b",
    "an issue by its number": r"(?i)(?<!their )(?<!cause of )\bissue #?\d+",
    "a result that was 'asked' or 'missed'": r"\| asked \||, missed( \||\)| \()",
    "a text that is not here": r"\bDESIGN(\.md| section)|\b(OFFICIAL_FORMATS|STYLE_ANCHORS|UI_FACTS)\b"
    r"|\b(FIELD|ACTING|SIMULATORS)\.md|(?i:\bformats parts? [A-D]\d?)|\b[A-D]\d,? ?\([a-z]\)|\([A-D]\d [a-z]\)",
    "who did which part of the work": r"(?i)\bhelper (session|branch|worktree)\b|\bfarm\b",
    "a folder of one machine": r"(?<![\w.~-])/(work|root|home/\w+)/",
}
PRODUCT = {"a folder beside the repository": ELSEWHERE}


def texts() -> list[Path]:
    """Return every tracked text but this one."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.suffix in TEXTS and path.is_file() and path != Path(__file__)]


def found(pattern: str, paths: list[Path]) -> list[str]:
    """Return every line that holds the pattern, with its place."""
    lines = []
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if match := re.search(pattern, line):
                lines.append(f"{path.relative_to(ROOT)}:{number}: {match[0]}")
    return lines


@pytest.mark.parametrize("what", EVERYWHERE)
def test_no_text_speaks_of(what):
    assert found(EVERYWHERE[what], texts()) == []


@pytest.mark.parametrize("what", PRODUCT)
def test_the_program_does_not_look_into(what):
    product = [path for path in texts() if path.relative_to(ROOT).parts[0] in ("app.py", "lapa", "viz", "README.md")]
    assert len(product) > 100 and found(PRODUCT[what], product) == []


@pytest.mark.parametrize(
    "line",
    [
        "## 2026-11-21, third session: a policy that reads",
        "of the fourth session's recipe",
        "fixes issue 12",
        "| the arm | asked | reached |",
        "| 2 dB | 1.7 dB, missed |",
        "Source: formats part A3.",
        '"""C3 (e)."""',
        "something of them (C3 f).",
        "(DESIGN section 4)",
        "as OFFICIAL_FORMATS.md lists",
        "/work/main/data",
    ],
)
def test_such_a_line_would_be_found(line):
    assert any(re.search(pattern, line) for pattern in EVERYWHERE.values())


@pytest.mark.parametrize("line", ['ROOT.parent / "shared" / "droid"', 'parents[1] / "shared"', "in ../shared/droid"])
def test_such_a_path_would_be_found(line):
    assert re.search(ELSEWHERE, line)
