"""How many threads a process computes with."""

import os
import subprocess
import sys

import pytest

from lapa import threads


@pytest.mark.parametrize(
    ("cores", "load", "processes", "expected"),
    [(8, 0.2, 1, 8), (8, 6.4, 1, 2), (2, 1.2, 1, 1), (2, 9.0, 1, 1), (8, 0.0, 4, 2)],
)
def test_idle_cores_are_shared_by_the_processes(monkeypatch, cores, load, processes, expected):
    monkeypatch.setattr(threads, "num_cores", lambda: cores)
    monkeypatch.setattr(threads, "_load", lambda: load)
    assert threads.default_threads(processes) == expected


def test_what_was_asked_for_is_obeyed_by_all_libraries():
    environ = {"OMP_NUM_THREADS": "7"}
    threads.limit_threads(3, environ)
    assert {environ[name] for name in threads._READERS} == {"3"}
    assert environ[threads.ASKED] == "3"


def test_a_number_in_the_environment_is_left_as_it_is():
    environ = {"OMP_NUM_THREADS": "7"}
    threads.limit_threads(None, environ)
    assert {environ[name] for name in threads._READERS} == {"7"}
    assert threads.ASKED not in environ


def test_workers_of_one_machine_share_its_cores(monkeypatch):
    monkeypatch.setattr(threads, "default_threads", lambda number: 8 // number)
    environ = {"LOCAL_WORLD_SIZE": "4"}
    threads.limit_threads(None, environ)
    assert environ["OMP_NUM_THREADS"] == "2"


@pytest.mark.parametrize("form", [["--threads", "1"], ["--threads=1"]])
def test_every_verb_takes_the_option(form):
    program = (
        "import sys; from lapa.threads import take_threads; rest = take_threads(sys.argv[1:]); "
        "import torch; print(torch.get_num_threads(), *rest)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, "label", *form, "--data", "x"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
    )
    assert said.stdout.split() == ["1", "label", "--data", "x"]


@pytest.mark.parametrize("word", ["many", "0", "", "-1"])
def test_what_is_no_number_is_left_for_the_verb_to_complain_about(word, monkeypatch):
    monkeypatch.setattr(threads, "limit_threads", lambda *_: None)
    assert threads.take_threads(["label", "--threads", word]) == ["label", "--threads", word]
