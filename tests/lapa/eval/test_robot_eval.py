"""`eval robot`: intervals, loops, films, repeats; in a corridor that Gymnasium knows, and on the tabletop."""

import json
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from scipy.stats import binomtest

from lapa.cli import main
from lapa.data.video import open_video
from lapa.eval import arena as arenas
from lapa.eval.arena import Arena
from lapa.eval.robot import evaluate_robot, film_failures, summarize
from lapa.eval.wilson import wilson
from lapa.models.chunks import ChunkActor
from lapa.types import LapaError
from lapa.worlds.drive import drive
from lapa.worlds.registry import find_simulator
from lapa.worlds.simulator import EnvSettings

HERE = Path(__file__).parent
CORRIDOR = "corridor:Corridor-v0"
NUMBERS = ("success", "success_low", "success_high", "by_family", "partial", "num_episodes", "mean_steps", "episodes")


@pytest.fixture(autouse=True)
def corridor(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{HERE}")  # for worker processes
    monkeypatch.setattr(sys, "path", [str(HERE), *sys.path])


def register(name, **settings):
    gymnasium.registry.pop(name, None)
    gymnasium.register(name, entry_point="corridor:Corridor", kwargs=settings, disable_env_checker=True)


@pytest.mark.parametrize(("done", "num"), [(0, 12), (6, 60), (34, 60), (55, 80), (20, 20)])
def test_intervals_are_wilsons(done, num):
    theirs = binomtest(done, num).proportion_ci(0.95, method="wilson")
    assert wilson(done, num) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


class Walker(ChunkActor):
    """Goes right, in chunks of four steps."""

    num_looks = 0

    def decide(self, frame, instruction):
        assert frame.shape == (32, 32, 3) and instruction == "walk to the right"
        self.num_looks += 1
        return np.full((4, 1), 5.0, np.float32)


def test_a_picture_is_drawn_only_when_a_chunk_is_used_up_and_actions_are_kept_in_bounds():
    env, walker = find_simulator(CORRIDOR).make(EnvSettings()), Walker()
    attempt = drive(env, lambda _: walker, seed=0, max_steps=50)
    assert attempt.success and 7 <= attempt.num_steps <= 13, "0.1 a step at most"
    assert env.unwrapped.num_drawn == walker.num_looks == -(-attempt.num_steps // 4)
    assert not walker.needs_frame or attempt.num_steps % 4 == 0
    walker.reset()
    assert walker.needs_frame, "what is left of a chunk is not carried into the next episode"


def test_any_registered_environment_is_evaluated_and_failures_filmed(tmp_path, capsys):
    argv = ["eval", "robot", "--env", CORRIDOR, "--actor", "random", "--episodes", "3", "--workers", "1"]
    assert main([*argv, "--max-steps", "9", "--films", "2", "--out", str(tmp_path), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert set(NUMBERS) | {"policy_ms", "films"} == set(facts)
    assert (facts["success"], facts["partial"], facts["num_episodes"], facts["mean_steps"]) == (0, 0, 3, 9)
    assert [open_video(path).num_frames for path in facts["films"]] == [10, 10]
    assert len(list(tmp_path.iterdir())) == 2


def test_the_numbers_are_the_same_whatever_the_number_of_processes():
    arena = Arena(env=CORRIDOR, settings=EnvSettings(max_steps=60), actor="random")
    alone, together = (summarize(evaluate_robot(arena, episodes=6, seed=3, workers=n)) for n in (1, 2))
    assert {name: alone[name] for name in NUMBERS} == {name: together[name] for name in NUMBERS}
    assert len({row["steps"] for row in alone["episodes"]} | {0}) > 1


@pytest.mark.parametrize("workers", [1, 2])
def test_an_episode_whose_simulator_dies_is_repeated_and_counted_once(workers, tmp_path):
    deaths, whole = tmp_path / "deaths", Arena(env=CORRIDOR, settings=EnvSettings(max_steps=12), actor="random")
    deaths.write_text("2")
    name = f"Dying{workers}-v0"
    register(name, deaths=str(deaths), die="raise" if workers == 1 else "exit")
    if workers == 2:
        (tmp_path / "dying.py").write_text(
            "import gymnasium\nfrom corridor import Corridor\n"
            f"gymnasium.register('{name}', entry_point=Corridor, kwargs={{'deaths': {str(deaths)!r}, 'die': 'exit'}}, "
            "disable_env_checker=True)\n"
        )
        sys.path.insert(0, str(tmp_path))
        name = f"dying:{name}"
    dying = Arena(env=name, settings=whole.settings, actor="random")
    outcomes = evaluate_robot(dying, episodes=4, workers=workers)
    assert deaths.read_text() == "0", "it did not die"
    assert summarize(outcomes)["episodes"] == summarize(evaluate_robot(whole, episodes=4))["episodes"]


def test_a_simulator_that_dies_every_time_is_one_sentence(tmp_path):
    (tmp_path / "deaths").write_text("99")
    register("Doomed-v0", deaths=str(tmp_path / "deaths"))
    with pytest.raises(LapaError, match=f"'Doomed-v0' failed {arenas.MAX_TRIES} times.*collapsed"):
        evaluate_robot(Arena(env="Doomed-v0", actor="random"), episodes=1)


def test_what_does_not_fit_is_one_sentence():
    class Other(Walker):
        def decide(self, frame, instruction):
            return np.zeros((1, 3), np.float32)

    env = find_simulator(CORRIDOR).make(EnvSettings())
    with pytest.raises(LapaError, match="3 numbers.*takes 1.*another body"):
        drive(env, lambda _: Other(), seed=0, max_steps=5)
    with pytest.raises(LapaError, match="Discrete"):
        evaluate_robot(Arena(env="CartPole-v1", actor="random"), episodes=1)
    with pytest.raises(LapaError, match="does not say whether"):
        evaluate_robot(
            Arena(env="MountainCarContinuous-v0", settings=EnvSettings(max_steps=2), actor="random"), episodes=1
        )
    with pytest.raises(LapaError, match="no scripted expert"):
        evaluate_robot(Arena(env=CORRIDOR, actor="expert"), episodes=1)


def test_on_the_tabletop_the_expert_does_what_constant_actions_do_not():
    settings = EnvSettings(image_size=32, max_steps=120)
    arenas_of = {name: Arena(settings=settings, actor=name) for name in ("expert", "constant")}
    facts = {name: summarize(evaluate_robot(arena, episodes=1)) for name, arena in arenas_of.items()}
    assert facts["expert"]["success"] >= 0.8 and set(facts["expert"]["by_family"]) == set(
        find_simulator("tabletop").families
    )
    assert facts["constant"]["success"] == facts["constant"]["partial"] == 0
    told = [[row["instruction"] for row in fact["episodes"]] for fact in facts.values()]
    assert told[0] == told[1], "whoever is measured meets the same words"


def test_a_film_shows_a_failure_on_the_tabletop(tmp_path):
    arena = Arena(settings=EnvSettings(image_size=32, max_steps=3), actor="constant")
    outcomes = evaluate_robot(arena, episodes=1, families=["separate"])
    (path,) = film_failures(arena, outcomes, 5, tmp_path)
    assert path.name == "separate_000.mp4" and open_video(path).num_frames == 4
