"""Leave one laboratory out: it is never trained on, and judged as held out."""

import dataclasses
import json
import shutil

import pytest

from lapa.cli import main
from lapa.train import laq as stage
from lapa.types import LapaError
from tests.lapa.train.test_loop import config, videos  # noqa: F401 (fixtures)


@pytest.fixture
def sites(videos, config, tmp_path):  # noqa: F811
    folder = shutil.copytree(videos, tmp_path / "sites")
    lines = [{"file_name": f"clip{i}.mp4", "site": "abc"[i % 3]} for i in range(8)]
    (folder / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return dataclasses.replace(config, data=str(folder), leave_out="site=b")


def test_the_site_left_out_is_never_seen_and_counts_as_held_out(sites, tmp_path, capsys):
    everything = stage.LAQStage(dataclasses.replace(sites, leave_out=""))
    without = stage.LAQStage(sites)
    num_pairs = 14 - 2  # per clip
    assert len(everything.train) + len(everything.validation) == 8 * num_pairs
    assert len(without.train) + len(without.validation) == (8 - 3) * num_pairs

    laq = stage.run(sites, out=tmp_path / "laq")
    judge = ["eval", "laq", "--laq", str(laq), "--data", sites.data, "--num-pairs", "20", "--json"]
    facts = []
    for label in ("site=b", "site=a"):
        assert main([*judge, "--split", "all", "--only", label]) == 0
        facts.append(json.loads(capsys.readouterr().out))
    assert [fact["held_out"] for fact in facts] == [True, False]
    assert facts[0]["num_episodes"] == 3 and facts[0]["only"] == "site=b"


def test_a_site_that_is_not_there_is_one_sentence(sites):
    with pytest.raises(LapaError, match="has site 'z': it has a, b, c"):
        stage.LAQStage(dataclasses.replace(sites, leave_out="site=z"))
