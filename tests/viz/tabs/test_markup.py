"""What the tabs say of a pair of frames."""

import pytest

from viz.tabs.markup import later_words


@pytest.mark.parametrize(
    ("window", "fps", "words"),
    [(4, 30.0, "4 frames, 0.13 s later"), (1, 3.0, "1 frame, 0.33 s later"), (1, 30.0, "1 frame, 0.033 s later")],
)
def test_the_time_between_two_frames_is_that_of_whole_frames(window, fps, words):
    assert later_words(window, fps) == words
