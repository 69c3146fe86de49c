# SPDX-License-Identifier: Apache-2.0
"""Bytes in SRAM before and after conversion, on one scale."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from tflm_converters.schedule.evaluate import Planned
from tflm_converters.schedule.types import Mode
from tflm_mcunet.profiling import Profile
from tflm_mcunet.report import style

_MODES = {
    Mode.LAYER: (style.BLUE, "layer by layer"),
    Mode.PATCH: (style.PURPLE, "patches"),
    Mode.STREAM: (style.GREEN, "streaming"),
    Mode.STOCK: (style.INK, "stock operator"),
}


def draw(before: Profile, after: Planned) -> bytes:
    """A bar per layer of the original, a bar per stage of the converted model; a PNG file."""
    canvas = style.figure(6.5)
    original, converted = canvas.subplots(2, 1, sharey=True)
    heights = [layer.live_bytes / style.KIB for layer in before.layers]
    original.bar(range(len(heights)), heights, width=0.86, color=style.GREY)
    original.set_xlim(-0.8, len(heights) - 0.2)
    original.set_xlabel("layer of the original")
    _draw_stages(converted, after)
    for axes, peak in ((original, before.peak_bytes), (converted, after.peak)):
        axes.set_ylabel("SRAM, KiB")
        style.tidy(axes)
        style.limit_line(axes, peak / style.KIB, f"{peak:,} bytes", style.VERMILLION)
    style.title(
        original,
        f"{before.name}: {before.peak_bytes / after.peak:.1f} times less SRAM, "
        f"{before.peak_bytes:,} bytes before and {after.peak:,} after",
        "Above: activations alive during each layer. Below: the converted model, one bar per "
        "stage as wide as its layers.",
    )
    return style.png(canvas)


def _draw_stages(axes: Axes, planned: Planned) -> None:
    stages = planned.schedule.stages
    for stage, peak in zip(stages, planned.stage_peaks, strict=True):
        axes.bar(
            stage.first - 0.43,
            peak / style.KIB,
            width=stage.last - stage.first - 0.14,
            align="edge",
            color=_MODES[stage.mode][0],
        )
    axes.set_xlim(-0.8, len(planned.network.layers) - 0.2)
    axes.set_xlabel("layer of the converted model")
    used = [mode for mode in _MODES if any(stage.mode is mode for stage in stages)]
    handles = [Patch(color=_MODES[mode][0], label=_MODES[mode][1]) for mode in used]
    axes.legend(handles=handles, loc="upper right", frameon=False, ncols=len(used), fontsize=9.5)
