"""Verbs that imagine: a frame under other tokens, what a policy expects, and where that leads."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from jaxtyping import Float32
from pydantic import Field

from viz.tabs.api.chosen import Chosen
from viz.tabs.api.contract import (
    MAX_STEPS,
    BundleName,
    ClipId,
    Decoding,
    Dreamed,
    DreamStep,
    Expected,
    Seed,
    Temperature,
    TokenText,
    TopK,
    Whole,
    Words,
)
from viz.tabs.api.files import picture_file

NumSteps = Annotated[int, Field(ge=1, le=MAX_STEPS)]


class Dream(Chosen):
    """decode, predict, rollout."""

    def decode(self, clip: ClipId, t: Whole, tokens: TokenText = "", bundle: BundleName = "") -> Decoding:
        """Draw the future of a frame under a latent action.

        Args:
            clip: id of a clip, from /clips or /upload.
            t: number of the current frame, from 0.
            tokens: the latent action, such as 3-0-7-1; empty for the one that is seen there.
            bundle: name of the models; empty for the first.

        Returns:
            the tokens, and the decoded picture as a PNG file
        """
        selection = self.frame(bundle, clip, t)
        action = self.action(selection, tokens)
        decoded = self.explorer(bundle).decode(self.bench.frame(selection), action)
        return Decoding(tokens=action.label, picture=picture_file(decoded, "decoded"))

    def predict(
        self,
        clip: ClipId,
        t: Whole,
        instruction: Words,
        temperature: Temperature = 0.0,
        seed: Seed = 0,
        bundle: BundleName = "",
        top_k: TopK = 0,
    ) -> Expected:
        """Say which latent action the policy expects next, given a frame and an instruction.

        Args:
            clip: id of a clip, from /clips or /upload.
            t: number of the current frame, from 0.
            instruction: what is to be done, in English.
            temperature: 0 takes the likeliest tokens, 1 samples as the policy believes.
            seed: of the sampling.
            bundle: name of the models; empty for the first.
            top_k: sample from this many of the likeliest codes only; 0 from all.

        Returns:
            the tokens, and per token the probability of every code, given the tokens before it
        """
        frame = self.bench.frame(self.frame(bundle, clip, t))
        options = {"temperature": temperature, "seed": seed, "top_k": top_k}
        expected = self.explorer(bundle).predict(frame, instruction, **options)
        return Expected(tokens=expected.latent_action.label, probabilities=shares(expected.distributions))

    def rollout(
        self,
        clip: ClipId,
        t: Whole,
        instruction: Words,
        num_steps: NumSteps = 8,
        temperature: Temperature = 0.0,
        seed: Seed = 0,
        bundle: BundleName = "",
        top_k: TopK = 0,
    ) -> Dreamed:
        """Dream: the policy follows an instruction in the decoder's world, one window per step.

        Args:
            clip: id of a clip, from /clips or /upload.
            t: number of the frame to start from, from 0.
            instruction: what is to be done, in English.
            num_steps: 1 to 32.
            temperature: 0 takes the likeliest tokens, 1 samples as the policy believes.
            seed: of the sampling.
            bundle: name of the models; empty for the first.
            top_k: sample from this many of the likeliest codes only; 0 from all.

        Returns:
            per step the tokens, per token the probability of every code, and the picture as a PNG file
        """
        frame = self.bench.frame(self.frame(bundle, clip, t))
        options = {"temperature": temperature, "seed": seed, "top_k": top_k}
        steps = self.explorer(bundle).rollout(frame, instruction, num_steps, **options)
        return Dreamed(
            steps=[
                DreamStep(
                    step=step.index,
                    tokens=step.latent_action.label,
                    probabilities=shares(step.distributions),
                    picture=picture_file(step.frame, f"step_{step.index}"),
                )
                for step in steps
            ]
        )


def shares(distributions: Float32[np.ndarray, "l k"] | None) -> list[list[float]]:
    """Return probabilities as JSON can carry them."""
    return [] if distributions is None else np.round(distributions.astype(float), 4).tolist()
