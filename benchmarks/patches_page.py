# SPDX-License-Identifier: Apache-2.0
"""results/patches.md from results/patches.json."""

from __future__ import annotations

from benchmarks.results import Json, markdown, provenance_text, sha256_text
from tflm_mcunet.report.text import Table

_KIB = 1024

_CONVENTIONS = """\
What has to be counted to arrive at the paper's figures:

* *Where the patches end*: the first convolution and four inverted residuals are the "five
  blocks"; that gives the patch side of 75, and 56 without halos.
* *Work of the patch stage*: every patch has its complete halo, even outside of the image, where
  nothing has to be computed. Clipped at the image's border, as we run it, it is less.
* *Overall work*: the two figures that the paper prints do not add up, 130M less the layers' own
  work being more than 330M less 300M; the printed overhead lies between ours with and without
  clipping.
* *Peak*: the largest sum of a layer's input and output in KiB. The image and the operands that
  residual connections hold are not counted; depthwise convolutions work in place. Behind the
  patches, the first expansion at 28×28 makes the peak, not the patches themselves."""


def page(figures: Json) -> str:
    """The whole page."""
    parts = [
        "# Patches: MCUNetV2's arithmetic",
        provenance_text(figures),
        f"{figures['paper']['network']}, {figures['paper']['patches']}×"
        f"{figures['paper']['patches']} patches over the first blocks, up to "
        f"{'×'.join(map(str, figures['analytic']['output']))}.",
        markdown(_arithmetic_table(figures)),
        _CONVENTIONS,
        "## The same schedule, exactly, and what the solver finds",
        "Everything is counted: the image (unless it is fed row by row), residuals, scratch.",
        markdown(_exact_table(figures)),
        "## Inputs",
        sha256_text([figures["model"]]),
    ]
    return "\n\n".join(parts) + "\n"


def _arithmetic_table(figures: Json) -> Table:
    paper, ours = figures["paper"], figures["analytic"]
    full, clipped = (_work(ours, ours[key]) for key in ("stage_macs_full", "stage_macs_clipped"))
    side, layer_peak = ours["patch_side"], ours["per_layer_bytes"]
    patch_peak = max(ours["patch_stage_bytes"], ours["behind_bytes"])
    rows = (
        (
            "patch side",
            str(paper["patch_side"]),
            str(side),
            str(ours["largest_patch_side_clipped"]),
        ),
        ("MACs of the patch stage", _million(paper["patch_stage_macs"]), full[0], clipped[0]),
        ("more than its layers'", _percent(paper["patch_stage_overhead"]), full[1], clipped[1]),
        ("MACs overall", _million(paper["overall_macs"]), full[2], clipped[2]),
        ("more than the network's", _percent(paper["overall_overhead"]), full[3], clipped[3]),
        ("peak layer by layer", f"{paper['per_layer_peak_kb']} kB", _kib(layer_peak), ""),
        ("peak in patches", f"{paper['per_patch_peak_kb']} kB", _kib(patch_peak), ""),
        ("of it while patches run", "", _kib(ours["patch_stage_bytes"]), ""),
    )
    return Table(("<", "paper", "ours, full halos", "ours, clipped"), rows)


def _work(ours: Json, stage: int) -> tuple[str, str, str, str]:
    """Work of the stage and of all, each with its overhead."""
    whole = ours["macs"] - ours["stage_macs"] + stage
    return (
        _million(stage),
        _percent(stage / ours["stage_macs"] - 1),
        _million(whole),
        _percent(whole / ours["macs"] - 1),
    )


def _exact_table(figures: Json) -> Table:
    macs, same = figures["analytic"]["macs"], figures["exact"]
    verdict = f"{same['differing_bytes']} bytes differ in {same['samples']} samples"
    rows = [_exact_row("the paper's schedule", same, macs, verdict)]
    for made in figures["solver"]:
        fed = "row-fed" if made["row_fed"] else "whole input"
        rows.append(_exact_row(f"the solver's at ≤ 1.10× MACs, {fed}", made, macs, ""))
    return Table(("<schedule", "peak bytes", "MACs", "<outputs"), tuple(rows))


def _exact_row(title: str, made: Json, macs: int, verdict: str) -> tuple[str, ...]:
    return (title, f"{made['peak_bytes']:,}", f"{made['macs'] / macs:.3f}×", verdict)


def _million(macs: int) -> str:
    return f"{macs / 1e6:.1f}M"


def _percent(share: float) -> str:
    return f"+{share * 100:.1f} %"


def _kib(size: int) -> str:
    return f"{size / _KIB:.1f} KiB"
