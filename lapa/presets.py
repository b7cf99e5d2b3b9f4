"""Named runs, as functions: what `python -m lapa train-laq PRESET` and its sisters start from.

tiny trains in about a minute on a CPU, for tests; small is what is shipped; base wants one GPU; paper is the paper's
size and loss (Appendix A and C). Every value can be overridden on the command line.
"""

from __future__ import annotations

from lapa.models.laq import LAQConfig
from lapa.models.policy import PolicyConfig
from lapa.train.decoder import TrainDecoderConfig
from lapa.train.finetune import FinetuneConfig
from lapa.train.laq import MOTION_WEIGHT, NOTHING_SHARE, TrainLAQConfig
from lapa.train.loop import LoopConfig
from lapa.train.policy import TrainPolicyConfig

PRESETS = ("tiny", "small", "base", "paper")

TINY = LoopConfig(num_steps=60, batch_size=16, warmup_steps=10, log_every=10, eval_every=30, save_every=20)


def laq(preset: str) -> TrainLAQConfig:
    """Return the configuration of a quantizer's run."""
    held = {"motion_weight": MOTION_WEIGHT, "nothing_share": NOTHING_SHARE}
    return {
        "tiny": TrainLAQConfig(
            num_validation=4,
            model=LAQConfig(image_size=64, width=64, num_heads=2, num_spatial=1, num_decoder=1),
            loop=TINY,
        ),
        "small": TrainLAQConfig(**held, loop=LoopConfig(num_steps=3000)),
        "base": TrainLAQConfig(
            **held,
            model=LAQConfig(width=512, num_heads=8, num_spatial=4, num_temporal=4, num_decoder=6),
            loop=LoopConfig(num_steps=50_000, batch_size=128, lr=3e-4, warmup_steps=1000, save_every=1000),
        ),
        "paper": TrainLAQConfig(
            noise_until=1.0,
            changed_weight=1.0,
            model=LAQConfig(
                image_size=256,
                patch=32,
                width=1024,
                num_heads=16,
                num_spatial=8,
                num_temporal=8,
                num_decoder=8,
                code_width=32,
                quantizer="shared",
                head="linear",
            ),
            loop=LoopConfig(
                num_steps=100_000, batch_size=64, lr=1e-4, weight_decay=0.0, grad_clip=0.5, save_every=1000
            ),
        ),
    }[preset]


def decoder(preset: str) -> TrainDecoderConfig:
    """Return the configuration of a decoder's further run."""
    return {
        "tiny": TrainDecoderConfig(loop=TINY),
        "small": TrainDecoderConfig(),
        "base": TrainDecoderConfig(loop=LoopConfig(num_steps=30_000, batch_size=64, lr=3e-4)),
        "paper": TrainDecoderConfig(loop=LoopConfig(num_steps=50_000, batch_size=64, lr=1e-4)),
    }[preset]


def policy(preset: str) -> TrainPolicyConfig:
    """Return the configuration of a policy's run; `paper` finetunes a pretrained vision-language model."""
    small = TrainPolicyConfig(model=PolicyConfig(details=True, horizons_s=(0.6, 1.2, 2.4)))
    return {
        "tiny": TrainPolicyConfig(
            model=PolicyConfig(width=64, num_layers=2, num_heads=2, merge=2, vocab_size=320, horizons_s=(0.6,)),
            loop=TINY,
        ),
        "small": small,
        "base": TrainPolicyConfig(
            model=PolicyConfig(width=512, num_layers=8, num_heads=8, details=True, horizons_s=(0.6, 1.2, 2.4)),
            loop=LoopConfig(num_steps=40_000, batch_size=256, lr=3e-4, weight_decay=0.05, save_every=1000),
        ),
        "paper": TrainPolicyConfig(
            model=PolicyConfig(backbone="HuggingFaceTB/SmolVLM-256M-Instruct"),
            loop=LoopConfig(num_steps=70_000, batch_size=128, lr=2e-5, weight_decay=0.0, save_every=1000),
        ),
    }[preset]


def finetune(preset: str) -> FinetuneConfig:
    """Return the configuration of a robot policy's run."""
    return {
        "tiny": FinetuneConfig(num_episodes=8, num_validation=4, loop=TINY),
        "small": FinetuneConfig(),
        "base": FinetuneConfig(num_episodes=1000, loop=LoopConfig(num_steps=10_000, batch_size=256, lr=3e-4)),
        "paper": FinetuneConfig(
            num_episodes=1000, num_bins=256, loop=LoopConfig(num_steps=20_000, batch_size=128, lr=2e-5)
        ),
    }[preset]
