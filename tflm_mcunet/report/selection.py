# SPDX-License-Identifier: Apache-2.0
"""What stage one of a search has found, as text for the terminal."""

from __future__ import annotations

from tflm_mcunet.report.text import Table
from tflm_mcunet.search.limits import Limits
from tflm_mcunet.search.selection import Selection, SpaceReport

_SHOWN = 5

_MILLION = 1e6


def text(selection: Selection, limits: Limits) -> str:
    """The best spaces in a table, and the chosen one in a sentence."""
    best = [selection.reports[index] for index in selection.ranked[:_SHOWN]]
    rows = tuple(_row(report) for report in best)
    table = Table(("input", "width", "networks that fit", "mean MMACs", "top fifth from"), rows)
    chosen, count = selection.report, len(selection.reports)
    return (
        f"{table}\n\n"
        f"Of {count} spaces: input size {chosen.resolution}, width multiplier {chosen.width:g}, "
        f"whose networks within {limits} have the most work."
    )


def _row(report: SpaceReport) -> tuple[str, ...]:
    return (
        f"{report.resolution}",
        f"{report.width:g}",
        f"{len(report.macs):,} of {report.samples:,}",
        f"{report.mean_macs / _MILLION:.1f}",
        f"{report.top_macs / _MILLION:.1f}",
    )
