"""Which arithmetic a run takes: bfloat16 only where this machine's hardware multiplies it."""

import pytest
import torch

from lapa.models import compute


@pytest.fixture
def probe(monkeypatch):
    """Return a function that sets what the probe finds on this processor."""

    def pretend(*, instructions: bool, bf16_s: float) -> None:
        compute._probe.cache_clear()
        monkeypatch.setattr(compute, "_has_cpu_instructions", lambda: instructions)
        monkeypatch.setattr(compute, "_product_s", lambda dtype: bf16_s if dtype is torch.bfloat16 else 1.0)

    yield pretend
    compute._probe.cache_clear()


@pytest.mark.parametrize(
    ("instructions", "bf16_s", "taken"),
    [(True, 0.5, "bf16"), (True, 2.0, "no"), (False, 0.5, "no")],
    ids=["in hardware", "emulated by a virtual machine", "without instructions"],
)
def test_auto_takes_bfloat16_only_where_it_is_fast(probe, instructions, bf16_s, taken):
    probe(instructions=instructions, bf16_s=bf16_s)
    assert compute.resolve_precision("auto", "cpu") == taken
    with compute.autocast(compute.resolve_precision("auto", "cpu"), "cpu"):
        assert torch.is_autocast_enabled("cpu") == (taken == "bf16")


def test_what_is_asked_for_is_taken(probe):
    probe(instructions=False, bf16_s=2.0)
    assert [compute.resolve_precision(word, "cpu") for word in ("bf16", "fp32", "no")] == ["bf16", "no", "no"]


def test_the_probe_is_right_about_this_machine():
    compute._probe.cache_clear()
    if compute.has_fast_bf16("cpu"):
        assert compute._product_s(torch.bfloat16) < 1.5 * compute._product_s(torch.float32)
    else:
        assert compute._product_s(torch.float32) < 1.5 * compute._product_s(torch.bfloat16)


def test_a_graphics_card_is_asked_for_its_own_capability(monkeypatch):
    asked = []
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **how: asked.append(how) or False)
    compute._probe.cache_clear()
    assert not compute.has_fast_bf16("cuda:1")
    assert asked == [{"including_emulation": False}]
    compute._probe.cache_clear()


def test_it_is_said_in_words():
    assert compute.describe("bf16", "cuda:0") == "bfloat16 on cuda"
    number = torch.get_num_threads()
    assert compute.describe("no", "cpu") == f"float32 on cpu, {number} thread{'s' * (number > 1)}"
