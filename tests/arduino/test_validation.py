# SPDX-License-Identifier: Apache-2.0
"""Opening a program refuses whatever could not be executed safely, and says what kind of fault."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.arduino import example_programs
from tests.arduino.program_builder import Program
from tests.arduino.runtime import Runtime, Status
from tflm_converters.emit.program_format import NO_PARAMETER, OpFlag, OpKind, Storage

Change = Callable[[Program], None]


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    return Runtime(tmp_path_factory.mktemp("runtime"))


def status_after(runtime: Runtime, program: Program, change: Change) -> Status:
    change(program)
    return runtime.status_of(program.options, program.parameters)


def set_field(array: str, index: int, field: str, value: int) -> Change:
    """Changes one field of one record."""

    def change(program: Program) -> None:
        getattr(program, array)[field][index] = value

    return change


def op_of(program: Program, kind: OpKind) -> np.void:
    """The first operator of a kind."""
    return program.ops[np.flatnonzero(program.ops["kind"] == kind)[0]]


def set_op(kind: OpKind, /, **fields: int) -> Change:
    def change(program: Program) -> None:
        for name, value in fields.items():
            op_of(program, kind)[name] = value

    return change


def set_parameter(kind: OpKind, field: str, word: int, value: int) -> Change:
    """Changes the int32 number `word` of what an operator's field points to."""

    def change(program: Program) -> None:
        offset = int(op_of(program, kind)[field]) + 4 * word
        blob = bytearray(program.parameters)
        blob[offset : offset + 4] = int(value).to_bytes(4, "little", signed=True)
        object.__setattr__(program, "parameters", bytes(blob))

    return change


def swap_axes(program: Program) -> None:
    set_parameter(OpKind.TRANSPOSE, "weights", 0, 0)(program)
    set_parameter(OpKind.TRANSPOSE, "weights", 1, 0)(program)


def shared_place(program: Program) -> None:
    """Puts the first tensor that an operator writes over the state of its stage."""
    program.tensors["offset"][program.ops["output"][0]] = program.stages["state_offset"][0]


def test_examples_are_valid(runtime: Runtime) -> None:
    for example in example_programs.EXAMPLES.values():
        program = example()
        assert runtime.status_of(program.options, program.parameters) is Status.OK


def test_every_truncation_is_refused(runtime: Runtime) -> None:
    program = example_programs.in_strips()
    for count in range(len(program.options)):
        assert runtime.status_of(program.options[:count], program.parameters) is Status.FORMAT
    parameters = program.parameters[:-1]
    assert runtime.status_of(program.options, parameters) is Status.FORMAT


def test_bytes_behind_the_program_do_not_matter(runtime: Runtime) -> None:
    program = example_programs.in_strips()
    assert runtime.status_of(program.options + b"tail", program.parameters + b"tail") is Status.OK


HEADER = {
    "magic": (0x314D4355, Status.FORMAT),
    "version": (1, Status.FORMAT),
    "header_bytes": (44, Status.FORMAT),
    "program_bytes": (400, Status.FORMAT),
    "tensor_count": (3, Status.FORMAT),
    "op_count": (65535, Status.FORMAT),
    "arena_bytes": (64, Status.RANGE),
    "parameter_bytes": (64, Status.RANGE),
    "input_count": (900, Status.RANGE),
    "output_count": (4, Status.RANGE),  # tiles and rings are no outputs
    "row_fed_tensor": (1, Status.RANGE),
}


@pytest.mark.parametrize("field", HEADER)
def test_header(runtime: Runtime, field: str) -> None:
    value, expected = HEADER[field]
    program = example_programs.in_strips()
    assert status_after(runtime, program, set_field("header", 0, field, value)) is expected


TENSOR = [
    ("offset", 1 << 30, Status.RANGE),
    ("offset", 0xFFFFFFFF, Status.RANGE),
    ("bytes", 0xFFFFFFFF, Status.RANGE),
    ("bytes", 20, Status.RANGE),
    ("pitch", 1, Status.RANGE),
    ("pitch", 0x40000000, Status.RANGE),
    ("height", 0, Status.RANGE),
    ("height", 10, Status.RANGE),
    ("width", 40000, Status.RANGE),
    ("channels", 0, Status.RANGE),
    ("slots", 0, Status.RANGE),
    ("producer", 9, Status.RANGE),
    ("producer", -2, Status.RANGE),
    ("storage", 3, Status.RANGE),
    ("storage", Storage.TILE, Status.RANGE),
    ("element_size", 2, Status.RANGE),
]


@pytest.mark.parametrize("field, value, expected", TENSOR)
def test_tensor(runtime: Runtime, field: str, value: int, expected: Status) -> None:
    program = example_programs.in_strips()
    assert status_after(runtime, program, set_field("tensors", 0, field, value)) is expected


