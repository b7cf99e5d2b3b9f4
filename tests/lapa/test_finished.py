"""What differs between a finished folder and the options given now, as the user reads it."""

from pathlib import Path

import pytest

from lapa.finished import OtherOptions, check_same
from lapa.types import LapaError

MADE = {"stage": {"window_s": 0.6, "sizes": [1, 2], "data": "videos", "only": None}, "seed": 0}


def test_the_same_options_are_no_complaint_whatever_json_made_of_them():
    check_same(Path("out"), MADE, {"stage": {"window_s": 0.6, "sizes": (1, 2), "data": Path("videos")}, "seed": 0})


def test_what_differs_is_named_with_both_values():
    wanted = {"stage": {"window_s": 0.5, "sizes": (1, 3), "data": "", "lora": 4}, "seed": 1}
    with pytest.raises(OtherOptions) as refused:
        check_same(Path("out"), MADE, wanted)
    text = str(refused.value)
    for part in ("stage.window_s 0.6 instead of 0.5", "stage.sizes [1, 2] instead of [1, 3]", "and 1 more"):
        assert part in text
    assert 'stage.data videos instead of ""' in text and "stage.lora nothing instead of 4" in text
    assert "--overwrite" in text and "\n" not in text and isinstance(refused.value, LapaError)
