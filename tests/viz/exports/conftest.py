"""An Explorer over a tiny random quantizer and policy, and two short clips as files."""

from pathlib import Path

import numpy as np
import pytest

from lapa.explorer import Explorer
from tests.app.conftest import save_clips, save_tiny_bundle


@pytest.fixture(scope="session")
def clips(tmp_path_factory) -> Path:
    return save_clips(tmp_path_factory.mktemp("exports") / "squares")


@pytest.fixture(scope="session")
def bundles(tmp_path_factory, clips) -> Path:
    root = tmp_path_factory.mktemp("bundles")
    save_tiny_bundle(root / "tabletop", clips)
    return root


@pytest.fixture(scope="session")
def explorer(bundles) -> Explorer:
    parts = {kind: bundles / "tabletop" / kind for kind in ("laq", "policy", "index")}
    return Explorer.open(**parts, device="cpu")


@pytest.fixture(scope="session")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (5, 32, 32, 3), np.uint8)
