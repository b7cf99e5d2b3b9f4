"""What one step of the loop does to the weights: clipped gradients, decay of matrices only."""

import dataclasses

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from lapa.train.loop import LoopConfig, fit
from lapa.types import LapaError

LOOP = LoopConfig(num_steps=1, batch_size=2, lr=0.1, weight_decay=0.5, grad_clip=0.25, warmup_steps=1, precision="fp32")


class Pull:
    """A stage whose loss pulls a matrix and a vector with a force, and leaves them alone without."""

    lr_scales = {"codes": 2.0}

    def __init__(self, force: float):
        self.model, self.force = nn.Module(), force
        self.model.matrix = nn.Parameter(torch.ones(3, 2))
        self.model.vector = nn.Parameter(torch.ones(4))
        self.model.codes = nn.Parameter(torch.ones(2, 2))

    def draw_batch(self, rng, batch_size):
        return {"rows": torch.from_numpy(rng.random(batch_size))}

    def loss(self, model, batch, *, progress, generator):
        return self.force * sum(p.sum() for p in self.model.parameters()), {}

    def maintain(self, step, **kwargs): ...

    def evaluate(self, folder, step):
        return {}

    def extra_state(self):
        return {}

    def load_extra_state(self, state): ...


def test_only_matrices_decay(tmp_path):
    stage = Pull(force=0.0)
    fit(stage, LOOP, tmp_path)
    torch.testing.assert_close(stage.model.matrix.data, torch.full((3, 2), 1 - 0.1 * 0.5))
    assert torch.equal(stage.model.vector.data, torch.ones(4))
    assert torch.equal(stage.model.codes.data, torch.ones(2, 2)), "what has a rate of its own does not decay either"


@pytest.mark.parametrize(("force", "norm"), [(1000.0, 0.25), (0.01, 0.01 * 14**0.5)], ids=["too strong", "weak"])
def test_gradients_are_clipped_to_the_norm_that_was_asked_for(tmp_path, force, norm):
    fit(Pull(force), LOOP, tmp_path)
    seen = load_file(tmp_path / "resume.safetensors")
    averages = torch.cat([tensor.flatten() for name, tensor in seen.items() if name.endswith(".exp_avg")])
    assert averages.norm() / 0.1 == pytest.approx(norm, rel=1e-3), "AdamW's average of gradients begins at a tenth"


def test_a_parameter_with_a_rate_of_its_own_moves_by_it(tmp_path):
    stage = Pull(force=1.0)
    fit(stage, dataclasses.replace(LOOP, weight_decay=0.0), tmp_path)
    moved = [1 - getattr(stage.model, name).mean().item() for name in ("matrix", "codes")]
    assert moved == pytest.approx([0.1, 0.2], rel=1e-3)


@pytest.mark.parametrize("name", ["num_steps", "batch_size", "log_every", "eval_every", "save_every"])
def test_a_run_of_nothing_is_refused(name, tmp_path):
    with pytest.raises(LapaError, match=f"'{name}' is 0"):
        fit(Pull(force=1.0), dataclasses.replace(LOOP, **{name: 0}), tmp_path)
