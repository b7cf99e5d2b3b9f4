"""What the sidebar takes."""

from lapa.data.picture_reader import ANIMATED_SUFFIXES
from lapa.data.video import VIDEO_SUFFIXES
from viz.tabs.sidebar import VIDEO_TYPES


def test_every_video_that_can_be_read_can_be_chosen_for_upload():
    assert VIDEO_SUFFIXES | ANIMATED_SUFFIXES <= set(VIDEO_TYPES)
