"""How much memory labelling takes, and whether ten times the data take more: `python -m tests.lapa.train.label_memory`.

Each labelling runs in a process of its own; its peak is what the system counted.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[3]
MEASURED = """
import json, resource, sys
from lapa.cli import main
assert main(sys.argv[1:]) == 0
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
"""


def peak_mib(videos: list[Path], laq: Path, times: int) -> float:
    """Label these videos, each `times` times under another name, with one clip of each held out; return the peak."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "videos")
        data.mkdir()
        for i in range(times):
            for video in videos:
                (data / f"{i:03d}_{video.name}").symlink_to(video.resolve())
        arguments = ["label", "--data", str(data), "--laq", str(laq), "--out", str(Path(folder, "labels"))]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", MEASURED, *arguments]
        answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stderr
        return float(json.loads(answer.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=Path, default=ROOT / "assets" / "clips")
    parser.add_argument("--laq", type=Path, default=ROOT / "checkpoints" / "tabletop" / "laq")
    options = parser.parse_args()
    videos = sorted(options.videos.glob("*.mp4"))
    once, ten = (peak_mib(videos, options.laq, times) for times in (3, 30))
    num = 3 * len(videos)
    sys.stdout.write(f"{num} videos: {once:.0f} MiB; {10 * num}: {ten:.0f} MiB; {ten / once:.2f} times\n")


if __name__ == "__main__":
    main()
