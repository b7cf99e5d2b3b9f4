"""The map of where the picture will change: its patches stand where the frame's patches stand."""

import torch

from lapa.models.change_head import ChangeHead, changed_share


def test_share_of_each_patch_in_row_order():
    frame, later = torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8)
    later[0, :, 0:2, 4:6] = 1.0  # a quarter of the upper right patch of 2 x 2
    later[0, :, 4:8, 0:4] = 0.04  # below the threshold
    assert changed_share(frame, later, 2).tolist() == [[0.0, 0.25, 0.0, 0.0]]


def test_logits_stand_where_their_patches_are():
    head = ChangeHead(width=4, grid=4, merge=2)  # four tokens, each over 2 x 2 patches
    with torch.no_grad():
        head.to_patches.weight.copy_(torch.eye(4))
        head.to_patches.bias.zero_()
    head.norm = torch.nn.Identity()
    hidden = torch.zeros(1, 6, 4)  # two places of text behind the frame's
    hidden[0, 1, 2] = 1.0  # upper right token, its lower left patch
    hidden[0, 5, 0] = 9.0  # text, not read
    logits = head(hidden)[:, 0].reshape(4, 4)
    assert logits[1, 2] == 1.0 and logits.sum() == 1.0


def test_each_map_has_outputs_of_its_own():
    head = ChangeHead(width=4, grid=2, merge=1, num_maps=3)
    with torch.no_grad():
        head.to_patches.weight.zero_()
        head.to_patches.bias.copy_(torch.tensor([1.0, 2.0, 3.0]))
    assert head(torch.randn(2, 4, 4)).tolist() == [[[1.0] * 4, [2.0] * 4, [3.0] * 4]] * 2


def test_it_learns_where():
    torch.manual_seed(0)
    head = ChangeHead(width=8, grid=4, merge=2)
    hidden, truth = torch.randn(16, 4, 8), torch.zeros(16, 16)
    truth[:, 5] = (hidden[:, 0, 0] > 0).float()
    optimizer = torch.optim.Adam(head.parameters(), lr=0.1)
    losses = []
    for _ in range(60):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(head(hidden)[:, 0], truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
