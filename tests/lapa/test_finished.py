"""What differs between a finished folder and the options given now, as the user reads it."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from lapa.finished import OtherOptions, begin, check_same, is_finished
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


@dataclass(frozen=True)
class Loop:
    num_steps: int = 10
    log_every: int = 1


@dataclass(frozen=True)
class Options:
    window_s: float = 0.6
    data: str = "data/videos"
    sizes: tuple[int, ...] = (1, 2)
    loop: Loop = Loop()


def finish(out: Path, **stage) -> None:
    (out / "config.json").write_text(json.dumps({"kind": "laq", "stage": stage}))


def test_a_run_that_was_begun_goes_on_with_its_options_and_no_others(tmp_path):
    out = tmp_path / "out"
    assert not is_finished(out, "laq", Options())
    begin(out, "laq", Options())
    (out / "resume.safetensors").write_text("state")
    begin(out, "laq", Options())
    assert not is_finished(out, "laq", Options(loop=Loop(log_every=5))) and (out / "resume.safetensors").is_file()
    with pytest.raises(
        OtherOptions, match=r"was begun with other options \(window_s 0.6 instead of 1.0\).*--overwrite"
    ):
        is_finished(out, "laq", Options(window_s=1.0))


def test_a_finished_folder_is_for_the_options_that_were_given(tmp_path):
    begin(tmp_path, "laq", Options(data=""))
    finish(tmp_path, window_s=0.6, data="filled in", sizes=[1, 2], loop={"num_steps": 10})
    assert is_finished(tmp_path, "laq", Options(data=""))
    assert not is_finished(tmp_path, "laq", Options(data=""), overwrite=True)
    with pytest.raises(OtherOptions, match="loop.num_steps 10 instead of 11"):
        is_finished(tmp_path, "laq", Options(data="", loop=Loop(num_steps=11)))


def test_a_folder_from_before_options_were_written_down_is_compared_by_what_it_says(tmp_path):
    finish(tmp_path, window_s=0.6, data="data/videos/", loop={"num_steps": 10}, gone=1)
    assert is_finished(tmp_path, "laq", Options())
    assert is_finished(tmp_path, "laq", Options(data=""), filled=("data",))
    for other in (Options(window_s=0.5), Options(data=""), Options(loop=Loop(num_steps=11))):
        with pytest.raises(OtherOptions, match="is finished"):
            is_finished(tmp_path, "laq", other)


def test_overwriting_drops_what_a_run_would_go_on_from_and_nothing_else(tmp_path):
    begin(tmp_path, "laq", Options())
    finish(tmp_path)
    for name in ("resume.safetensors", "metrics.jsonl", "notes.txt"):
        (tmp_path / name).write_text("old")
    begin(tmp_path, "laq", Options(window_s=1.0))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "options.json"]


def test_another_kind_of_thing_is_never_overwritten(tmp_path):
    finish(tmp_path)
    for overwrite in (False, True):
        with pytest.raises(OtherOptions, match="kind 'laq'"):
            is_finished(tmp_path, "policy", Options(), overwrite=overwrite)
    with pytest.raises(OtherOptions, match="--data"):
        is_finished(tmp_path, "laq", Options(data=str(tmp_path)), overwrite=True)
