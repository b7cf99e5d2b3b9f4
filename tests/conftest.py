"""What all tests share: quiet threads, and which of them run in one process when several share the work."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

APP = Path(__file__).parent / "app"


@pytest.hookimpl(wrapper=True)  # before xdist looks for the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Keep the tests of a file together, and all those of the app, which share one server and one browser."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group("app" if APP in item.path.parents else str(item.path)))
    return (yield)
