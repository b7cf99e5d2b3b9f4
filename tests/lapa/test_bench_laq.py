"""`bench laq`: both quantizers take real steps, and the ratios are those of the times."""

import json

import pytest
import torch

from lapa.cli import bench_laq, main

TINY = ["--width", "32", "--num-heads", "2", "--num-spatial", "1", "--batch-size", "2", "--repeats", "3"]


def test_it_prints_times_and_their_ratios(capsys):
    assert main(["bench", "laq", *TINY, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts.pop("arithmetic").split()[0] in ("float32", "bfloat16")
    assert all(value > 0 for value in facts.values())
    assert facts["step_speedup"] == pytest.approx(facts["released_step_ms"] / facts["step_ms"])
    assert facts["encode_speedup"] == pytest.approx(facts["released_encode_ms"] / facts["encode_ms"])


def test_the_released_step_trains_all_that_has_an_effect():
    torch.manual_seed(0)
    options = bench_laq.BenchLAQ(width=32, num_heads=2, num_spatial=1, batch_size=2)
    frame, future = torch.rand(2, 3, 128, 128), torch.full((2, 3, 128, 128), 0.5)
    model = bench_laq._released(options)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    step = bench_laq._released_step(model, frame, future)
    for _ in range(3):
        step()
    still = {name for name, p in model.named_parameters() if torch.equal(p, before[name])}
    assert all("context_norm" in name or "null_kv" in name or name == "vq.cnn_encoder.2.bias" for name in still), still
    assert all(p.requires_grad for p in model.parameters())


def test_our_step_learns():
    torch.manual_seed(0)
    options = bench_laq.BenchLAQ(width=32, num_heads=2, num_spatial=1, batch_size=2)
    frame, future = torch.rand(2, 3, 128, 128), torch.full((2, 3, 128, 128), 0.5)
    model = bench_laq._ours(options, "warp")
    error = lambda: (model(frame, future).future - future).square().mean().item()  # noqa: E731
    step, before = bench_laq._our_step(model, frame, future, is_bf16=False), error()
    for _ in range(15):
        step()
    assert error() < 0.9 * before
