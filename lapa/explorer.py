"""The one door: open a bundle of trained models and look, decode, dream and search with it, in numpy.

    ex = Explorer.open()                          # the shipped tabletop bundle
    action = ex.encode(frame, future)             # pictures of any size, uint8 [h w 3]
    picture = ex.decode(frame, action)
    for step in ex.rollout(frame, "push the red star to the left", num_steps=8): ...

Several threads may share one Explorer. The policy and the index are loaded when first asked for. Knows nothing of
training, of web pages or of figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from tqdm import tqdm

from lapa import bundle as bundles
from lapa.data.video import open_video, window_frames
from lapa.device import resolve_device
from lapa.dream import dream, play
from lapa.frames import to_frames, to_pixels
from lapa.index import nearest
from lapa.limits import (
    MAX_FRAMES,
    MAX_SIDE,
    THUMB_SIDE,
    checked_temperature,
    checked_top_k,
    clip_side,
    fit,
    read_fitting,
    stretch_like,
)
from lapa.meaning import CodeMeaning as CodeMeaning  # handed on: part of what an Explorer answers
from lapa.models.draw import draw
from lapa.models.encode import encode_pairs, latent_actions
from lapa.novelty import Novelty, novelty, pool_features
from lapa.opened import OpenBundle
from lapa.types import Clip, Frame, Frames, LapaError, LatentAction, Prediction, Step

BATCH = 32

Tokens = Sequence[int]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A transition of the index near another: its row, how far before quantisation, and where it is from."""

    row: int
    distance: float
    clip_name: str
    t: int
    label: str


