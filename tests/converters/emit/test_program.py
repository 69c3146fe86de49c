# SPDX-License-Identifier: Apache-2.0
"""Packed programs compute, byte by byte, what the graph defines, however they are scheduled."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.arduino.runtime import Runtime
from tests.converters.emit.execution import Execution, mismatches
from tests.converters.emit.random_plans import random_plans
from tests.network_builder import NetworkBuilder
from tests.networks import random_inputs
from tflm_converters import reference
from tflm_converters.emit import program_format as fmt
from tflm_converters.emit.parameters import padded_filters
from tflm_converters.emit.program import Program, pack_program
from tflm_converters.emit.tflite import program_runs
from tflm_converters.graph import Kind
from tflm_converters.schedule.evaluate import Planned, evaluate
from tflm_converters.schedule.grouping import layer_stage, stream_stage
from tflm_converters.schedule.network import build_network
from tflm_converters.schedule.types import Mode, Schedule

NETWORKS = 60
"""Random networks that are scheduled at random and executed."""


# ---- Random networks, random schedules -------------------------------------------------------


@pytest.mark.parametrize("single_stages", [False, True])
@pytest.mark.parametrize("seed", range(NETWORKS))
def test_random_schedules_are_exact(runtime: Runtime, seed: int, single_stages: bool) -> None:
    for planned in random_plans(seed):
        execution = Execution(runtime, planned, seed, single_stages=single_stages)
        for image in range(2):
            inputs = random_inputs(planned.network.graph, 2 * seed + image)
            expected = reference.execute(planned.network.graph, inputs)
            assert not mismatches(execution, inputs, expected), planned.schedule


def test_random_schedules_run_in_every_way() -> None:
    found = {way for seed in range(NETWORKS) for p in random_plans(seed) for way in ways(p)}
    assert found == {*Mode, "strips", "halo", "in place", "row-fed", "accumulate", "second pass"}


def ways(planned: Planned) -> Iterator[Mode | str]:
    if planned.schedule.row_fed:
        yield "row-fed"
    if any("/second_pass" in t.name for t in planned.network.graph.tensors):
        yield "second pass"
    for stage in planned.schedule.stages:
        yield stage.mode
        if stage.strips > 1:
            yield "strips"
        if stage.in_place:
            yield "in place"
        for group in stage.groups:
            if stage.mode is Mode.STREAM and group.tile_rows > 1:
                yield "halo"
            if group.accumulate:
                yield "accumulate"


# ---- The bytes of one small program, by hand -------------------------------------------------


@pytest.fixture(scope="module")
def tiny() -> Planned:
    """3 x 3 depthwise on 6 x 5 x 2, streamed into a pointwise layer of 4 channels."""
    builder = NetworkBuilder(1)
    builder.conv(builder.depthwise(builder.input(6, 5, 2)), 4)
    network = build_network(builder.build())
    return evaluate(network, Schedule((stream_stage(network, 0, 2),)))


def pack(planned: Planned) -> Program:
    p = planned
    return pack_program(p.network, p.schedule, p.layout, p.plan, range(len(p.schedule.stages)))


def arrays(program: Program) -> dict[str, np.ndarray]:
    """The parts of the packed bytes, which must follow one another without a gap."""
    header = np.frombuffer(program.options, fmt.HEADER, 1)[0]
    parts, at = {"header": header}, int(header["header_bytes"])
    dtypes = {"tensor": fmt.TENSOR, "op": fmt.OP, "group": fmt.GROUP, "stage": fmt.STAGE}
    for name, dtype in dtypes.items():
        parts[name] = np.frombuffer(program.options, dtype, int(header[f"{name}_count"]), at)
        at += parts[name].nbytes
    assert at == len(program.options) == header["program_bytes"]
    return parts


def test_header(tiny: Planned) -> None:
    program = pack(tiny)
    header = arrays(program)["header"]
    assert header["magic"] == int.from_bytes(b"TCM1", "little")
    assert header["version"] == fmt.VERSION == 2
    assert header["parameter_bytes"] == len(program.parameters)
    assert header["arena_bytes"] == program.arena_bytes == tiny.peak
    assert (header["input_count"], header["output_count"]) == (1, 1)
    assert header["row_fed_tensor"] == fmt.NONE
    assert (program.base, program.inputs, program.outputs) == (
        0,
        tiny.network.inputs,
        tiny.network.outputs,
    )


def test_tensors_are_the_interface_and_what_the_stage_makes(tiny: Planned) -> None:
    source, result, tile, made = arrays(pack(tiny))["tensor"]
    geometry = ["pitch", "bytes", "height", "width", "channels", "slots", "producer", "storage"]
    assert tuple(source[geometry]) == (10, 60, 6, 5, 2, 6, fmt.NONE, fmt.Storage.WHOLE)
    assert tuple(result[geometry]) == (20, 120, 6, 5, 4, 6, fmt.NONE, fmt.Storage.WHOLE)
    assert tuple(tile[geometry]) == (2, 2, 6, 5, 2, 1, 0, fmt.Storage.TILE)
    assert tuple(made[geometry]) == (20, 120, 6, 5, 4, 6, 0, fmt.Storage.WHOLE)
    assert made["offset"] == result["offset"]


def test_operators_refer_to_tensors_and_parameters(tiny: Planned) -> None:
    program = pack(tiny)
    depthwise, pointwise = arrays(program)["op"]
    assert (depthwise["kind"], pointwise["kind"]) == (fmt.OpKind.DEPTHWISE, fmt.OpKind.CONV)
    assert [list(depthwise["inputs"]), depthwise["output"]] == [[0, fmt.NONE], 2]
    assert [list(pointwise["inputs"]), pointwise["output"]] == [[2, fmt.NONE], 3]
    assert (depthwise["kernel_h"], depthwise["pad_top"], pointwise["kernel_h"]) == (3, 1, 1)
    graph = tiny.network.graph
    for record, op in zip((depthwise, pointwise), graph.ops, strict=True):
        weights = graph.tensors[op.inputs[1]].data
        stored = weights if op.kind is Kind.DEPTHWISE_CONV else padded_filters(weights)
        at = int(record["weights"])
        assert program.parameters[at : at + stored.size] == stored.tobytes()


def test_the_group_fires_row_by_row_in_tiles_of_a_pixel(tiny: Planned) -> None:
    parts = arrays(pack(tiny))
    (group,), (stage,) = parts["group"], parts["stage"]
    assert tuple(group) == (0, 2, 1, 1, 6, 5, 0, 0)
    assert (stage["first_group"], stage["group_count"], stage["strips"]) == (0, 1, 1)


def test_concatenation_is_one_copy_per_input() -> None:
    builder = NetworkBuilder(2)
    x = builder.input(4, 4, 3)
    builder.concatenate(x, builder.relu(x), x)
    network = build_network(builder.build())
    stages = tuple(layer_stage(network, i) for i in range(len(network.layers)))
    ops = arrays(pack(evaluate(network, Schedule(stages))))["op"]
    copies = ops[ops["kind"] == fmt.OpKind.COPY]
    assert list(copies["channel_offset"]) == [0, 3, 6]
    assert len({int(copy["output"]) for copy in copies}) == 1


def test_stock_operators_separate_programs() -> None:
    builder = NetworkBuilder(4)
    x = builder.conv(builder.input(6, 6, 3), 4)
    x = builder.mul(x, builder.constant([0.5, 1.0, -1.0, 2.0]))  # per channel: left to TFLM
    builder.conv(builder.conv(x, 8), 2)
    network = build_network(builder.build())
    stages = tuple(layer_stage(network, i) for i in range(4))
    assert [stage.mode for stage in stages] == [Mode.LAYER, Mode.STOCK, Mode.LAYER, Mode.LAYER]
    schedule = Schedule(stages)
    assert program_runs(schedule) == [range(0, 1), range(2, 4)]
    planned = evaluate(network, schedule)
    first, second = (
        pack_program(network, schedule, planned.layout, planned.plan, run)
        for run in program_runs(schedule)
    )
    assert first.outputs == (network.layers[1].accesses[0].tensor,)
    assert second.inputs == (network.layers[1].output,) == (x,)


def test_bytes_between_fields_are_zero(tiny: Planned) -> None:
    """A model's content depends on nothing but the model."""
    owned = np.zeros(fmt.OP.itemsize, bool)
    for dtype, offset in fmt.OP.fields.values():
        owned[offset : offset + dtype.itemsize] = True
    for _ in range(8):
        spoiled = [np.full(count * fmt.OP.itemsize, 0xFF, np.uint8) for count in range(1, 4)]
        del spoiled  # memory that NumPy takes again
        ops = arrays(pack(tiny))["op"]
        records = np.frombuffer(ops.tobytes(), np.uint8).reshape(len(ops), -1)
        assert not records[:, ~owned].any()
