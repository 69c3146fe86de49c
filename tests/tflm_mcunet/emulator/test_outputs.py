# SPDX-License-Identifier: Apache-2.0
"""On the emulated core, outputs are those of TFLite-Micro's reference kernels, byte by byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests import tflm
from tests.networks import random_inputs, random_network
from tests.schedules import random_schedule
from tflm_converters import optimize, passes, writer
from tflm_converters.emit.program import pack_program
from tflm_converters.graph import Graph
from tflm_converters.optimize import Goal
from tflm_converters.schedule.evaluate import Planned, evaluate
from tflm_converters.schedule.network import build_network
from tflm_converters.schedule.types import Mode
from tflm_mcunet.benchmark import bench
from tflm_mcunet.emulator import Build, measure

WAYS = {
    "per layer": Goal(mode="layer"),
    "streamed": Goal(mode="stream"),
    "row-fed": Goal(mode="stream", row_fed=True),
}

MODELS = (
    "mlperf_tiny/models/ad01_int8.tflite",
    "mlperf_tiny/models/kws_ref_model_int8.tflite",
    "mlperf_tiny/models/resnet_ic_int8.tflite",
    "mlperf_tiny/models/vww_96_int8.tflite",
    "models/tflm_micro_speech_quantized.tflite",
    "models/tinyengine_vww.tflite",
)

NETWORKS = 12
SAMPLES = 4
SEARCH_STEPS = 100


@pytest.mark.parametrize("mode", WAYS)
@pytest.mark.parametrize("model", MODELS)
def test_real_models(model: str, mode: str, shared_data: Path) -> None:
    goal = WAYS[mode]
    result = bench(shared_data / model, mode=goal.mode, row_fed=goal.row_fed, samples=SAMPLES)
    assert (result.differing_bytes, result.spoiled_bytes) == (0, 0)


@pytest.mark.parametrize("seed", range(NETWORKS))
def test_random_networks(seed: int) -> None:
    graph = random_network(seed)
    inputs = [random_inputs(graph, 10 * seed + i) for i in range(SAMPLES)]
    content, count = writer.write(graph), len(graph.outputs)
    expected = [tflm.infer(content, values, outputs=count) for values in inputs]
    for planned in (*_planned(passes.run(graph).graph), *_planned_at_random(graph, seed)):
        assert_same_bytes(planned, inputs, expected)


def _planned(graph: Graph) -> list[Planned]:
    fed = len(graph.inputs) == 1
    goals = [goal for goal in WAYS.values() if fed or not goal.row_fed]
    return [optimize.optimize(graph, goal).best for goal in goals]


def _planned_at_random(graph: Graph, seed: int) -> list[Planned]:
    """Ways that a goal would seldom choose: strips, patches, halos."""
    network = build_network(graph)
    schedule = random_schedule(network, seed)
    assert schedule is not None
    return [evaluate(network, schedule, steps=SEARCH_STEPS)]


def assert_same_bytes(
    planned: Planned, inputs: list[list[np.ndarray]], expected: list[list[np.ndarray]]
) -> None:
    p, stages = planned, range(len(planned.schedule.stages))
    assert all(stage.mode is not Mode.STOCK for stage in p.schedule.stages)
    program = pack_program(p.network, p.schedule, p.layout, p.plan, stages)
    graph = p.network.graph
    order = [graph.inputs.index(tensor) for tensor in program.inputs]
    samples = [[values[i] for i in order] for values in inputs]
    result = measure(program.options, program.parameters, samples, build=Build())
    assert result.spoiled_bytes == 0
    assert result.sram_bytes == program.arena_bytes <= planned.peak
    for run, golden in zip(result.runs, expected, strict=True):
        made = dict(zip(program.outputs, run.outputs, strict=True))
        for tensor, wanted in zip(graph.outputs, golden, strict=True):
            got = made[p.network.resolve(tensor)]
            np.testing.assert_array_equal(got.ravel(), wanted.ravel(), str(p.schedule))
