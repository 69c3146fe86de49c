# SPDX-License-Identifier: Apache-2.0
"""Where the memory and the work of a model go: one bar per layer."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from tflm_mcunet.profiling import Profile
from tflm_mcunet.report import style
from tflm_mcunet.report.text import shape_text


def draw(profile: Profile) -> bytes:
    """Activation bytes, multiply-accumulates and weights of every layer, as a PNG file."""
    canvas = style.figure(7.5)
    memory, work, weights = canvas.subplots(3, 1, sharex=True, height_ratios=[5, 2, 2])
    layers = profile.layers
    _bars(memory, [layer.live_bytes / style.KIB for layer in layers], style.BLUE, "SRAM, KiB")
    _bars(work, [layer.macs / 1e6 for layer in layers], style.GREEN, "MACs, million")
    _bars(weights, [layer.weight_bytes / style.KIB for layer in layers], style.ORANGE, "flash, KiB")
    _mark_peak(memory, profile)
    _mark_board(memory, profile)
    peak = profile.peak_layer
    style.title(
        memory,
        f"{profile.name}: layer {peak.index} needs most SRAM, {profile.peak_bytes:,} bytes",
        "Activations in SRAM while each layer runs, its multiply-accumulates, its weights in flash",
    )
    canvas.align_ylabels()
    weights.set_xlabel("layer, in order of execution")
    return style.png(canvas)


def _bars(axes: Axes, heights: Sequence[float], color: str, label: str) -> None:
    axes.bar(range(len(heights)), heights, width=0.86, color=color)
    axes.set_xlim(-0.8, len(heights) - 0.2)
    axes.set_ylabel(label)
    style.tidy(axes)


def _mark_peak(axes: Axes, profile: Profile) -> None:
    """Colours the peak and says which tensors make it."""
    peak = profile.peak_layer
    height = profile.peak_bytes / style.KIB
    axes.bar([peak.index], [height], width=0.86, color=style.VERMILLION)
    parts = "\n".join(f"{t.bytes:,} B  {shape_text(t.shape)}" for t in peak.live)
    on_left = peak.index < len(profile.layers) / 2
    axes.annotate(
        f"{peak.operator}\n{parts}",
        (peak.index + (0.6 if on_left else -0.6), height),
        xytext=(8 if on_left else -8, 0),
        textcoords="offset points",
        ha="left" if on_left else "right",
        va="top",
        fontsize=9,
        color=style.VERMILLION,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5},
    )


def _mark_board(axes: Axes, profile: Profile) -> None:
    """A line at the board's SRAM, where that does not flatten the bars."""
    if profile.board is None or profile.board.sram_bytes > 2 * profile.peak_bytes:
        return
    limit = profile.board.sram_bytes / style.KIB
    label = f"SRAM of {profile.board.title}: {limit:g} KiB"
    style.limit_line(axes, limit, label, style.INK, dashed=True)