class Explorer(OpenBundle):
    """Trained models behind the verbs of the app; make one with `Explorer.open`. Attributes: see `OpenBundle`."""

    @classmethod
    def open(
        cls,
        bundle: str = "tabletop",
        *,
        laq: str | Path | None = None,
        policy: str | Path | None = None,
        robot: str | Path | None = None,
        index: str | Path | None = None,
        device: str = "auto",
        precision: str = "auto",
    ) -> Explorer:
        """Open a shipped bundle, or single checkpoints by folder.

        With a quantizer of your own (`laq`), the bundle's other parts are left out unless they were made with it.
        `precision` is a released policy's: auto, bf16, fp32, 8bit or 4bit.

        Raises:
            LapaError: if something is missing, damaged, or was made with another quantizer; if there is no such device.
        """
        found = bundles.find_bundle(bundle, laq=laq, policy=policy, robot=robot, index=index)
        return cls(found, resolve_device(device), precision)

    @staticmethod
    def bundles() -> tuple[str, ...]:
        """Return the names of the bundles that are there."""
        return bundles.bundle_names()

    # look

    def window_frames(self, fps: float) -> int:
        """Return the quantizer's window in frames of a video."""
        return window_frames(self.window_s, fps)

    def open_clip(self, path: str | Path, *, max_frames: int | None = MAX_FRAMES) -> Clip:
        """Open a video or a folder of pictures, at its own size where that fits into memory (`limits.clip_side`).

        Raises:
            LapaError: if it cannot be read.
        """
        video = open_video(path)
        frames = read_fitting(video.chunks(0, max_frames), video.num_frames, max_frames)
        return Clip(frames=frames, fps=video.fps, source=video.path.name)

    def open_frame(self, path: str | Path, t: int) -> Frame:
        """Decode one frame of a video, at the size that `open_clip` gives it.

        Raises:
            LapaError: if it cannot be read, or has no frame `t`.
        """
        video = open_video(path)
        side = clip_side(video.height, video.width, min(video.num_frames, MAX_FRAMES))
        return fit(video.frames([t])[0], side)

    def encode(self, frame: Frame, future: Frame) -> LatentAction:
        """Say what happened between two pictures of any size."""
        return self.encode_pairs([frame], [future])[0]

    @torch.inference_mode()
    def encode_pairs(
        self, frames: Sequence[Frame] | Frames, futures: Sequence[Frame] | Frames, *, progress: bool = False
    ) -> list[LatentAction]:
        """Encode many pairs in batches; `progress` shows a bar on stderr if it takes more than two seconds."""
        found = []
        for start in tqdm(range(0, len(frames), BATCH), desc="encode", unit="batch", delay=2, disable=not progress):
            part = slice(start, start + BATCH)
            with self._lock:
                encoding = self._laq.encode(self._pixels(frames[part]), self._pixels(futures[part]))
            found += latent_actions(encoding)
        return found

    def encode_clip(
        self, clip: Clip, window: int | None = None, stride: int = 1, *, progress: bool = False
    ) -> list[tuple[int, LatentAction]]:
        """Encode every `stride`-th transition of a clip: pairs of (t, latent action).

        Raises:
            LapaError: if the window does not fit into the clip.
        """
        window = self.window_frames(clip.fps) if window is None else window
        clip.pair(0, window)
        times = np.arange(0, clip.num_frames - window, max(1, stride))
        encodings = encode_pairs(
            self._laq, lambda numbers: self._pixels(clip.frames[numbers]), times, times + window, batch_size=BATCH
        )
        options = {"total": -(-len(times) // BATCH), "desc": "encode", "unit": "batch", "delay": 2}
        bar = tqdm(self._locked(encodings), **options, disable=not progress)
        actions = [action for encoding in bar for action in latent_actions(encoding)]
        return list(zip(times.tolist(), actions, strict=True))

    # decode

    def decode(self, frame: Frame, latent_action: LatentAction | Tokens) -> Frame:
        """Return the future of `frame` under a latent action, of its size, at most 1280 px on the longer side."""
        return self.decode_many(frame, [latent_action])[0]

    def decode_many(
        self, frame: Frame, latent_actions: Sequence[LatentAction | Tokens], *, max_side: int = MAX_SIDE
    ) -> Frames:
        """Decode one frame under several latent actions: uint8 [n h w 3], at most `max_side` on the longer side."""
        tokens = torch.tensor([self._checked(action).tokens for action in latent_actions], device=self.device)
        start = fit(frame, max_side)
        parts = [to_frames(futures) for futures in self._locked(draw(self._laq, start, tokens))]
        return np.stack([stretch_like(picture, start) for part in parts for picture in part])

    def play(
        self, frame: Frame, latent_actions: Sequence[LatentAction | Tokens], *, stretch: bool = True
    ) -> Iterator[Step]:
        """Play latent actions one after the other, the decoder fed with its own pictures; yield each step.

        Without `stretch` the pictures stay as the decoder made them, square if its head does not move pixels: going on
        from one of them loses nothing.
        """
        actions = [self._checked(action) for action in latent_actions]
        steps = play(self._world, fit(frame), actions)
        return self._show(steps, frame) if stretch else self._locked(steps)

    # dream

    def predict(
        self,
        frame: Frame,
        instruction: str,
        temperature: float = 0.0,
        seed: int = 0,
        top_k: int = 0,
        *,
        taken: LatentAction | Tokens | None = None,
    ) -> Prediction:
        """Say what should happen next; `temperature` 0 takes the likeliest tokens, `top_k` 0 draws from all.

        With `taken`, say how likely each of its tokens is, given those before it.

        Raises:
            LapaError: if there is no policy, or the instruction is empty or too long.
        """
        policy, rng = self.need_policy(), np.random.default_rng(seed)
        with self._lock:
            return policy.predict(
                frame,
                instruction,
                temperature=checked_temperature(temperature),
                top_k=checked_top_k(top_k),
                prefix=() if taken is None else self._checked(taken).tokens,
                rng=rng,
            )

    def rollout(
        self,
        frame: Frame,
        instruction: str,
        num_steps: int = 8,
        *,
        temperature: float = 0.0,
        seed: int = 0,
        top_k: int = 0,
        stretch: bool = True,
    ) -> Iterator[Step]:
        """Dream: the policy acts in the quantizer's world; yield each step as it is done. `stretch` as in `play`.

        Raises:
            LapaError: at once, as `predict`, or if `num_steps` is not positive.
        """
        if num_steps < 1:
            raise LapaError(f"a rollout of {num_steps} steps is nothing to show: ask for 1 or more")
        policy = self.need_policy()
        from lapa.models.policy import check_instruction

        steps = dream(
            policy,
            self._world,
            frame,  # as it is: quantizer and policy each have their own way of making it small
            check_instruction(instruction),
            num_steps=num_steps,
            temperature=checked_temperature(temperature),
            top_k=checked_top_k(top_k),
            rng=np.random.default_rng(seed),
        )
        return self._show(steps, frame) if stretch else self._locked(steps)

    # map

    def neighbours(
        self, latent_action: LatentAction | Tokens, k: int = 8, exclude_clip: str | None = None
    ) -> list[Neighbour]:
        """Return the nearest transitions of the index, before quantisation; a hand-made action stands at its tokens.

        Raises:
            LapaError: if there is no index.
        """
        index, action = self.need_index(), self._checked(latent_action)
        point = action.continuous
        if point is None:
            point = self._laq.latent_of(torch.tensor([action.tokens], device=self.device))[0].cpu().numpy()
        rows, distances = nearest(index, point, k, exclude_clip=exclude_clip)
        return [
            Neighbour(
                row=row,
                distance=distance,
                clip_name=index.clip_names[index.clip[row]],
                t=int(index.t[row]),
                label=index.latent_action(row).label,
            )
            for row, distance in zip(rows.tolist(), distances.tolist(), strict=True)
        ]

    def pictures(self, row: int) -> tuple[Frame, Frame] | None:
        """Return a transition of the index before and after: shipped thumbnails, else from its video if on disk."""
        index = self.need_index()
        if index.thumbs is not None:
            return index.thumbs[row, 0], index.thumbs[row, 1]
        path = bundles.find_data(index.data, index.clip_names[index.clip[row]])
        if path is None:
            return None
        video, t = open_video(path, max_side=THUMB_SIDE), int(index.t[row])
        frame, future = video.frames([t, t + self.window_frames(video.fps)])
        return frame, future

    @torch.inference_mode()
    def novelty(self, frame: Frame) -> Novelty:
        """Say how unlike the training frames a picture is.

        Raises:
            LapaError: if there is no index, which knows the training frames.
        """
        index = self.need_index()
        with self._lock:
            features = self._laq.frame_features(self._pixels([frame]))
        return novelty(index, pool_features(features)[0])

    # within

    def _pixels(self, frames: Sequence[Frame] | Frames) -> torch.Tensor:
        return to_pixels(frames, self.image_size, self.device)

    def _locked(self, items: Iterator[T]) -> Iterator[T]:
        """Hold the lock only while an item is computed."""
        while True:
            with self._lock:
                item = next(items, None)
            if item is None:
                return
            yield item

    def _show(self, steps: Iterator[Step], like: Frame) -> Iterator[Step]:
        """Bring each step's picture to the proportions of `like`."""
        for step in self._locked(steps):
            yield Step(
                index=step.index,
                latent_action=step.latent_action,
                distributions=step.distributions,
                frame=stretch_like(step.frame, like),
            )

    def _checked(self, latent_action: LatentAction | Tokens) -> LatentAction:
        if not isinstance(latent_action, LatentAction):
            latent_action = LatentAction(tokens=tuple(map(int, latent_action)), codebook_size=self.codebook_size)
        shape, mine = (len(latent_action.tokens), latent_action.codebook_size), (self.code_seq_len, self.codebook_size)
        if shape != mine:
            raise LapaError(
                f"a latent action of {shape[0]} tokens out of {shape[1]} codes does not fit this model, "
                f"which has {mine[0]} tokens out of {mine[1]} codes"
            )
        return latent_action
