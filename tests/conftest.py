"""What all tests share: quiet threads; and which of them are the app's."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

APP = Path(__file__).parent / "app"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the app's tests, which share a server and a browser, so that `make test` runs them alone."""
    for item in items:
        if APP in item.path.parents:
            item.add_marker("browser")
