"""Every verb over HTTP, as a program calls it: Gradio's own client against the served app."""

import json
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from tests.app.conftest import INSTRUCTIONS, NUM_CLIPS, NUM_FRAMES, ROOT, WINDOW_S

CLIP = "squares/episode_003.mp4"
VERBS = {
    "clips", "upload", "encode", "encode_clip", "novelty", "decode", "predict", "rollout", "neighbours", "index",
    "report", "export",
}  # fmt: skip


@pytest.fixture(scope="module")
def client(served, tmp_path_factory) -> Client:
    return Client(
        served, verbose=False, analytics_enabled=False, download_files=str(tmp_path_factory.mktemp("downloads"))
    )


@pytest.fixture(scope="module")
def info(served) -> dict:
    with urllib.request.urlopen(f"{served}/gradio_api/info?all_endpoints=true") as answer:
        return json.load(answer)


def call(client: Client, verb: str, **arguments):
    return client.predict(api_name=f"/{verb}", **arguments)


def test_the_verbs_and_nothing_else_are_public(info):
    assert {name.lstrip("/") for name in info["named_endpoints"]} == VERBS
    assert info["unnamed_endpoints"] == {}


def test_what_is_private_is_refused_by_name(client):
    with pytest.raises(ValueError, match="api_name"):
        client.predict(api_name="/run")


def test_every_verb_is_documented_and_typed(info):
    for name, endpoint in info["named_endpoints"].items():
        assert len(endpoint["description"]) > 20, name
        assert all(parameter["type"] for parameter in endpoint["parameters"]), name
        assert [result["type"]["type"] for result in endpoint["returns"]] == ["object"], name
        assert endpoint["returns"][0]["type"]["properties"], name


def test_the_page_on_the_api_names_every_verb_and_argument(info):
    page = (ROOT / "assets" / "docs" / "api.md").read_text(encoding="utf-8")
    for name, endpoint in info["named_endpoints"].items():
        arguments = ", ".join(parameter["parameter_name"] for parameter in endpoint["parameters"])
        assert f"`{name}({arguments})`" in page, f"assets/docs/api.md does not describe {name}({arguments})"


def test_clips_lists_what_the_page_shows_first_and_other_groups(client):
    found = call(client, "clips")
    assert [clip["clip"] for clip in found["clips"]] == [f"squares/episode_{i:03}.mp4" for i in range(NUM_CLIPS)]
    assert found["clips"][1] == {"clip": "squares/episode_001.mp4", "instruction": INSTRUCTIONS[1], "num_frames": 24}
    others = call(client, "clips", group="tabletop")
    assert "tabletop" in found["groups"] and all(c["clip"].startswith("tabletop/") for c in others["clips"])


def test_encode_agrees_with_encode_clip(client):
    along = call(client, "encode_clip", clip=CLIP, stride=3)
    assert [one["t"] for one in along["transitions"]] == list(range(0, NUM_FRAMES - along["window"], 3))
    at = along["transitions"][2]
    seen = call(client, "encode", clip=CLIP, t=at["t"])
    assert (seen["tokens"], seen["sure"]) == (at["tokens"], pytest.approx(at["sure"], abs=2e-4))
    assert seen["window_s"] == WINDOW_S and seen["window"] == 4 and all(0 <= sure <= 1 for sure in seen["sure"])
    for position, (code, sentence) in enumerate(zip(seen["tokens"].split("-"), seen["means"], strict=True)):
        assert sentence.startswith(f"position {position}, code {code}: ") and "pairs" in sentence
    assert call(client, "encode", clip=CLIP, t=6, window_s=0.9)["window"] == 9


def test_decode_hands_out_a_picture_that_its_tokens_change(client):
    seen, other = call(client, "decode", clip=CLIP, t=6), call(client, "decode", clip=CLIP, t=6, tokens="1 2 3 4")
    assert seen["tokens"] == call(client, "encode", clip=CLIP, t=6)["tokens"] and other["tokens"] == "1-2-3-4"
    pictures = [np.asarray(Image.open(answer["picture"])) for answer in (seen, other)]
    assert pictures[0].shape == (128, 128, 3) and (pictures[0] != pictures[1]).any()


def test_a_rollout_begins_with_what_is_predicted(client):
    asked = {"clip": CLIP, "t": 6, "instruction": INSTRUCTIONS[0]}
    expected, dreamed = call(client, "predict", **asked), call(client, "rollout", **asked, num_steps=3)
    assert [step["step"] for step in dreamed["steps"]] == [0, 1, 2]
    assert dreamed["steps"][0]["tokens"] == expected["tokens"]
    assert np.sum(expected["probabilities"], axis=1) == pytest.approx(1, abs=1e-3)
    assert all(Image.open(step["picture"]).size == (128, 128) for step in dreamed["steps"])
    sampled = {call(client, "predict", **asked, temperature=5, seed=seed)["tokens"] for seed in range(4)}
    assert len(sampled) > 1, "a temperature of 5 always gives the same"
    top = {call(client, "predict", **asked, temperature=5, seed=seed, top_k=1)["tokens"] for seed in range(4)}
    assert top == {expected["tokens"]}


