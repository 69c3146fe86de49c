# SPDX-License-Identifier: Apache-2.0
"""The networks that a search must beat, as wide as the same memory allows."""

from __future__ import annotations

import bisect
import math

import numpy as np
import tf_keras

from tflm_converters import passes, reader
from tflm_converters.emit.program import pack_program
from tflm_converters.optimize import Goal, optimize
from tflm_mcunet.quantize import quantize
from tflm_mcunet.search.architecture import Architecture, Block, Convolution
from tflm_mcunet.search.cost import Cost
from tflm_mcunet.search.cost_model import CostModel
from tflm_mcunet.search.limits import Limits
from tflm_mcunet.search.request import IMAGE_TASKS
from tflm_mcunet.search.space import round_channels
from zoo.recipes import baselines

_MOBILENET_V2 = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Expansion, channels, blocks, stride of each stage: table 2 of arXiv 1801.04381."""

WIDTHS = tuple(round(0.05 + 0.01 * i, 2) for i in range(96))
"""Multipliers of MobileNetV2; several may give the same channels."""

REFERENCE_WIDTHS = tuple(i / 16 for i in range(1, 33))
"""Multipliers of MLPerf Tiny's architectures: for keywords, filters in steps of 4."""


def mobilenet_v2(
    input_shape: tuple[int, int, int], classes: int, *, width: float, scales_head: bool
) -> Architecture:
    """MobileNetV2 (arXiv 1801.04381).

    Args:
        input_shape: rows, columns, channels.
        classes: logits.
        width: multiplier of all channels, which stay multiples of 8 as with its authors.
        scales_head: whether of the last convolution's 1280, too; the paper's stay 1280 in
            narrow networks.
    """
    stages = tuple(
        tuple(
            Block(round_channels(channels * width), stride=(s, s), expansion=expansion)
            for s in (stride, *[1] * (blocks - 1))
        )
        for expansion, channels, blocks, stride in _MOBILENET_V2
    )
    head = round_channels(1280 * (width if scales_head else max(width, 1.0)))
    return Architecture(input_shape, Convolution(round_channels(32 * width)), stages, head, classes)


def widest_mobilenet_v2(
    input_shape: tuple[int, int, int], classes: int, limits: Limits, *, scales_head: bool
) -> tuple[float, Architecture] | None:
    """The widest one that keeps to the limits, and its width; None if none does."""
    networks = [
        mobilenet_v2(input_shape, classes, width=width, scales_head=scales_head) for width in WIDTHS
    ]
    fitting = np.flatnonzero(CostModel(row_fed=True).screen(networks, limits).fits)
    return (WIDTHS[fitting[-1]], networks[fitting[-1]]) if len(fitting) else None


def reference(
    task: str, input_shape: tuple[int, int, int], classes: int, *, width: float
) -> tf_keras.Model:
    """MLPerf Tiny's architecture for the task; `width` 1: its own channels. Gives logits."""
    if task in IMAGE_TASKS:
        model = baselines.mobilenet_v1(input_shape[0], classes, alpha=0.25 * width)
    else:
        model = baselines.ds_cnn(input_shape[:2], classes, filters=round(64 * width))
    model.layers[-1].activation = tf_keras.activations.linear  # all are trained with logits
    return model


def widest_reference(
    task: str, input_shape: tuple[int, int, int], classes: int, limits: Limits
) -> float | None:
    """The width of the widest one that keeps to the limits; None if none does."""
    # Not zeros: channels that were always zero would be cut away.
    inputs = np.random.default_rng(0).normal(size=(4, *input_shape))

    def fits(width: float) -> bool:
        model = reference(task, input_shape, classes, width=width)
        return bool(limits.kept(cost(quantize(model, [inputs], progress=False))))

    count = bisect.bisect_left(REFERENCE_WIDTHS, True, key=lambda width: not fits(width))
    return REFERENCE_WIDTHS[count - 1] if count else None


def cost(content: bytes) -> Cost:
    """What an int8 file costs by the converter's planner, fed row by row, as the search counts."""
    graph = passes.run(reader.read_bytes(content, name="network")).graph
    best = optimize(graph, Goal(row_fed=True)).best
    stages = range(len(best.schedule.stages))
    program = pack_program(best.network, best.schedule, best.layout, best.plan, stages)
    flash = len(program.options) + len(program.parameters)
    return Cost(best.peak, flash, best.macs, latency_ms=math.nan)
