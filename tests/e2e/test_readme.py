"""The README tells the truth: its commands run, its Python runs, what it links to exists.

Training commands run as they stand but for their size (preset tiny, few episodes, few pairs).
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from lapa.data.video import write_video

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.strip()
    for block in re.findall(r"```bash\n(.*?)```", README, re.S)
    for line in block.splitlines()
    if line.startswith("python -m lapa")
]
SMALLER = {" small ": " tiny ", "--episodes 50": "--episodes 12", "eval laq": "eval laq --num-pairs 100"}
SMALLER |= {"eval policy": "eval policy --num-pairs 60"}
SMALLER |= {"eval robot --episodes 4": "eval robot --episodes 1 --max-steps 5"}


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder laid out like the repository, with a user's own videos in it."""
    place = tmp_path_factory.mktemp("readme")
    for name in ("assets", "checkpoints"):
        (place / name).symlink_to(ROOT / name)
    import numpy as np

    lines = []
    for number in range(10):
        frames = np.random.default_rng(number).integers(0, 255, (1, 64, 64, 3), np.uint8).repeat(24, 0)
        for t, frame in enumerate(frames):
            frame[20:40, t : t + 20] = 255
        write_video(place / "my_videos" / f"{number}.mp4", frames, 10)
        lines.append(f'{{"file_name": "{number}.mp4", "instruction": "move right {number % 2}"}}\n')
    (place / "my_videos" / "metadata.jsonl").write_text("".join(lines))
    return place


def run(command: list[str], place: Path) -> str:
    environment = os.environ | {"LAPA_CACHE": str(place / "cache"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stderr[-3000:]}"
    return done.stdout


def test_every_command_runs_in_the_order_of_the_page(place):
    assert len(COMMANDS) >= 10
    for command in COMMANDS:
        for long, short in SMALLER.items():
            command = command.replace(long, short)
        run([sys.executable, *shlex.split(command)[1:]], place)
    assert (place / "out" / "map.pdf").stat().st_size > 1000
    assert (place / "out" / "dream.gif").stat().st_size > 1000


def test_the_python_example_runs(place):
    [code] = re.findall(r"```python\n(.*?)```", README, re.S)
    out = run([sys.executable, "-c", code], place)
    assert len(out.splitlines()) == 9


def test_what_it_links_to_exists():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if "://" not in target:
            assert (ROOT / target).exists(), target


def test_every_library_it_names_is_required():
    required = {re.split(r"[<>=~\[]", line)[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines()}
    table = README.split("| library |")[1]
    named = {name.strip() for row in re.findall(r"^\| ([^|]+) \|", table, re.M) for name in row.split(",")} - {"---"}
    assert named == {"pillow" if name.lower() == "pillow" else name for name in required}


def test_every_number_of_the_results_is_there():
    assert "RESULTS_TABLE" not in README and "LIMITS\n" not in README
