"""The critic learns what is missing, and says so to the decoder alone."""

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from lapa.train import decoder
from lapa.train.critic import PatchCritic, critic_error, fooling_error
from lapa.train.decoder import TrainDecoderConfig
from tests.lapa.train.test_decoder import SHORT, folder  # noqa: F401 (fixture)


def bars(rng: torch.Generator, num: int = 8) -> torch.Tensor:
    """Pictures of a thin bright bar somewhere."""
    pictures = torch.zeros(num, 3, 32, 32)
    for picture, x in zip(pictures, torch.randint(4, 28, (num,), generator=rng).tolist()):
        picture[:, :, x - 1 : x + 1] = 1.0
    return pictures


def test_it_learns_to_tell_a_blurred_bar_from_a_sharp_one():
    torch.manual_seed(0)
    rng, critic = torch.Generator().manual_seed(0), PatchCritic(8)
    optimizer, everywhere = torch.optim.Adam(critic.parameters(), lr=3e-3), torch.ones(8, 1, 32, 32)
    losses = []
    for _ in range(120):
        frame, future = bars(rng), bars(rng)
        verdict = critic.judge(frame, future, F.avg_pool2d(future, 7, stride=1, padding=3))
        losses.append(critic_error(verdict, everywhere))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[0] > 1.5 and losses[-1] < 0.5


def test_what_the_decoder_learns_does_not_reach_the_critic():
    rng, critic = torch.Generator().manual_seed(0), PatchCritic(8)
    drawn = bars(rng).requires_grad_()
    verdict = critic.judge(bars(rng), bars(rng), drawn)
    fooling_error(verdict, torch.ones(8, 1, 32, 32)).backward()
    assert drawn.grad is not None and drawn.grad.abs().max() > 0
    assert all(p.grad is None and p.requires_grad for p in critic.parameters())


def test_only_what_changed_is_judged():
    rng, critic = torch.Generator().manual_seed(0), PatchCritic(8)
    frame, future = bars(rng), bars(rng)
    drawn = future.clone()
    drawn[..., :8] = 0.5
    verdict, weight = critic.eval().judge(frame, future, drawn), torch.zeros(8, 1, 32, 32)
    before = critic_error(verdict, weight)
    weight[..., 31, 31] = 1.0
    assert before == 0 and critic_error(verdict, weight) > 0


def test_a_run_with_a_critic_keeps_only_the_quantizer(folder, tmp_path):  # noqa: F811
    config = TrainDecoderConfig(laq=str(folder / "laq"), num_validation=2, critic_weight=0.01, loop=SHORT)
    out = decoder.run(config, out=tmp_path / "sharp")
    assert set(load_file(out / "model.safetensors")) == set(load_file(folder / "laq" / "model.safetensors"))
    rows = (out / "metrics.jsonl").read_text()
    assert '"critic"' in rows and '"fooled"' in rows
