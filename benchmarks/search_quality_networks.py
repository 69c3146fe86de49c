# SPDX-License-Identifier: Apache-2.0
"""The networks that a search must beat, as wide as the same memory allows."""

from __future__ import annotations

import bisect
import math

import numpy as np
import tf_keras

from benchmarks.mobilenet_v2 import mobilenet_v2
from tflm_converters import passes, reader
from tflm_converters.emit.program import pack_program
from tflm_converters.optimize import Goal, optimize
from tflm_mcunet.quantize import quantize
from tflm_mcunet.search.architecture import Architecture
from tflm_mcunet.search.cost import Cost
from tflm_mcunet.search.cost_model import CostModel
from tflm_mcunet.search.limits import Limits
from tflm_mcunet.search.request import IMAGE_TASKS
from zoo.recipes import baselines

WIDTHS = tuple(round(0.05 + 0.01 * i, 2) for i in range(96))
"""Multipliers of MobileNetV2; several may give the same channels."""

REFERENCE_WIDTHS = tuple(i / 16 for i in range(1, 33))
"""Multipliers of MLPerf Tiny's architectures: for keywords, filters in steps of 4."""


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