SCHEDULE = [
    ("stages", 0, "first_group", 1, Status.RANGE),
    ("stages", 0, "group_count", 3, Status.RANGE),
    ("stages", 0, "group_count", 1, Status.RANGE),
    ("stages", 0, "strips", 0, Status.SCHEDULE),
    ("stages", 0, "strips", 12, Status.SCHEDULE),
    ("stages", 0, "state_offset", 2, Status.RANGE),
    ("stages", 0, "state_offset", 0xFFFFFFFC, Status.RANGE),
    ("groups", 0, "first_op", 1, Status.RANGE),
    ("groups", 0, "op_count", 0, Status.RANGE),
    ("groups", 1, "op_count", 65, Status.RANGE),
    ("groups", 1, "op_count", 2, Status.RANGE),
    ("groups", 0, "tile_rows", 0, Status.SCHEDULE),
    ("groups", 0, "tile_cols", 0, Status.SCHEDULE),
    ("groups", 0, "rows", 8, Status.SCHEDULE),
    ("groups", 1, "cols", 12, Status.SCHEDULE),
    ("groups", 1, "wake", 0, Status.RANGE),
    ("groups", 1, "wake", 2, Status.RANGE),
    ("groups", 0, "wake", 0, Status.SCHEDULE),  # the second group would starve
]


@pytest.mark.parametrize("array, index, field, value, expected", SCHEDULE)
def test_schedule(
    runtime: Runtime, array: str, index: int, field: str, value: int, expected: Status
) -> None:
    program = example_programs.in_strips()
    assert status_after(runtime, program, set_field(array, index, field, value)) is expected


OPERATOR = {
    "unknown kind": (set_op(OpKind.CONV, kind=15), Status.OPERATOR),
    "no kind": (set_op(OpKind.CONV, kind=0), Status.OPERATOR),
    "unknown flag": (set_op(OpKind.CONV, flags=8), Status.OPERATOR),
    "flag of another kind": (set_op(OpKind.ADD, flags=OpFlag.PER_TENSOR), Status.OPERATOR),
    "no output": (set_op(OpKind.CONV, output=-1), Status.RANGE),
    "output outside": (set_op(OpKind.CONV, output=99), Status.RANGE),
    "auxiliary outside": (set_op(OpKind.CONV, auxiliary=99), Status.RANGE),
    "auxiliary unneeded": (set_op(OpKind.CONV, auxiliary=0), Status.OPERATOR),
    "stride 0": (set_op(OpKind.CONV, stride_h=0), Status.OPERATOR),
    "kernel 0": (set_op(OpKind.CONV, kernel_w=0), Status.OPERATOR),
    "dilation 0": (set_op(OpKind.DEPTHWISE, dilation_h=0), Status.OPERATOR),
    "huge stride": (set_op(OpKind.CONV, stride_w=40000), Status.OPERATOR),
    "huge span": (set_op(OpKind.CONV, kernel_h=200, dilation_h=200), Status.OPERATOR),
    "negative padding": (set_op(OpKind.CONV, pad_left=-1), Status.OPERATOR),
    "depth multiplier": (set_op(OpKind.DEPTHWISE, depth_multiplier=2), Status.OPERATOR),
    "no zero point": (set_op(OpKind.CONV, input_offset=129), Status.OPERATOR),
    "no output zero point": (set_op(OpKind.CONV, output_offset=-129), Status.OPERATOR),
    "no activation range": (set_op(OpKind.CONV, act_min=5, act_max=4), Status.OPERATOR),
    "pool in the padding": (set_op(OpKind.AVERAGE_POOL, pad_top=3), Status.OPERATOR),
    "pool behind the end": (set_op(OpKind.AVERAGE_POOL, stride_h=20), Status.OPERATOR),
    "dilated pool": (set_op(OpKind.MAX_POOL, dilation_w=2), Status.OPERATOR),
    "mean of some rows": (set_op(OpKind.MEAN, kernel_h=2), Status.OPERATOR),
    "channels behind the end": (set_op(OpKind.PAD, channel_offset=2), Status.OPERATOR),
    "rows behind the end": (set_op(OpKind.PAD, pad_top=4), Status.OPERATOR),
    "copy behind the end": (set_op(OpKind.COPY, channel_offset=9), Status.OPERATOR),
    "factor of a resize": (set_op(OpKind.RESIZE_NEAREST, stride_h=2), Status.OPERATOR),
    "factor 0": (set_op(OpKind.RESIZE_NEAREST, stride_w=0), Status.OPERATOR),
    "axes of a transpose": (swap_axes, Status.OPERATOR),
    "axis outside": (set_parameter(OpKind.TRANSPOSE, "weights", 0, 3), Status.OPERATOR),
    "weights outside": (set_op(OpKind.CONV, weights=1 << 20), Status.RANGE),
    "bias outside": (set_op(OpKind.CONV, bias=NO_PARAMETER - 3), Status.RANGE),
    "bias misaligned": (set_op(OpKind.CONV, bias=1), Status.RANGE),
    "no requantization": (set_op(OpKind.CONV, requantization=NO_PARAMETER), Status.RANGE),
    "no table": (set_op(OpKind.LOOKUP, weights=NO_PARAMETER), Status.RANGE),
    "no constants": (set_op(OpKind.SOFTMAX, requantization=NO_PARAMETER), Status.RANGE),
    "negative multiplier": (set_parameter(OpKind.CONV, "requantization", 0, -1), Status.OPERATOR),
    "small multiplier": (
        set_parameter(OpKind.CONV, "requantization", 0, (1 << 30) - 1),
        Status.OPERATOR,
    ),
    "left shift of add": (set_parameter(OpKind.ADD, "requantization", 0, 21), Status.OPERATOR),
    "input shift of add": (set_parameter(OpKind.ADD, "requantization", 2, 1), Status.OPERATOR),
    "shift of add": (set_parameter(OpKind.ADD, "requantization", 6, -32), Status.OPERATOR),
    "shift of mul": (set_parameter(OpKind.MUL, "requantization", 1, 31), Status.OPERATOR),
    "shift of mean": (set_parameter(OpKind.MEAN, "requantization", 1, 31), Status.OPERATOR),
    "shift of softmax": (set_parameter(OpKind.SOFTMAX, "requantization", 1, -1), Status.OPERATOR),
    "range of softmax": (set_parameter(OpKind.SOFTMAX, "requantization", 2, 1), Status.OPERATOR),
    "wide softmax": (set_parameter(OpKind.SOFTMAX, "requantization", 1, 30), Status.OPERATOR),
}


