# SPDX-License-Identifier: Apache-2.0
"""What results look like on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tflm_mcunet.profiling import Profile
from tflm_mcunet.report.tables import layers_table
from tflm_mcunet.report.text import Table, shape_text, short_name
from tflm_mcunet.verify import Verdict

_SHOWN_VALUES = 8

Outputs = Sequence[tuple[str, np.ndarray]]
"""Names and values of the outputs of a model."""


def profile_text(profile: Profile) -> str:
    """The table of layers, what makes the peak, and whether the board can hold it."""
    return "\n".join([str(layers_table(profile)), "", _peak_text(profile), *_board_text(profile)])


def _peak_text(profile: Profile) -> str:
    peak = profile.peak_layer
    parts = [f"{t.bytes:,} {short_name(t.name)} {shape_text(t.shape)}" for t in peak.live]
    return (
        f"Peak: {profile.peak_bytes:,} bytes of activations in SRAM, "
        f"at layer {peak.index} {peak.operator}:\n  {' + '.join(parts)}"
    )


def _board_text(profile: Profile) -> list[str]:
    board = profile.board
    if board is None:
        return []
    return [
        f"{board.title} ({board.core}, {board.clock_hz // 1_000_000} MHz):",
        "  " + fit_text("SRAM", profile.peak_bytes, board.sram_bytes),
        "  " + fit_text("flash", profile.file_bytes, board.flash_bytes),
    ]


def fit_text(memory: str, need: int, have: int) -> str:
    """Whether `need` bytes fit into `have`, and by how much."""
    if need <= have:
        return f"{memory} fits: {need:,} of {have:,} bytes, {have - need:,} to spare"
    return f"{memory} does NOT fit: {need:,} of {have:,} bytes, {need - have:,} too many"


def outputs_text(outputs: Outputs) -> str:
    """The beginning of every output."""
    rows = tuple(
        (name, str(array.dtype), shape_text(array.shape), _first_values(array))
        for name, array in outputs
    )
    return str(Table(("<output", "<type", "<shape", "<values"), rows))


def _first_values(array: np.ndarray) -> str:
    shown = " ".join(f"{value:g}" for value in array.flat[:_SHOWN_VALUES])
    return shown + (" …" if array.size > _SHOWN_VALUES else "")


def verdict_text(verdict: Verdict) -> str:
    """Whether two models gave the same bytes, and where they first did not."""
    samples = f"{verdict.samples} sample" + ("" if verdict.samples == 1 else "s")
    if verdict.first is None:
        return f"Identical: 0 of {verdict.compared_bytes:,} bytes differ in {samples}"
    first = verdict.first
    lines = [
        f"DIFFERENT: {verdict.differing_bytes:,} of {verdict.compared_bytes:,} bytes in {samples}",
        f"  first in sample {first.sample}, output '{first.output}' at {list(first.position)}: "
        f"expected {first.expected}, got {first.got}",
    ]
    if verdict.location is not None:
        lines += [
            f"  {part.layer} differs when converted alone, in {part.differing_bytes:,} bytes"
            for part in verdict.location.alone
        ]
        if verdict.location.first is not None:
            lines.append(f"  the converted network first differs at {verdict.location.first}")
    return "\n".join(lines)
