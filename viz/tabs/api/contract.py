"""What goes into the verbs and comes out of them, as types that check arguments and that the documentation shows."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

MAX_STEPS = 32
MAX_ROWS = 500

BundleName = Annotated[str, Field(max_length=80)]
ClipId = Annotated[str, Field(max_length=300)]
Whole = Annotated[int, Field(ge=0, le=10**9)]
Seconds = Annotated[float, Field(ge=0, le=30, allow_inf_nan=False)]
TokenText = Annotated[str, Field(max_length=200)]
Words = Annotated[str, Field(max_length=2000)]
Temperature = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
TopK = Annotated[int, Field(ge=0, le=4096)]


class FileMark(TypedDict):
    """How Gradio tells files from other objects."""

    _type: Literal["gradio.FileData"]


class File(TypedDict):
    """A file on its way: `path` is known to the server only, `url` is where a picture or figure can be fetched."""

    path: str
    url: str | None
    orig_name: str | None
    mime_type: str | None
    meta: FileMark


class UploadedFile(TypedDict, total=False):
    """A file that Gradio's own /upload took in."""

    path: str
    orig_name: str | None
    meta: FileMark


class ClipEntry(TypedDict):
    """A clip that can be chosen."""

    clip: str
    instruction: str
    num_frames: int


class Transition(TypedDict):
    """What the quantizer sees between two frames of a clip; `sure` in [0, 1] per token."""

    t: int
    tokens: str
    sure: list[float]


class Row(TypedDict):
    """A transition of the index. `clip` is None where its video is not on this server; unknown movement is None."""

    row: int
    clip: str | None
    clip_name: str
    t: int
    tokens: str
    instruction: str
    split: str
    magnitude: float
    displacement_m: list[float] | None
    umap: list[float]
    pca: list[float]
    distance: float | None


class DreamStep(TypedDict):
    """A step of a rollout: its tokens, per token the probability of every code, and the picture it led to."""

    step: int
    tokens: str
    probabilities: list[list[float]]
    picture: File


class Clips(TypedDict):
    bundle: str
    group: str
    groups: list[str]
    clips: list[ClipEntry]


class Upload(TypedDict):
    clip: str
    num_frames: int
    fps: float
    note: str


class Encoding(TypedDict):
    clip: str
    t: int
    window: int
    window_s: float
    tokens: str
    sure: list[float]
    means: list[str]


class ClipEncoding(TypedDict):
    clip: str
    fps: float
    window: int
    transitions: list[Transition]


class Novelty(TypedDict):
    score: float
    inside: bool
    sentence: str


class Decoding(TypedDict):
    tokens: str
    picture: File


class Expected(TypedDict):
    tokens: str
    probabilities: list[list[float]]


class Dreamed(TypedDict):
    steps: list[DreamStep]


class Near(TypedDict):
    neighbours: list[Row]


class Found(TypedDict):
    num_transitions: int
    num_matching: int
    rows: list[Row]


class Report(TypedDict):
    bundle: str
    bundles: list[str]
    card: dict
    measured: dict


class Figure(TypedDict):
    figure: File
    data: File
    provenance: File
