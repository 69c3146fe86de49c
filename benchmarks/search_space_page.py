# SPDX-License-Identifier: Apache-2.0
"""results/search_space.md from results/search_space.json."""

from __future__ import annotations

from benchmarks import results
from benchmarks.results import Json
from tflm_mcunet.report.text import Table
from tflm_mcunet.search.selection import LEAST_SHARE

_KIB = 1024


def page(figures: Json) -> str:
    """The page."""
    whole = figures["whole"]
    return f"""# Stage one of the search: which space

{results.provenance_text(figures)}

From each of the papers' 12 × 9 spaces (input size R, width multiplier W), networks are drawn; of
those that fit SRAM and flash, by the converter's own schedule and memory plan, the mean of the
multiply-accumulates is taken, and the space with the largest is chosen among those of whose
networks at least {LEAST_SHARE:.0%} fit. That share is ours, not the papers': several of the choices
below are close to it, and another share would choose other spaces.

## What the {figures["board"]} leaves to a network

{results.markdown(_table([whole]))}

{whole["networks"]:,} networks in {whole["seconds"]:,.0f} s on a machine that others used, too:
{whole["processor_seconds"]:,.0f} s of processor time, hence
{whole["processor_seconds"] / whole["workers"]:,.0f} s on {whole["workers"]} cores of one's own.

![Cumulative distributions of MACs](search_space.png)

## More SRAM

{results.markdown(_table(figures["sweeps"]["sram"]))}

## More flash

{results.markdown(_table(figures["sweeps"]["flash"]))}

## Spectrograms, fed row by row

Here R is the number of frames; 12 classes, 40 bins.

{results.markdown(_table(figures["audio"]))}
"""


def _table(runs: list[Json]) -> Table:
    headers = (
        "SRAM, KiB",
        "flash, KiB",
        "networks",
        "R",
        "W",
        "that fit",
        "mean MMACs",
        "top fifth from",
        "<next best (R, W)",
    )
    return Table(headers, tuple(map(_row, runs)))


def _row(run: Json) -> tuple[str, ...]:
    chosen, *others = run["best"]
    return (
        f"{run['sram_bytes'] / _KIB:g}",
        f"{run['flash_bytes'] / _KIB:g}",
        f"{run['networks']:,}",
        f"**{chosen['resolution']}**",
        f"**{chosen['width']:g}**",
        f"{chosen['fitting'] / chosen['samples']:.0%}",
        f"{chosen['mean_macs'] / 1e6:.1f}",
        f"{chosen['top_macs'] / 1e6:.1f}",
        ", ".join(f"({o['resolution']}, {o['width']:g})" for o in others),
    )
