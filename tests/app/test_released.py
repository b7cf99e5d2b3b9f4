"""The released pair, imported from files in the authors' format, in the app and over its API; random weights, tiny."""

import shutil

import pytest
from gradio_client import Client

from lapa.released.laq_import import import_laq
from tests.app.conftest import opened_page, serving
from tests.app.test_dream import dream, labels
from tests.lapa.released.conftest import imported, released_files, tokenizer_file  # noqa: F401 (fixtures)
from tests.lapa.released.laq_files import save_official

INSTRUCTION = "push the red star"


@pytest.fixture(scope="module")
def address(tmp_path_factory, imported, clips_folder):  # noqa: F811
    root = tmp_path_factory.mktemp("released_bundle")
    import_laq(save_official(root / "laq.pt"), root / "bundles" / "released" / "laq", window_s=0.6)
    shutil.copytree(imported, root / "bundles" / "released" / "policy")
    options = ("--bundle", "released", "--precision", "fp32")
    with serving(root / "bundles", clips_folder, root, *options) as served:
        yield served


def test_it_dreams_in_the_browser(browser, address):
    with opened_page(browser, height=1000) as page:
        page.goto(f"{address}/?tab=dream&t=2")
        page.wait_for_selector("#expected .bar")
        page.fill("#instruction textarea, #instruction input", INSTRUCTION)
        steps = dream(page, 2)
        assert len(steps) == 2 and labels(page) == steps
        page.goto(f"{address}/?tab=inspect&t=2")
        page.wait_for_function(
            "() => document.querySelector('#tab-inspect')?.innerText.includes('How well the tokens tell it')"
        )


def test_it_says_the_same_over_the_api(address, tmp_path):
    client = Client(address, verbose=False, analytics_enabled=False, download_files=str(tmp_path))
    asked = {"clip": "squares/episode_000.mp4", "t": 2, "instruction": INSTRUCTION}
    expected = client.predict(api_name="/predict", **asked)
    dreamed = client.predict(api_name="/rollout", **asked, num_steps=2)
    assert len(dreamed["steps"]) == 2 and dreamed["steps"][0]["tokens"] == expected["tokens"]
    assert len(expected["probabilities"]) == 4 and len(expected["probabilities"][0]) == 8