@pytest.mark.parametrize("name", OPERATOR)
def test_operator(runtime: Runtime, name: str) -> None:
    change, expected = OPERATOR[name]
    assert status_after(runtime, example_programs.layer_by_layer(), change) is expected


DATA_FLOW = {
    "state overwritten": (shared_place, Status.RANGE),
    "inner tensor of a bigger group": (set_field("groups", 0, "rows", 7), Status.SCHEDULE),
    "unwritten tile": (set_op(OpKind.CONV, output=3), Status.SCHEDULE),
}


@pytest.mark.parametrize("name", DATA_FLOW)
def test_data_flow(runtime: Runtime, name: str) -> None:
    change, expected = DATA_FLOW[name]
    assert status_after(runtime, example_programs.in_patches(), change) is expected


def test_a_reader_stands_behind_its_producer(runtime: Runtime) -> None:
    def exchange(program: Program) -> None:
        ring = np.flatnonzero(program.tensors["storage"] == Storage.RING)[0]
        program.tensors["producer"][ring] = 1

    assert status_after(runtime, example_programs.in_strips(), exchange) is Status.SCHEDULE


def test_an_inner_tensor_that_is_read_beside_the_tile_is_a_tile(runtime: Runtime) -> None:
    """A whole tensor inside a group is written tile by tile, so halos of it would be missing."""

    def store_whole(program: Program) -> None:
        tensor = program.tensors[program.ops["output"][0]]
        tensor["storage"], tensor["slots"] = Storage.WHOLE, tensor["height"]
        tensor["pitch"] = tensor["width"] * tensor["channels"]
        tensor["bytes"] = tensor["slots"] * tensor["pitch"]
        tensor["offset"] = program.header["arena_bytes"][0]
        program.header["arena_bytes"] += tensor["bytes"]

    assert status_after(runtime, example_programs.in_patches(), store_whole) is Status.SCHEDULE


def test_in_place_needs_the_same_place_and_one_tile(runtime: Runtime) -> None:
    def move(program: Program) -> None:
        program.tensors["offset"][op_of(program, OpKind.DEPTHWISE)["output"]] += 4

    assert status_after(runtime, example_programs.in_place(), move) is Status.OPERATOR
    one_row = set_field("groups", 1, "tile_rows", 1)
    assert status_after(runtime, example_programs.in_place(), one_row) is Status.SCHEDULE


def test_accumulation_ends_its_group(runtime: Runtime) -> None:
    def widen(program: Program) -> None:
        program.groups["op_count"] = [3, 2, 2]
        program.groups["first_op"] = [0, 3, 5]

    assert status_after(runtime, example_programs.with_gate(), widen) is Status.SCHEDULE


def test_the_row_counter_is_nobody_elses(runtime: Runtime) -> None:
    for array, field in (("tensors", "offset"), ("stages", "state_offset")):

        def share(program: Program, array: str = array, field: str = field) -> None:
            program.header["fed_state_offset"] = getattr(program, array)[field][0]

        assert status_after(runtime, example_programs.row_fed(), share) is Status.RANGE


def test_fed_rows_pass_once(runtime: Runtime) -> None:
    strips = set_field("stages", 0, "strips", 2)
    assert status_after(runtime, example_programs.row_fed(), strips) is Status.SCHEDULE
