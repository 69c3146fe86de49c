# SPDX-License-Identifier: Apache-2.0
"""Rewritten models: their tensors, operators and offsets, and the bytes that TFLM computes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from tests.converters.emit.random_plans import random_plans
from tests.network_builder import NetworkBuilder
from tests.networks import random_inputs, random_network
from tflm_converters import reader, writer
from tflm_converters.emit.tflite import UNPLANNED, emit_graph, emit_tflite, program_runs
from tflm_converters.graph import Graph, Kind
from tflm_converters.schedule.evaluate import Planned, evaluate
from tflm_converters.schedule.grouping import layer_stage, stream_stage
from tflm_converters.schedule.network import build_network
from tflm_converters.schedule.types import Mode, Schedule
from tflm_mcunet import inference
from tflm_mcunet.host_process import HostProcess

NETWORKS = 24
"""Random networks that run in TFLite-Micro, as they are and rewritten."""

FIRST_NETWORK = 1000

Build = Callable[[NetworkBuilder, int], object]


@pytest.fixture(scope="module")
def host() -> Iterator[HostProcess]:
    with HostProcess() as process:
        yield process


def built(build: Build, *shape: int) -> Graph:
    builder = NetworkBuilder(0)
    result = build(builder, builder.input(*(shape or (6, 5, 3))))
    return builder.build(*(result if isinstance(result, tuple) else ()))


def layer_by_layer(graph: Graph) -> Planned:
    network = build_network(graph)
    stages = tuple(layer_stage(network, i) for i in range(len(network.layers)))
    return evaluate(network, Schedule(stages))


def streamed(graph: Graph, *, row_fed: bool = False) -> Planned:
    network = build_network(graph)
    stage = stream_stage(network, 0, len(network.layers))
    return evaluate(network, Schedule((stage,), row_fed=row_fed))


def emitted(planned: Planned) -> tuple[Graph, list[int]]:
    return emit_graph(planned.network, planned.schedule, planned.layout, planned.plan)


def content(planned: Planned) -> bytes:
    return emit_tflite(planned.network, planned.schedule, planned.layout, planned.plan)


# ---- What is written ----


def test_a_network_becomes_one_operator() -> None:
    graph = built(lambda b, x: b.conv(b.depthwise(x), 4))
    planned = streamed(graph)
    result, offsets = emitted(planned)
    (op,) = result.ops
    assert op.kind is Kind.PROGRAM
    names = [tensor.name for tensor in result.tensors]
    assert [names[t] for t in op.inputs] == ["input", "program_0/parameters"]
    assert [names[t] for t in op.outputs] == [graph.tensors[-1].name, "program_0/memory"]
    assert (result.inputs, result.outputs) == ((op.inputs[0],), (op.outputs[0],))
    place = {b.name: o for b, o in zip(planned.plan.buffers, planned.plan.offsets, strict=True)}
    assert [offsets[t] for t in op.inputs] == [place["input"], UNPLANNED]
    assert [offsets[t] for t in op.outputs] == [place[graph.tensors[-1].name], 0]
    assert result.tensors[op.outputs[1]].shape == (planned.plan.peak,)


def test_inputs_and_outputs_keep_their_shape_and_quantization() -> None:
    graph = built(lambda b, x: b.fully_connected(b.depthwise(x), 4))
    result, _ = emitted(layer_by_layer(graph))
    for before, after in ((graph.inputs, result.inputs), (graph.outputs, result.outputs)):
        for t, u in zip(before, after, strict=True):
            old, new = graph.tensors[t], result.tensors[u]
            assert (new.name, new.shape, new.dtype) == (old.name, old.shape, old.dtype)
            assert new.quantization is old.quantization


def test_offsets_are_in_the_file() -> None:
    planned = streamed(built(lambda b, x: b.conv(b.depthwise(x), 4)))
    graph = reader.read_bytes(content(planned), name="rewritten")
    names = [tensor.name for tensor in graph.tensors]
    offsets = dict(zip(names, graph.rest["offline_offsets"], strict=True))
    place = {b.name: o for b, o in zip(planned.plan.buffers, planned.plan.offsets, strict=True)}
    assert offsets["program_0/parameters"] == UNPLANNED
    assert {n: offsets[n] for n in offsets.keys() & place.keys()} == {
        n: place[n] for n in offsets.keys() & place.keys()
    }


def test_a_fed_row_lies_beside_the_planned_memory() -> None:
    graph = built(lambda b, x: b.conv(b.depthwise(x), 4), 12, 5, 3)
    planned = streamed(graph, row_fed=True)
    result, offsets = emitted(planned)
    row = result.inputs[0]
    assert result.tensors[row].shape == (1, 1, 5, 3)
    assert offsets[row] == -(-planned.plan.peak // 16) * 16


def test_a_fed_row_of_a_two_dimensional_image() -> None:
    graph = built(lambda b, x: b.fully_connected(b.relu(x), 2), 12, 5)
    result, _ = emitted(streamed(graph, row_fed=True))
    assert result.tensors[result.inputs[0]].shape == (1, 5)


def per_channel(builder: NetworkBuilder, x: int) -> int:
    """An operator that our runtime leaves to TFLite-Micro."""
    return builder.mul(x, builder.constant(np.linspace(0.5, 1.5, builder.channels(x))))


def test_runs_between_stock_operators_become_programs() -> None:
    graph = built(lambda b, x: b.relu(b.conv(per_channel(b, b.depthwise(x)), 4)))
    planned = layer_by_layer(graph)
    assert program_runs(planned.schedule) == [range(0, 1), range(2, 4)]
    result, _ = emitted(planned)
    assert [op.kind for op in result.ops] == [Kind.PROGRAM, Kind.MUL, Kind.PROGRAM]
    assert result.ops[1].attributes is graph.ops[1].attributes
    scratch = [result.tensors[op.outputs[-1]].name for op in (result.ops[0], result.ops[2])]
    assert scratch == ["program_0/memory", "program_2/memory"]


def test_a_model_of_stock_operators_passes_through() -> None:
    graph = built(lambda b, x: b.dequantize(per_channel(b, per_channel(b, x))))
    planned = layer_by_layer(graph)
    assert {stage.mode for stage in planned.schedule.stages} == {Mode.STOCK}
    result, _ = emitted(planned)
    assert [(op.kind, op.attributes) for op in result.ops] == [
        (op.kind, op.attributes) for op in graph.ops
    ]
    constants = [t.data for t in result.tensors if t.is_constant]
    assert [c.tolist() for c in constants] == [
        t.data.tolist() for t in graph.tensors if t.data is not None
    ]


# ---- What TFLite-Micro computes ----


def assert_same(host: HostProcess, graph: Graph, model: bytes, *, samples: int = 3) -> None:
    """The rewritten model gives the bytes of the original, one inference after the other."""
    inputs = [tuple(random_inputs(graph, seed)) for seed in range(samples)]
    expected = host.call(inference.run, writer.write(graph), inputs, subject="the original")
    computed = host.call(inference.run, model, inputs, subject="the rewritten model")
    for want, got in zip(expected, computed, strict=True):
        assert got is not None
        for one, other in zip(want, got, strict=True):
            np.testing.assert_array_equal(one, other)


SPECIAL: dict[str, Build] = {
    "a renamed output": lambda b, x: b.reshape(b.mean(x), 1, 3),
    "an output twice": lambda b, x: (y := b.conv(x, 4), y),
    "an output and its new name": lambda b, x: (y := b.mean(x), b.reshape(y, 1, 3)),
    "inner outputs": lambda b, x: (y := b.conv(x, 4), b.relu(b.depthwise(y))),
    "an input that is only renamed": lambda b, x: (b.reshape(x, 1, 6, 5, 3), b.relu(x)),
    "stock operators only": lambda b, x: per_channel(b, per_channel(b, x)),
    "stock operators first": lambda b, x: b.conv(per_channel(b, x), 4),
    "stock operators last": lambda b, x: per_channel(b, b.conv(x, 4)),
    "stock operators between": lambda b, x: b.relu(per_channel(b, b.conv(x, 4))),
    "a float output": lambda b, x: b.dequantize(b.conv(x, 4)),
    "a skip around a stock operator": lambda b, x: b.add(per_channel(b, y := b.relu(x)), y),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_special_networks(host: HostProcess, name: str) -> None:
    graph = built(SPECIAL[name])
    assert_same(host, graph, content(layer_by_layer(graph)))


@pytest.mark.parametrize("seed", range(FIRST_NETWORK, FIRST_NETWORK + NETWORKS))
def test_random_schedules(host: HostProcess, seed: int) -> None:
    original = random_network(seed)
    for planned in random_plans(seed):
        assert_same(host, original, content(planned))


def test_variables_keep_their_state(host: HostProcess) -> None:
    graph = built(lambda b, x: b.relu(b.conv(x, 4)))
    state = dataclasses.replace(graph.tensors[0], name="state", is_variable=True)
    graph = graph.replace(tensors=(*graph.tensors, state))
    assert_same(host, graph, content(layer_by_layer(graph)))


def test_an_output_that_is_only_reshaped_is_written_by_the_program() -> None:
    def build(builder: NetworkBuilder, x: int) -> tuple[int, int]:
        flat = builder.reshape(builder.average_pool(x, kernel=(6, 5)), 1, -1)
        return flat, builder.fully_connected(flat, 2)

    graph = built(build)
    planned = layer_by_layer(graph)
    content = emit_tflite(planned.network, planned.schedule, planned.layout, planned.plan)
    converted = reader.read_bytes(content, name="reshaped")
    assert set(converted.outputs) <= set(converted.ops[0].outputs)
    inputs = tuple(random_inputs(graph, 0))
    (expected,) = inference.run(writer.write(graph), [inputs])
    (got,) = inference.run(content, [inputs])
    for one, other in zip(expected, got, strict=True):
        np.testing.assert_array_equal(one, other)
