# SPDX-License-Identifier: Apache-2.0
"""Whatever way a program is cut into stages, groups, tiles and strips, its output is the same."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence

import numpy as np
import pytest

from tests.arduino import native
from tests.arduino.example_programs import (
    RING,
    SYMMETRIC,
    TILE,
    every_operator,
    flattened,
    in_place,
    inverted_residual,
    row_fed,
    squeeze_and_excite,
    streamed,
)
from tests.arduino.memory import Memory
from tests.arduino.program_builder import (
    Buffer,
    Group,
    Program,
    Stage,
    build_program,
    per_layer,
)
from tests.arduino.runtime import (
    Runtime,
    Status,
    open_program,
    random_arena,
    read_outputs,
    unowned_bytes,
    write_inputs,
)
from tests.network_builder import NetworkBuilder
from tests.networks import random_inputs
from tflm_converters import reference
from tflm_converters.emit.program_format import OpFlag
from tflm_converters.graph import Padding


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    return Runtime(tmp_path_factory.mktemp("runtime"))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20260201)


def is_expected(program: Program, arena: Memory, inputs: Sequence[np.ndarray]) -> bool:
    """Whether the outputs in the arena are those that the graph is defined to have."""
    values = reference.execute(program.graph, inputs)
    pairs = zip(program.graph.outputs, read_outputs(program, arena), strict=True)
    return all(np.array_equal(output, values[tensor]) for tensor, output in pairs)


def is_exact(runtime: Runtime, program: Program, rng: np.random.Generator) -> bool:
    """Whether an inference in an arena of garbage gives the expected outputs.

    Asserts that the bytes that no buffer owns stay as they are.
    """
    opened = open_program(runtime, program)
    arena = random_arena(program, rng)
    inputs = random_inputs(program.graph, int(rng.integers(1000)))
    write_inputs(program, arena, inputs)
    unowned = unowned_bytes(program)
    before = arena.bytes[unowned]
    assert opened.run(arena) is Status.OK
    np.testing.assert_array_equal(arena.bytes[unowned], before)
    return is_expected(program, arena, inputs)


# ---- Per layer ----


@pytest.mark.parametrize("tile", [None, (1, 1), (2, 3)])
def test_every_operator_in_a_stage_of_its_own(
    runtime: Runtime, rng: np.random.Generator, tile: tuple[int, int] | None
) -> None:
    graph = every_operator()
    stages = [Stage([Group(stage.groups[0].ops, tile)]) for stage in per_layer(graph)]
    assert is_exact(runtime, build_program(graph, stages), rng)


def test_depthwise_in_place(runtime: Runtime, rng: np.random.Generator) -> None:
    assert is_exact(runtime, in_place(), rng)


def test_whole_tensors_between_tiles(runtime: Runtime, rng: np.random.Generator) -> None:
    assert is_exact(runtime, flattened(), rng)


@pytest.mark.parametrize("rows_before, is_safe", [(1, True), (0, False)])
def test_output_rows_may_overwrite_consumed_input_rows(
    runtime: Runtime, rng: np.random.Generator, rows_before: int, is_safe: bool
) -> None:
    b = NetworkBuilder()
    x = b.conv(b.input(8, 5, 4), 4)
    padding = Padding(left=1, right=1)  # row y is computed from rows y to y + 2
    graph = b.build(b.depthwise(x, padding=padding))
    program = build_program(graph, [Stage([Group([0])]), Stage([Group([1], (1, 5))])])
    source = program.tensor(x)
    program.tensor(graph.outputs[0])["offset"] = source["offset"] - rows_before * source["pitch"]
    assert is_exact(runtime, program, rng) is is_safe


def test_elementwise_output_may_take_the_place_of_its_input(
    runtime: Runtime, rng: np.random.Generator
) -> None:
    b = NetworkBuilder()
    x = b.input(6, 5, 3)
    y = b.conv(x, 3)
    total = b.add(y, x)
    graph = b.build(b.conv(total, 2))
    program = build_program(graph, per_layer(graph))
    program.tensor(total)["offset"] = program.tensor(y)["offset"]
    assert is_exact(runtime, program, rng)


# ---- Patches ----


@pytest.mark.parametrize("tile", [(9, 11), (5, 6), (3, 4), (1, 11), (1, 1)])
def test_patches_recompute_halos(
    runtime: Runtime, rng: np.random.Generator, tile: tuple[int, int]
) -> None:
    graph, (_, expanded, filtered, projected, _) = inverted_residual()
    halo = min(tile[0] + 2, 9), min(tile[1] + 2, 11)
    buffers = {
        expanded: Buffer(TILE, *halo),
        filtered: Buffer(TILE, *tile),
        projected: Buffer(TILE, *tile),
    }
    assert is_exact(runtime, build_program(graph, [Stage([Group(range(4), tile)])], buffers), rng)


@pytest.mark.parametrize("rows, columns", [(4, 6), (5, 5)])
def test_a_tile_that_outgrows_its_buffer_stops_the_program(
    runtime: Runtime, rng: np.random.Generator, rows: int, columns: int
) -> None:
    graph, (_, expanded, filtered, projected, _) = inverted_residual()
    buffers = {
        expanded: Buffer(TILE, rows, columns),
        filtered: Buffer(TILE, 3, 4),
        projected: Buffer(TILE, 3, 4),
    }
    program = build_program(graph, [Stage([Group(range(4), (3, 4))])], buffers)
    arena = random_arena(program, rng)
    assert open_program(runtime, program).run(arena) is Status.RANGE


def test_patches_through_strides_and_branches(runtime: Runtime, rng: np.random.Generator) -> None:
    b = NetworkBuilder()
    x = b.input(17, 15, 3)
    stem = b.conv(x, 8, kernel=3, stride=2, padding=SYMMETRIC)
    wide = b.depthwise(stem, kernel=5)
    narrow = b.conv(stem, 8)
    joined = b.concatenate(b.add(wide, narrow), narrow)
    graph = b.build(b.max_pool(joined, kernel=3, stride=2, padding=SYMMETRIC))
    inner = [op.output for op in graph.ops[:-1]]
    buffers = {t: Buffer(TILE, 9, 8) for t in inner}
    for tile in [(5, 4), (2, 3), (1, 1)]:
        assert is_exact(
            runtime,
            build_program(graph, [Stage([Group(range(len(graph.ops)), tile)])], buffers),
            rng,
        )


def test_an_inner_tensor_may_leave_its_group(runtime: Runtime, rng: np.random.Generator) -> None:
    b = NetworkBuilder()
    filtered = b.depthwise(b.input(6, 7, 4))
    projected = b.conv(filtered, 5)
    graph = b.build(projected, filtered)
    assert is_exact(runtime, build_program(graph, [Stage([Group(range(2), (2, 3))])]), rng)


# ---- Streaming ----


@pytest.mark.parametrize("tile", [(1, 11), (1, 1), (1, 4)])
def test_streaming_needs_the_rows_of_the_kernel(
    runtime: Runtime, rng: np.random.Generator, tile: tuple[int, int]
) -> None:
    graph, tensors = inverted_residual()
    stages, buffers = streamed(tensors, 3, 11, tile)
    assert is_exact(runtime, build_program(graph, stages, buffers), rng)
    stages, buffers = streamed(tensors, 2, 11, tile)
    assert not is_exact(runtime, build_program(graph, stages, buffers), rng)


def test_bands_of_several_rows(runtime: Runtime, rng: np.random.Generator) -> None:
    graph, tensors = inverted_residual()
    stages, buffers = streamed(tensors, 6, 11, (4, 3))
    assert is_exact(runtime, build_program(graph, stages, buffers), rng)


@pytest.mark.parametrize("rows, is_enough", [(4, True), (3, False)])
def test_a_residual_waits_in_a_ring(
    runtime: Runtime, rng: np.random.Generator, rows: int, is_enough: bool
) -> None:
    """Three layers ahead of the addition have read three rows more than it has."""
    b = NetworkBuilder()
    first = b.depthwise(b.input(12, 6, 4))
    last = b.depthwise(b.depthwise(b.depthwise(first)))
    graph = b.build(b.add(last, first))
    outputs = [op.output for op in graph.ops]
    stages = [Stage([Group([i], (1, 6)) for i in range(5)])]
    buffers = {
        t: Buffer(RING, slots, 6) for t, slots in zip(outputs, (rows, 3, 3, 1), strict=False)
    }
    program = build_program(graph, stages, buffers)
    assert is_exact(runtime, program, rng) is is_enough


@pytest.mark.parametrize("strips", [1, 2, 3, 11])
def test_column_strips(runtime: Runtime, rng: np.random.Generator, strips: int) -> None:
    graph, tensors = inverted_residual()
    cuts = [s * 11 // strips for s in range(strips + 1)]
    halos = [(max(a - 1, 0), min(b + 1, 11)) for a, b in itertools.pairwise(cuts)]
    columns = max(end - begin for begin, end in halos)
    (stage,), buffers = streamed(tensors, 3, columns, (1, 4))
    assert is_exact(runtime, build_program(graph, [Stage(stage.groups, strips)], buffers), rng)
    buffers[tensors[1]] = Buffer(RING, 3, columns - 1)
    program = build_program(graph, [Stage(stage.groups, strips)], buffers)
    arena = random_arena(program, rng)
    assert open_program(runtime, program).run(arena) is Status.RANGE


def test_strips_through_strides(runtime: Runtime, rng: np.random.Generator) -> None:
    b = NetworkBuilder()
    x = b.input(13, 19, 3)
    stem = b.conv(x, 6, kernel=3, stride=2, padding=SYMMETRIC)
    filtered = b.depthwise(stem, stride=2, padding=Padding(0, 1, 0, 1))
    graph = b.build(b.resize_nearest(filtered, 2))
    stages = [Stage([Group([0], (1, 3)), Group([1], (1, 2)), Group([2], (2, 3))], 4)]
    buffers = {stem: Buffer(RING, 3, 7), filtered: Buffer(RING, 1, 3)}
    assert is_exact(runtime, build_program(graph, stages, buffers), rng)


# ---- Pooling that accumulates ----


@pytest.mark.parametrize("tile", [(1, 9), (1, 2), (3, 4)])
def test_squeeze_and_excite_in_one_stage(
    runtime: Runtime, rng: np.random.Generator, tile: tuple[int, int]
) -> None:
    graph, stages, buffers = squeeze_and_excite(tile)
    assert is_exact(runtime, build_program(graph, stages, buffers), rng)


@pytest.mark.parametrize("axes", [(1,), (1, 2)])
@pytest.mark.parametrize("strips", [1, 3])
def test_accumulation_of_strips(
    runtime: Runtime, rng: np.random.Generator, axes: tuple[int, ...], strips: int
) -> None:
    b = NetworkBuilder()
    filtered = b.depthwise(b.conv(b.input(7, 8, 3), 5))
    graph = b.build(b.mean(filtered, axes))
    buffers = {graph.ops[0].output: Buffer(RING, 3, 8), filtered: Buffer(TILE, 1, 2)}
    groups = [Group([0], (1, 3)), Group([1, 2], (1, 2), OpFlag.ACCUMULATE)]
    assert is_exact(runtime, build_program(graph, [Stage(groups, strips)], buffers), rng)


def test_average_pool_accumulates(runtime: Runtime, rng: np.random.Generator) -> None:
    b = NetworkBuilder()
    x = b.conv(b.input(6, 7, 3), 4)
    graph = b.build(b.average_pool(x, kernel=(6, 3), stride=(6, 2), padding=Padding(left=1)))
    groups = [Group([0], (1, 7)), Group([1], (1, 3), OpFlag.ACCUMULATE)]
    assert is_exact(runtime, build_program(graph, [Stage(groups)], {x: Buffer(RING, 1, 7)}), rng)


# ---- Rows fed one by one ----


def test_rows_are_fed_inference_after_inference(runtime: Runtime, rng: np.random.Generator) -> None:
    program = row_fed()
    opened = open_program(runtime, program)
    arena = random_arena(program, rng)
    unowned = unowned_bytes(program)
    before = arena.bytes.copy()
    assert opened.begin(arena) is Status.OK
    for seed in range(3):
        (image,) = inputs = random_inputs(program.graph, seed)
        for row in image[0][:-1]:
            assert opened.push_row(arena, row) is Status.NEED_ROWS
            assert opened.finish(arena) is Status.NEED_ROWS
        assert opened.push_row(arena, image[0][-1]) is Status.OK
        assert opened.finish(arena) is Status.OK
        assert is_expected(program, arena, inputs)
    np.testing.assert_array_equal(arena.bytes[unowned], before[unowned])


def test_begin_abandons_an_inference(runtime: Runtime, rng: np.random.Generator) -> None:
    program = row_fed()
    opened = open_program(runtime, program)
    arena = random_arena(program, rng)
    (image,) = inputs = random_inputs(program.graph, 0)
    for rows in (5, 12):
        assert opened.begin(arena) is Status.OK
        statuses = [opened.push_row(arena, row) for row in image[0][:rows]]
    assert statuses[-1] is Status.OK
    assert is_expected(program, arena, inputs)


def test_rows_that_nobody_needs_are_taken(runtime: Runtime, rng: np.random.Generator) -> None:
    """Stride 3 without padding leaves the last two rows unread; the count still completes."""
    b = NetworkBuilder()
    x = b.input(9, 4, 2)
    graph = b.build(b.conv(x, 3, stride=(3, 1), padding="VALID"))
    program = build_program(graph, [Stage([Group([0], (1, 4))])], {x: Buffer(RING, 1, 4)}, fed=x)
    opened = open_program(runtime, program)
    arena = random_arena(program, rng)
    (image,) = inputs = random_inputs(program.graph, 0)
    assert opened.begin(arena) is Status.OK
    statuses = [opened.push_row(arena, row) for row in image[0]]
    assert statuses == [Status.NEED_ROWS] * 8 + [Status.OK]
    assert is_expected(program, arena, inputs)


def test_a_damaged_state_is_noticed(runtime: Runtime, rng: np.random.Generator) -> None:
    program = row_fed()
    opened = open_program(runtime, program)
    arena = random_arena(program, rng)
    (image,) = random_inputs(program.graph, 0)
    opened.begin(arena)
    assert opened.push_row(arena, image[0, 0]) is Status.NEED_ROWS
    counter = int(program.header["fed_state_offset"][0])
    arena.bytes[counter : counter + 2].view(np.int16)[0] = 13
    assert opened.push_row(arena, image[0, 1]) is Status.ARENA
    arena.bytes[counter : counter + 2].view(np.int16)[0] = 1
    state = int(program.stages["state_offset"][0])
    arena.bytes[state : state + 2].view(np.int16)[0] = 1000
    assert opened.push_row(arena, image[0, 1]) is Status.ARENA


def test_run_and_push_are_not_interchangeable(runtime: Runtime, rng: np.random.Generator) -> None:
    fed = row_fed()
    assert open_program(runtime, fed).run(random_arena(fed, rng)) is Status.INPUT
    graph, _ = inverted_residual()
    whole = build_program(graph, per_layer(graph))
    opened, arena = open_program(runtime, whole), random_arena(whole, rng)
    assert opened.begin(arena) is Status.INPUT
    assert opened.push_row(arena, np.zeros((11, 4), np.int8)) is Status.INPUT
    assert opened.finish(arena) is Status.INPUT


def test_an_arena_that_is_too_small_is_refused(runtime: Runtime, rng: np.random.Generator) -> None:
    graph, _ = inverted_residual()
    program = build_program(graph, per_layer(graph))
    opened, arena = open_program(runtime, program), random_arena(program, rng)
    assert opened.run(arena, arena.bytes.size - 1) is Status.ARENA


@pytest.mark.skipif(native.SANITIZE in os.environ, reason="this is the run with the sanitizers")
def test_sanitizers_find_nothing() -> None:
    native.rerun_with_sanitizers(__file__)
