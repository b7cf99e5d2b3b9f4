"""A released policy finetuned for a robot: a frame and an instruction in, an action out.

Source: assets/docs/released_formats.md ("Choosing tokens and actions"). Differs: each dimension's likeliest bin by
default, where the authors' sampler draws at temperature 1; `temperature=1` with a generator does as they do.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32

from lapa.checkpoint import read_config
from lapa.device import resolve_device
from lapa.models.action_bins import ActionBins
from lapa.models.policy import check_instruction, picker
from lapa.models.robot import ACTIONS_FILE
from lapa.released.policy import Reader, open_net, open_reader, released_shape
from lapa.released.policy_net import ReleasedNet
from lapa.types import Frame, LapaError


class ReleasedRobot:
    """Acts: looks at every step and chooses a bin of each action dimension, one after the other."""

    needs_frame = True

    def __init__(self, net: ReleasedNet, reader: Reader, bins: ActionBins):
        self.net, self._reader, self.bins = net.eval(), reader, bins

    def reset(self, seed: int = 0) -> None:
        """Begin a new episode: nothing is remembered of the one before."""

    @torch.inference_mode()
    def act(
        self, frame: Frame, instruction: str, *, temperature: float = 0.0, rng: np.random.Generator | None = None
    ) -> Float32[np.ndarray, "a"]:
        """Return what the robot should do now, in the units of the actions it was finetuned on.

        Raises:
            LapaError: if the instruction is empty or longer than 500 characters, or the frame is no picture.
        """
        sequences = self._reader([frame], [check_instruction(instruction)], self.net)
        pick, sizes = picker(temperature, rng), iter(self.bins.num_bins)

        def within(logits: torch.Tensor) -> torch.Tensor:
            """Choose among the bins that this dimension has; the head has as many as the finest dimension."""
            return pick(logits[:, : next(sizes)].log_softmax(-1))

        tokens, _ = self.net.choose(sequences, len(self.bins.num_bins), within)
        return self.bins.decode(tokens.cpu().numpy())[0]


def load_released_robot(path: str | Path, *, device: str = "cpu", precision: str = "auto") -> ReleasedRobot:
    """Load an imported or finetuned robot policy.

    One imported from the authors' file looks at the middle of the frame, as it was trained to (`image_aug`), unless it
    was imported as one that was not.

    Raises:
        LapaError: if `path` is no such policy, is damaged, or has no action bins; if there is no such device.
    """
    path = Path(path)
    config = read_config(path, "robot")
    shape = released_shape(config, path)
    try:
        bins = ActionBins.from_json((path / ACTIONS_FILE).read_text(encoding="utf-8"))
    except OSError as error:
        raise LapaError(
            f"'{path}' has no {ACTIONS_FILE}, so its action ids mean nothing: import it with --bins and the csv that "
            "its finetuning data was prepared with"
        ) from error
    device = resolve_device(device)
    net = open_net(path, shape, device=device, precision=precision)
    return ReleasedRobot(net, open_reader(path, device, crop=bool(config["stage"].get("crop", True))), bins)