def test_novelty_and_report(client):
    found = call(client, "novelty", clip=CLIP, t=6)
    assert found["inside"] == (found["score"] <= 1) and "frame" in found["sentence"]
    report = call(client, "report")
    assert report["bundles"][0] == report["bundle"] == "tabletop"
    assert report["card"]["window_s"] == WINDOW_S and report["measured"]["laq"]["psnr"] == 21.5


def test_the_index_is_searched_by_tokens_and_by_words(client):
    everything = call(client, "index", limit=500)["rows"]
    first = everything[0]["tokens"].split("-")[0]
    found = call(client, "index", query=f"{first}-*-*-*", limit=500)
    assert [row["row"] for row in found["rows"]] == [r["row"] for r in everything if r["tokens"].startswith(first)]
    assert found["num_transitions"] == len(everything) == 48
    said = call(client, "index", query="separate", limit=2, offset=1)
    assert said["num_matching"] > 3 and len(said["rows"]) == 2
    assert all("separate" in row["instruction"] for row in said["rows"])
    assert said["rows"][0]["clip"].startswith("squares/") and len(said["rows"][0]["displacement_m"]) == 2


def test_neighbours_come_nearest_first_and_from_elsewhere(client):
    found = call(client, "neighbours", clip=CLIP, t=6, k=5)["neighbours"]
    distances = [row["distance"] for row in found]
    assert distances == sorted(distances) and len(found) == 5 and CLIP not in {row["clip"] for row in found}
    assert len(call(client, "neighbours", tokens="1-2-3-4", k=3)["neighbours"]) == 3


@pytest.mark.parametrize(("what", "kind", "start"), [("map", "svg", b"<?xml"), ("codebook", "png", b"\x89PNG")])
def test_figures_come_with_their_data_and_provenance(client, what, kind, start):
    made = call(client, "export", what=what, format=kind)
    figure, data, provenance = (Path(made[part]).read_bytes() for part in ("figure", "data", "provenance"))
    assert figure.startswith(start) and len(data.splitlines()) > 40
    assert json.loads(provenance)["data_file"] == f"{what}.csv"


def test_a_video_of_ones_own_is_taken_in_and_shown_to_nobody_else(client, clips_folder):
    taken = call(client, "upload", video=handle_file(str(clips_folder / "episode_003.mp4")))
    assert taken["clip"].startswith("upload/") and taken["num_frames"] == NUM_FRAMES and taken["note"] == ""
    assert call(client, "encode", clip=taken["clip"], t=6)["t"] == 6
    listed = [call(client, "clips", group=group)["clips"] for group in call(client, "clips")["groups"]]
    assert taken["clip"] not in {clip["clip"] for clips in listed for clip in clips}


REFUSED = [
    ("encode", {"clip": CLIP, "t": 99}, "frame 99 is outside"),
    ("encode", {"clip": CLIP, "t": -1}, "greater than or equal to 0"),
    ("encode", {"clip": CLIP, "t": "soon"}, "valid integer"),
    ("encode", {"clip": CLIP, "t": 3, "window_s": "nan"}, "finite number"),
    ("encode", {"clip": CLIP, "t": 0, "window_s": 29}, "shorter window"),
    ("encode", {"clip": "squares/none.mp4", "t": 0}, "there is no clip"),
    ("encode", {"clip": {"a": 1}, "t": 0}, "valid string"),
    ("encode", {"clip": CLIP, "t": 0, "bundle": "nobody's"}, "there is no bundle"),
    ("clips", {"group": "none"}, "there is no group"),
    ("encode_clip", {"clip": CLIP, "stride": 0}, "stride"),
    ("decode", {"clip": CLIP, "t": 3, "tokens": "9-9-9-9"}, "codes 0 to 7"),
    ("decode", {"clip": CLIP, "t": 3, "tokens": "1-2"}, "expected 4 codes"),
    ("predict", {"clip": CLIP, "t": 3, "instruction": " "}, "instruction is empty"),
    ("rollout", {"clip": CLIP, "t": 3, "instruction": "push", "num_steps": 1000}, "less than or equal to 32"),
    ("rollout", {"clip": CLIP, "t": 3, "instruction": "push", "temperature": 99}, "less than or equal to 10"),
    ("neighbours", {}, "neither a clip nor tokens"),
    ("index", {"limit": 10**6}, "less than or equal to 500"),
    ("export", {"what": "everything"}, "'map' or 'codebook'"),
    ("export", {"what": "map", "colour_by": "taste"}, "choose one of token 0"),
]


@pytest.mark.parametrize(("verb", "arguments", "said"), REFUSED)
def test_what_cannot_be_done_is_one_typed_sentence(client, verb, arguments, said):
    with pytest.raises(AppError) as refused:
        call(client, verb, **arguments)
    assert refused.value.title == "invalid_request"
    assert said.lower() in str(refused.value).lower() and str(refused.value).endswith(".")
    assert "\n" not in str(refused.value)
