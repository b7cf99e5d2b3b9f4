"""Verbs that look: which clips there are, and what happens in them."""

from __future__ import annotations

from lapa.types import LapaError
from viz.tabs.api.chosen import Chosen
from viz.tabs.api.contract import (
    BundleName,
    ClipEncoding,
    ClipEntry,
    ClipId,
    Clips,
    Encoding,
    Novelty,
    Seconds,
    Transition,
    Upload,
    UploadedFile,
    Whole,
)
from viz.tabs.api.files import take_in


class Look(Chosen):
    """clips, upload, encode, encode_clip, novelty."""

    def clips(self, bundle: BundleName = "", group: BundleName = "") -> Clips:
        """List the clips that are here.

        Args:
            bundle: name of the models; empty for the first of those that /report lists.
            group: name of a group of clips; empty for those the page shows first with these models.

        Returns:
            the names of all groups, and per clip of this one its id (which the other endpoints take), its instruction
            and its number of frames
        """
        name = self.name(bundle)
        group = group or self.bench.start(name).clip.partition("/")[0]
        if group not in self.bench.shelf.sources:
            raise LapaError(f"there is no group '{group}' here: choose one of {', '.join(self.bench.shelf.sources)}")
        listed = [
            ClipEntry(clip=entry.id, instruction=entry.instruction, num_frames=entry.num_frames)
            for entry in self.bench.shelf.entries(group)
        ]
        return Clips(bundle=name, group=group, groups=list(self.bench.shelf.sources), clips=listed)

    def upload(self, video: str | UploadedFile) -> Upload:
        """Bring a video of your own. Nobody else is shown it, and it is kept for two hours at most.

        Args:
            video: an mp4, webm, mov or gif file, as an uploaded file, its http address, or a data address.

        Returns:
            the clip's id, which the other endpoints take, its frames and frame rate, and a note on what is
            damaged or left out, or ""
        """
        path, title = take_in(video)
        clip_id, note = self.bench.shelf.add_upload(path, title)
        clip = self.bench.shelf.clip(clip_id)
        return Upload(clip=clip_id, num_frames=clip.num_frames, fps=clip.fps, note=note)

    def encode(self, clip: ClipId, t: Whole, window_s: Seconds = 0.0, bundle: BundleName = "") -> Encoding:
        """Say what happens between a frame and the frame one window later, as a latent action.

        Args:
            clip: id of a clip, from /clips or /upload.
            t: number of the current frame, from 0.
            window_s: distance of the two frames in seconds; 0 for the one the models were trained with.
            bundle: name of the models; empty for the first.

        Returns:
            tokens such as "3-0-7-1", and per token how sure it is, from 0 (a toss-up) to 1, and a sentence on what it
            was measured to do (none where nothing was measured)
        """
        selection = self.frame(bundle, clip, t, window_s)
        seen = self.bench.seen(selection)
        return Encoding(
            clip=clip,
            t=t,
            window=self.bench.window(selection),
            window_s=selection.window_s,
            tokens=seen.label,
            sure=rounded(seen.margins),
            means=[meaning.sentence for meaning in self.explorer(bundle).meanings(seen)],
        )

    def encode_clip(
        self, clip: ClipId, window_s: Seconds = 0.0, stride: Whole = 1, bundle: BundleName = ""
    ) -> ClipEncoding:
        """Say what happens all along a clip: one latent action per frame that has one a window later.

        Args:
            clip: id of a clip, from /clips or /upload.
            window_s: distance of the two frames in seconds; 0 for the one the models were trained with.
            stride: every how many frames; at least 1.
            bundle: name of the models; empty for the first.

        Returns:
            frame number, tokens and how sure they are, per transition
        """
        if stride < 1:
            raise LapaError(f"a stride of {stride} goes nowhere: give 1 or more")
        selection = self.clip(bundle, clip, window_s)
        opened, window = self.bench.clip(selection), self.bench.window(selection)
        found = self.explorer(bundle).encode_clip(opened, window=window, stride=stride)
        listed = [Transition(t=t, tokens=action.label, sure=rounded(action.margins)) for t, action in found]
        return ClipEncoding(clip=clip, fps=opened.fps, window=window, transitions=listed)

    def novelty(self, clip: ClipId, t: Whole, bundle: BundleName = "") -> Novelty:
        """Say how far a frame is from the videos that the models were trained on.

        Args:
            clip: id of a clip, from /clips or /upload.
            t: number of the frame, from 0.
            bundle: name of the models; empty for the first.

        Returns:
            a score (up to 1 is inside, far above 1 means that tokens are guesses), and the same as a sentence
        """
        found = self.explorer(bundle).novelty(self.bench.frame(self.frame(bundle, clip, t)))
        return Novelty(score=round(found.score, 4), inside=found.inside, sentence=found.sentence)


def rounded(values: tuple[float, ...] | None) -> list[float]:
    """Return margins with as many digits as mean something."""
    return [round(value, 4) for value in values or ()]
