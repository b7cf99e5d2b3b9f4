"""Training a released policy further: the authors' loss, and which weights learn.

Latent pretraining: 0.99 x cross-entropy of the latent tokens + 0.01 x that of the text. Action finetuning:
cross-entropy of the action ids alone. Each is a mean over a row's places, then over rows.

Source: assets/docs/released_formats.md ("Sequences"), checked against the authors' losses and gradients. The text term
is kept with its slip: it counts the latent places too, with text id 0 as their target.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from lapa.released.policy_net import Kind, ReleasedNet, Sequences
from lapa.released.prompt import TrainingBatch
from lapa.types import LapaError

LATENT_SHARE = 0.99
ADAPTED = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


@dataclass(frozen=True, eq=False)
class Loss:
    """Scalars total, chosen (latent tokens or actions), text; logits float32 [n k] and targets [n] of the chosen."""

    total: Tensor
    chosen: Tensor
    text: Tensor
    logits: Tensor
    targets: Tensor


def training_loss(net: ReleasedNet, batch: TrainingBatch) -> Loss:
    """Return the loss of a training batch."""
    hidden, counts = net(batch.inputs), batch.counts > 0
    chosen = counts & (batch.kinds == net.choices)
    logits = net.logits(hidden[chosen], net.choices)
    targets = batch.targets[chosen]
    main = _row_mean(F.cross_entropy(logits, targets, reduction="none"), chosen)
    if net.choices == Kind.ACTION:
        return Loss(main, main, main.new_zeros(()), logits, targets)
    spoken = counts & (batch.kinds != Kind.VISION)
    words = torch.where(batch.kinds == Kind.TEXT, batch.targets, 0)[spoken]
    text = _row_mean(F.cross_entropy(net.logits(hidden[spoken], Kind.TEXT), words, reduction="none"), spoken)
    return Loss(LATENT_SHARE * main + (1 - LATENT_SHARE) * text, main, text, logits, targets)


class TrainableNet(nn.Module):
    """A network in training: all its weights, or low-rank additions to the decoder's and the small tables.

    Its state dict holds what learns and nothing else, so that a run's saved state stays small beside 7B weights.
    """

    def __init__(self, net: ReleasedNet, lora_rank: int):
        super().__init__()
        self.net = net
        net.requires_grad_(lora_rank == 0)
        if lora_rank:
            how = LoraConfig(r=lora_rank, lora_alpha=2 * lora_rank, target_modules=ADAPTED, lora_dropout=0.0)
            inject_adapter_in_model(how, net)
            for name, parameter in net.named_parameters():
                if "lora_" in name:
                    parameter.data = parameter.data.float()
        own = (net.action_embed, net.action_head) if net.choices == Kind.ACTION else (net.latent_embed, net.latent_head)
        for module in own:
            module.float().requires_grad_(True)
        net.vision_head.requires_grad_(False)  # nothing is learnt from it
        if net.choices == Kind.ACTION:
            net.text_head.requires_grad_(False)
            net.latent_embed.requires_grad_(False)
            net.latent_head.requires_grad_(False)
        language = net.language  # transformers renamed this on the way to version 6
        enable = getattr(language, "activation_checkpointing_enable", None) or language.gradient_checkpointing_enable
        enable({"use_reentrant": False})

    def forward(
        self,
        ids: Int[Tensor, "b s"],
        kinds: Int[Tensor, "b s"],
        targets: Int[Tensor, "b s"],
        target_kinds: Int[Tensor, "b s"],
        counts: Float[Tensor, "b s"],
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the total loss, that of the chosen tokens, and the share of them guessed right."""
        inputs = Sequences(ids, kinds, torch.ones_like(ids, dtype=torch.bool))
        loss = training_loss(self.net, TrainingBatch(inputs=inputs, targets=targets, kinds=target_kinds, counts=counts))
        return loss.total, loss.chosen.detach(), (loss.logits.argmax(-1) == loss.targets).float().mean()

    def learning(self) -> dict[str, nn.Parameter]:
        """Return the parameters that learn."""
        return {name: p for name, p in self.net.named_parameters() if p.requires_grad}

    def state_dict(self, *args, **kwargs) -> dict[str, Tensor]:
        return {name: p.detach() for name, p in self.learning().items()}

    def load_state_dict(self, state: dict[str, Tensor], strict: bool = True, assign: bool = False) -> None:
        """Load what `state_dict` returned.

        Raises:
            LapaError: if it is of a run in which other weights learnt, and `strict`.
        """
        learning = self.learning()
        shapes = {name: p.shape for name, p in learning.items()}
        if strict and {name: tensor.shape for name, tensor in state.items()} != shapes:
            raise LapaError(
                "the run that was stopped here learnt other weights than this one would: go on with its --lora-rank "
                "and --init, or give another --out"
            )
        with torch.no_grad():
            for name, tensor in state.items():
                learning[name].copy_(tensor)

    def weights(self, dtype: torch.dtype) -> Iterator[tuple[str, Tensor]]:
        """Yield the network's weights with what was learnt added in, one by one."""
        adapted = {name: module for name, module in self.net.named_modules() if isinstance(module, LoraLayer)}
        for name, tensor in self.net.state_dict().items():
            if "lora_" in name:
                continue
            owner, _, leaf = name.partition(".base_layer.")
            if leaf:
                tensor = tensor.float() + adapted[owner].get_delta_weight("default").float()
            yield (f"{owner}.{leaf}" if leaf else name), tensor.to(dtype)


def as_arguments(batch: TrainingBatch) -> dict[str, Tensor]:
    """Return a training batch as the arguments of `TrainableNet`, cut after the last place that counts."""
    length = int(batch.counts.sum(0).nonzero().max()) + 1
    columns = {
        "ids": batch.inputs.ids,
        "kinds": batch.inputs.kinds,
        "targets": batch.targets,
        "target_kinds": batch.kinds,
        "counts": batch.counts,
    }
    return {name: column[:, :length] for name, column in columns.items()}


def add_actions(net: ReleasedNet, num_actions: int, generator: torch.Generator) -> ReleasedNet:
    """Give a latent policy a fresh action table and head, in place of latent tokens as what it chooses.

    Source: lecun-normal as for leaves that the authors' loader does not find, from PyTorch's generator, not JAX's.
    """
    width, like = net.config.width, net.latent_head.weight
    net.config = replace(net.config, num_actions=num_actions)
    net.action_embed, net.action_head = nn.Embedding(num_actions, width), nn.Linear(width, num_actions, bias=False)
    with torch.no_grad():
        nn.init.normal_(net.action_embed.weight, std=num_actions**-0.5, generator=generator)
        nn.init.normal_(net.action_head.weight, std=width**-0.5, generator=generator)
    net.action_embed.to(like.device, like.dtype)
    net.action_head.to(like.device, like.dtype)
    return net


def _row_mean(nll: Float[Tensor, "n"], where: Bool[Tensor, "b s"]) -> Float[Tensor, ""]:
    row = where.nonzero()[:, 0]
    sums = torch.zeros(len(where), device=nll.device).index_add(0, row, nll.float())
    return (sums / where.sum(1).clamp(min=1)).mean()
