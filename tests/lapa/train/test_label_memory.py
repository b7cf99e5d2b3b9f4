"""Ten times the videos are labelled in the same memory."""

from pathlib import Path

from tests.lapa.train.label_memory import ROOT, peak_mib

LAQ = ROOT / "checkpoints" / "tabletop" / "laq"


def test_ten_times_the_data_take_the_same_memory():
    videos = sorted(Path(ROOT, "assets", "clips").glob("*.mp4"))[:8]
    once, ten = (peak_mib(videos, LAQ, times) for times in (3, 30))
    assert ten < 1.1 * once, f"{once:.0f} MiB for 24 videos, {ten:.0f} MiB for 240"
