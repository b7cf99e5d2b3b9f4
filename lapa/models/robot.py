"""A finetuned policy: a frame and an instruction in, a robot's action out (paper, section 3.3)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor

from lapa.checkpoint import load_checkpoint
from lapa.device import resolve_device
from lapa.frames import to_pixels
from lapa.models.action_bins import ActionBins
from lapa.models.chunks import ChunkActor
from lapa.models.policy import PolicyNet, check_instruction, load_net
from lapa.types import Frame, LapaError

ACTIONS_FILE = "actions.json"


class RobotPolicy(ChunkActor):
    """Acts, and looks at every step.

    The action is the mean training action of the middle bin of each dimension, one after the other.
    """

    def __init__(self, net: PolicyNet, bins: ActionBins, *, image_size: int):
        super().__init__()
        self._net, self._bins, self._image_size = net.eval(), bins, image_size

    @torch.inference_mode()
    def decide(self, frame: Frame, instruction: str) -> Float32[np.ndarray, "1 a"]:
        device = self._net.head.start.device
        features = self._net.backbone.look(to_pixels([frame], self._image_size, device))
        ids, mask = self._net.backbone.read([check_instruction(instruction)])
        chosen, _ = self._net.choose(features, ids.to(device), mask.to(device), pick=middle_bin)
        return self._bins.decode(chosen.cpu().numpy())


def middle_bin(logs: Float[Tensor, "b k"]) -> Int[Tensor, "b"]:
    """Return the median of each distribution over bins, given as log-probabilities.

    Source: ours. The paper takes the likeliest bin; but bins of equal frequency are narrow where actions are dense, and
    of many that are nearly as likely the likeliest may lie anywhere.
    """
    return (logs.float().exp().cumsum(-1) < 0.5).sum(-1).clamp(max=logs.shape[-1] - 1)


def load_robot(path: str | Path, laq: str | Path, *, device: str = "cpu") -> RobotPolicy:
    """Load a finetuned policy, with the checkpoint of the quantizer whose eyes it uses.

    Raises:
        LapaError: if `path` is not a checkpoint of kind "robot", is damaged, or belongs to another quantizer; if
            there is no such device.
    """
    device = resolve_device(device)
    checkpoint = load_checkpoint(path, "robot")
    try:
        bins = ActionBins.from_json((checkpoint.path / ACTIONS_FILE).read_text(encoding="utf-8"))
    except OSError as error:
        raise LapaError(f"'{path}' has no {ACTIONS_FILE}: copy the checkpoint again") from error
    net, quantizer = load_net(checkpoint, laq, lambda _: bins.num_bins)
    quantizer.to(device)
    return RobotPolicy(net.to(device), bins, image_size=quantizer.config.image_size)
