"""Verbs that search the index of transitions, tell what was measured, and draw figures for print."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from lapa.types import LapaError, LatentAction, LatentIndex
from viz.figures.find import rows_matching
from viz.tabs.api.chosen import Chosen
from viz.tabs.api.contract import (
    MAX_ROWS,
    BundleName,
    ClipId,
    Figure,
    Found,
    Near,
    Report,
    Row,
    Seconds,
    TokenText,
    Whole,
    Words,
)
from viz.tabs.api.files import file_of
from viz.tabs.selection import Selection

NumRows = Annotated[int, Field(ge=1, le=MAX_ROWS)]


class Search(Chosen):
    """neighbours, index, report, export."""

    def neighbours(
        self,
        clip: ClipId = "",
        t: Whole = 0,
        tokens: TokenText = "",
        window_s: Seconds = 0.0,
        k: NumRows = 8,
        bundle: BundleName = "",
    ) -> Near:
        """Find the transitions of the index nearest to what happens at a frame, or to a latent action.

        Nearness is measured on the latents before quantisation, not on the map's two dimensions.

        Args:
            clip: id of a clip, from /clips or /upload; its own transitions are left out.
            t: number of the current frame, from 0.
            tokens: a latent action such as 3-0-7-1, instead of a clip and a frame.
            window_s: distance of the two frames in seconds; 0 for the one the models were trained with.
            k: how many, 1 to 500.
            bundle: name of the models; empty for the first.

        Returns:
            the transitions, nearest first, each with its distance
        """
        explorer = self.explorer(bundle)
        index, own = explorer.need_index(), None
        if tokens:
            action: LatentAction = self.bench.read_tokens(Selection(bundle=self.name(bundle)), tokens)
        elif clip:
            action = self.bench.seen(self.frame(bundle, clip, t, window_s))
            own = clip.partition("/")[2] if clip.partition("/")[0] == index.data else None
        else:
            raise LapaError("neither a clip nor tokens were given: name a clip and a frame, or tokens such as 3-0-7-1")
        found = explorer.neighbours(action, k=k, exclude_clip=own)
        return Near(neighbours=[self._row(index, n.row, distance=round(n.distance, 4)) for n in found])

    def index(self, query: Words = "", limit: NumRows = 50, offset: Whole = 0, bundle: BundleName = "") -> Found:
        """Search the transitions of the index.

        Args:
            query: tokens with wildcards such as 3-*-7-*, part of an instruction or of a clip's name, facts such as
                split:train, or several of these at once; empty for all.
            limit: how many rows to return, 1 to 500.
            offset: how many matching rows to skip.
            bundle: name of the models; empty for the first.

        Returns:
            how many transitions there are, how many match, and the rows asked for
        """
        index = self.explorer(bundle).need_index()
        rows = rows_matching(index, query) if query.strip() else np.arange(len(index))
        shown = [self._row(index, int(row)) for row in rows[offset : offset + limit]]
        return Found(num_transitions=len(index), num_matching=len(rows), rows=shown)

    def report(self, bundle: BundleName = "") -> Report:
        """Tell which bundles of models there are, and what one of them is and was measured to do.

        Args:
            bundle: name of the models; empty for the first.

        Returns:
            the names of all bundles, this one's facts, and its measurements by part (laq, policy, robot)
        """
        explorer = self.explorer(bundle)
        return Report(
            bundle=self.name(bundle),
            bundles=list(self.bench.bundles),
            card=explorer.card,
            measured=explorer.report(),
        )

    def export(
        self,
        what: Literal["map", "codebook"],
        format: Literal["pdf", "svg", "png"] = "svg",
        coords: Literal["umap", "pca"] = "umap",
        level: Literal["transition", "sequence", "code"] = "transition",
        colour_by: Words = "token 0",
        bundle: BundleName = "",
    ) -> Figure:
        """Draw a figure for print, with the plotted data and a note of where it is from.

        Args:
            what: map (every transition as a point) or codebook (each code's place, distances and use).
            format: pdf, svg or png.
            coords: projection of the map, umap or pca.
            level: points of the map, transition, sequence or code.
            colour_by: colour of the map's points, such as token 0, magnitude, direction, task, count.
            bundle: name of the models; empty for the first.

        Returns:
            three files: the figure, the data as CSV, the provenance as JSON
        """
        # Imported here: matplotlib costs a second, which only who wants a figure pays.
        from viz.figures.export import export_codebook, export_map

        index = self.explorer(bundle).need_index()
        with tempfile.TemporaryDirectory(prefix="lapa-save-") as folder:
            stem = Path(folder) / what
            if what == "codebook":
                export_codebook(index, stem, formats=(format,))
            else:
                export_map(index, stem, formats=(format,), coords=coords, level=level, colour_by=colour_by)
            kinds = (format, "csv", "json")
            made = [file_of(stem.with_suffix(f".{kind}").read_bytes(), f"{what}.{kind}") for kind in kinds]
        return Figure(figure=made[0], data=made[1], provenance=made[2])

    def _row(self, index: LatentIndex, row: int, distance: float | None = None) -> Row:
        clip = int(index.clip[row])
        name, moved = index.clip_names[clip], index.displacement[row]
        return Row(
            row=row,
            clip=self.bench.shelf.find(index.data, name),
            clip_name=name,
            t=int(index.t[row]),
            tokens=index.latent_action(row).label,
            instruction=index.clip_instructions[clip],
            split=index.clip_splits[clip],
            magnitude=digits(index.magnitude[row]),
            displacement_m=None if np.isnan(moved).any() else [digits(value) for value in moved],
            umap=[digits(value) for value in index.umap[row]],
            pca=[digits(value) for value in index.pca[row]],
            distance=distance,
        )


def digits(value: np.floating) -> float:
    """Return a measurement with as many digits as mean something."""
    return float(f"{float(value):.5g}")
