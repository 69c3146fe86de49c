# SPDX-License-Identifier: Apache-2.0
"""What a profile looks like on a terminal."""

from __future__ import annotations

from tflm_mcunet.profiling import Profile
from tflm_mcunet.report.tables import layers_table
from tflm_mcunet.report.text import shape_text, short_name


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
