# SPDX-License-Identifier: Apache-2.0
"""The runtime's kernels compute what the operators are defined to, in any box, in any memory."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.arduino import kernel_case, memory, native
from tests.arduino.kernel_call import run
from tests.arduino.kernel_case import Case
from tests.arduino.memory import Extent, Memory, Placement
from tflm_converters.emit.program_format import OpKind
from tflm_converters.graph import Kind

WINDOWED = {OpKind.CONV, OpKind.DEPTHWISE, OpKind.AVERAGE_POOL, OpKind.MAX_POOL, OpKind.MEAN}
BROADCAST = {OpKind.ADD, OpKind.MUL}
WHOLE_TENSORS = {OpKind.TRANSPOSE, OpKind.RESHAPE}
SEEDS = 40


def needed(case: Case, box: Extent, shape: tuple[int, ...]) -> Extent:
    """The part of an input of `shape` that a box of the output is computed from.

    It is empty where windows see padding alone.
    """
    return Extent(
        *needed_span(case.fields, box.y_begin, box.y_end, shape[0], "h", "top"),
        *needed_span(case.fields, box.x_begin, box.x_end, shape[1], "w", "left"),
    )


def needed_span(
    fields: dict[str, int], begin: int, end: int, size: int, axis: str, side: str
) -> tuple[int, int]:
    """The rows or columns, of `size`, that output rows or columns [begin, end) need."""
    kind, pad = fields["kind"], fields.get(f"pad_{side}", 0)
    if kind in WHOLE_TENSORS or (kind in BROADCAST and size == 1):
        return 0, size
    if kind == OpKind.RESIZE_NEAREST:
        factor = fields[f"stride_{axis}"]
        return begin // factor, (end - 1) // factor + 1
    first, last = begin - pad, end - 1 - pad
    if kind in WINDOWED:
        stride, taps, dilation = (
            fields[f"{name}_{axis}"] for name in ("stride", "kernel", "dilation")
        )
        first, last = begin * stride - pad, (end - 1) * stride - pad + (taps - 1) * dilation
    return min(max(first, 0), size), min(max(last + 1, 0), size)


def place(rng: np.random.Generator, case: Case, shape: tuple[int, ...], part: Extent) -> Placement:
    is_whole = case.fields["kind"] in WHOLE_TENSORS or rng.random() < 1 / 4
    return memory.place_whole(rng, shape) if is_whole else memory.place_part(rng, shape, part)


def place_inputs(rng: np.random.Generator, case: Case, box: Extent) -> list[Placement]:
    """The inputs of a box: what it needs is there, all else is random."""
    placements = []
    for image in case.images:
        part = needed(case, box, image.shape)
        placed = place(rng, case, image.shape, part)
        placed.write(placed.memory.bytes, image, part)
        placements.append(placed)
    return placements


def check_written(output: Placement, before: np.ndarray, case: Case, box: Extent) -> None:
    """Asserts that the box holds what is expected and that nothing else was written."""
    expected = before.copy()
    content = case.expected
    if case.channels is not None:
        content = read(output, before, box)
        content[..., case.channels] = case.expected[..., case.channels]
    output.write(expected, content, box)
    np.testing.assert_array_equal(output.memory.bytes, expected)


def read(placed: Placement, content: np.ndarray, part: Extent) -> np.ndarray:
    """An image that holds a part of a placed tensor, and zeros outside of it."""
    image = np.zeros(placed.shape, np.int8)
    for y in range(part.y_begin, part.y_end):
        for x in range(part.x_begin, part.x_end):
            start = (y % placed.slots) * placed.pitch + (x - placed.x_begin) * placed.shape[2]
            image[y, x] = content[start : start + placed.shape[2]].view(np.int8)
    return image


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("kind", kernel_case.KERNELS)
def test_any_box_equals_that_region_of_the_result(
    kernels: ctypes.CDLL, kind: Kind, seed: int
) -> None:
    rng = np.random.default_rng([seed, *kind.value.encode()])
    check_boxes(kernels, kernel_case.random_case(kind, rng), rng)


def check_boxes(kernels: ctypes.CDLL, case: Case, rng: np.random.Generator) -> None:
    """Asserts that the whole output and boxes of it are right, and that nothing else is written."""
    extents = [memory.random_extent(rng, case.expected.shape) for _ in range(3)]
    for box in (memory.whole(case.expected.shape), *extents):
        inputs = place_inputs(rng, case, box)
        output = place(rng, case, case.expected.shape, box)
        before = output.memory.bytes.copy()
        run(kernels, case.kernel, case, inputs, output, box)
        check_written(output, before, case, box)


def test_an_empty_box_writes_nothing(kernels: ctypes.CDLL) -> None:
    rng = np.random.default_rng(0)
    for kind in kernel_case.KERNELS:
        case = kernel_case.random_case(kind, rng)
        box = Extent(1, 1, 0, 1)
        output = memory.place_whole(rng, case.expected.shape)
        before = output.memory.bytes.copy()
        inputs = [memory.place_whole(rng, image.shape) for image in case.images]
        run(kernels, case.kernel, case, inputs, output, box)
        np.testing.assert_array_equal(output.memory.bytes, before)


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("size", [3, 5, 7])
def test_square_windows_in_any_box(kernels: ctypes.CDLL, size: int, seed: int) -> None:
    rng = np.random.default_rng([seed, size])
    check_boxes(kernels, kernel_case.depthwise_of_size(size, rng), rng)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_depthwise_convolution_works_in_place(kernels: ctypes.CDLL, seed: int) -> None:
    rng = np.random.default_rng(seed)
    check_in_place(kernels, kernel_case.depthwise_in_place(rng), rng)


@pytest.mark.parametrize("seed", range(SEEDS // 2))
@pytest.mark.parametrize("size", [3, 5, 7])
def test_square_windows_in_place(kernels: ctypes.CDLL, size: int, seed: int) -> None:
    rng = np.random.default_rng([seed, size])
    check_in_place(kernels, kernel_case.depthwise_of_size_in_place(size, rng), rng)


def check_in_place(kernels: ctypes.CDLL, case: Case, rng: np.random.Generator) -> None:
    (image,) = case.images
    tensor = memory.place_whole(rng, image.shape)
    box = memory.whole(image.shape)
    tensor.write(tensor.memory.bytes, image, box)
    plane = memory.place_whole(rng, (*image.shape[:2], 1))
    run(kernels, case.kernel, case, [tensor], tensor, box, plane)
    check_written(tensor, tensor.memory.bytes, case, box)


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("kind", [Kind.ADD, Kind.MUL, Kind.LOGISTIC, Kind.RESHAPE])
def test_output_may_lie_at_or_below_an_input(kernels: ctypes.CDLL, kind: Kind, seed: int) -> None:
    rng = np.random.default_rng(seed)
    case = kernel_case.random_case(kind, rng)
    full = [i for i, image in enumerate(case.images) if image.size == case.expected.size][0]
    inputs = place_inputs(rng, case, memory.whole(case.expected.shape))
    distance = int(rng.choice([0, 1, case.expected.shape[2], case.expected.size]))
    shared = memory.random_bytes(rng, case.expected.size + distance)
    image = case.images[full]
    upper = packed(shared, image.shape, distance)
    upper.write(shared.bytes, image, memory.whole(image.shape))
    inputs[full] = upper
    output = packed(shared, case.expected.shape, 0)
    run(kernels, case.kernel, case, inputs, output, memory.whole(case.expected.shape))
    np.testing.assert_array_equal(
        shared.bytes[: case.expected.size].view(np.int8), case.expected.ravel()
    )


def packed(storage: Memory, shape: tuple[int, ...], offset: int) -> Placement:
    return Placement(shape, storage, shape[1] * shape[2], shape[0], 0, offset)


def random_tiles(rng: np.random.Generator, shape: tuple[int, ...]) -> list[Extent]:
    """Cuts an image into boxes, in random order."""
    rows, columns = (
        sorted({0, size, *(int(n) for n in rng.integers(0, size + 1, 3))}) for size in shape[:2]
    )
    tiles = [
        Extent(*y, *x)
        for y in zip(rows, rows[1:], strict=False)
        for x in zip(columns, columns[1:], strict=False)
    ]
    return [tiles[i] for i in rng.permutation(len(tiles))]


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize(
    "random_case", [kernel_case.mean_over_all_rows, kernel_case.average_over_all_rows]
)
def test_accumulating_tiles_equals_the_windowed_result(
    kernels: ctypes.CDLL, random_case: Callable[[np.random.Generator], Case], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    case = random_case(rng)
    (image,) = case.images
    result = case.expected.shape
    sums = Placement(result, memory.random_bytes(rng, 4 * result[1] * result[2]), 0, 1, 0)
    output = memory.place_whole(rng, result)
    before = output.memory.bytes.copy()
    box = memory.whole(result)
    run(kernels, "tmc_accumulate_begin", case, [], output, box, sums)
    for tile in random_tiles(rng, image.shape):
        tensor = memory.place_part(rng, image.shape, tile)
        tensor.write(tensor.memory.bytes, image, tile)
        run(kernels, "tmc_accumulate_s8", case, [tensor], output, tile, sums)
    tensor = memory.place_whole(rng, image.shape)
    run(kernels, "tmc_accumulate_end_s8", case, [tensor], output, box, sums)
    check_written(output, before, case, box)


def test_structs_are_those_of_the_header(tmp_path: Path) -> None:
    structs = {"tmc_box": native.Box, "tmc_view": native.View, "tmc_call": native.Call}
    lines = ["#include <stddef.h>", '#include "tmc_kernels.h"']
    for name, struct in structs.items():
        lines.append(f'_Static_assert(sizeof({name}) == {ctypes.sizeof(struct)}, "{name}");')
        for field, *_ in struct._fields_:
            offset = getattr(struct, field).offset
            check = f"offsetof({name}, {field}) == {offset}"
            lines.append(f'_Static_assert({check}, "{name}.{field}");')
    source = tmp_path / "layout.c"
    source.write_text("\n".join(lines) + "\n")
    native.compile_sources([source], ["-c", "-o", str(tmp_path / "layout.o")])


@pytest.mark.skipif(native.SANITIZE in os.environ, reason="this is the run with the sanitizers")
def test_sanitizers_find_nothing() -> None:
    native.rerun_with_sanitizers(__file__)
