# SPDX-License-Identifier: Apache-2.0
"""Small models for tests: chains of convolutions, and programs packed by hand."""

from __future__ import annotations

import dataclasses

import numpy as np

from tflm_converters import arithmetic, writer
from tflm_converters.emit import parameters as program_parameters
from tflm_converters.emit import program_format as fmt
from tflm_converters.graph import (
    ConvAttributes,
    Graph,
    Kind,
    Op,
    Padding,
    ProgramAttributes,
    Quantization,
    Tensor,
    Window,
)

INPUT_SHAPE = (1, 9, 7, 3)
CHANNELS = 4
KERNEL = 3
SCALE = 0.02
ZERO_POINT = -5

SPAN_ALIGNMENT = 16


def convolutions(depth: int = 1, *, seed: int = 0, float_io: bool = False) -> Graph:
    """3x3 convolutions, one after the other; the first has stride 2, all pad by one pixel."""
    rng = np.random.default_rng(seed)
    builder = _Chain()
    if float_io:
        builder.tensors.append(Tensor("float input", INPUT_SHAPE, "float32"))
        builder.append(Kind.QUANTIZE, _activation("input", INPUT_SHAPE))
    else:
        builder.tensors.append(_activation("input", INPUT_SHAPE))
    for layer in range(depth):
        _convolve(builder, f"layer {layer}", stride=2 if layer == 0 else 1, rng=rng)
    if float_io:
        last = builder.tensors[builder.last]
        builder.append(Kind.DEQUANTIZE, Tensor("float output", last.shape, "float32"))
    return Graph(tuple(builder.tensors), tuple(builder.ops), (0,), (builder.last,))


def with_flipped_weight(graph: Graph, layer: int) -> Graph:
    """The same network with one weight of a layer changed as much as possible."""
    index = [op for op in graph.ops if op.kind is Kind.CONV][layer].inputs[1]
    data = graph.tensors[index].data
    assert data is not None
    changed = data.copy()
    changed.flat[0] = -127 if data.flat[0] > 0 else 127
    tensors = list(graph.tensors)
    tensors[index] = dataclasses.replace(tensors[index], data=changed)
    return graph.replace(tensors=tuple(tensors))


@dataclasses.dataclass
class HandPacked:
    """A model of one operator TFLM_MCUNET, in parts that tests can tamper with."""

    tensors: list[Tensor]
    options: bytes
    offsets: list[int]

    def content(self) -> bytes:
        """The `.tflite` file."""
        op = Op(Kind.PROGRAM, (0, 1), (2, 3), ProgramAttributes(self.options))
        graph = Graph(tuple(self.tensors), (op,), (0,), (2,))
        return writer.write(graph, offline_offsets=self.offsets)


def hand_packed(graph: Graph, *, row_fed: bool = False) -> HandPacked:
    """A network of one convolution as a program: one group, one row at a time."""
    op, source, result = graph.ops[0], graph.tensors[0], graph.tensors[graph.ops[0].output]
    parameters, constants = _parameters(graph, op)
    _, height, width, channels = source.shape
    _, rows, cols, depth = result.shape
    slots = KERNEL if row_fed else height
    input_bytes, output_bytes = slots * width * channels, rows * cols * depth
    output_offset = _aligned(input_bytes)
    state_offset = output_offset + _aligned(output_bytes)
    counter_offset = state_offset + fmt.GROUP_STATE.itemsize
    arena_bytes = counter_offset + 2

    storage = fmt.Storage.RING if row_fed else fmt.Storage.WHOLE
    record = np.zeros(1, fmt.OP)
    fields = {
        "kind": fmt.OpKind.CONV,
        "output": 1,
        "inputs": [0, fmt.NONE],
        "auxiliary": fmt.NONE,
        **dict.fromkeys(("kernel_h", "kernel_w"), KERNEL),
        **dict.fromkeys(("stride_h", "stride_w"), 2),
        **dict.fromkeys(("dilation_h", "dilation_w", "pad_top", "pad_left"), 1),
        "depth_multiplier": 1,
        "input_offset": -ZERO_POINT,
        "output_offset": ZERO_POINT,
        "act_min": -128,
        "act_max": 127,
        **constants,
    }
    for name, value in fields.items():
        record[name] = value
    options = _pack(
        header={
            "parameter_bytes": len(parameters),
            "arena_bytes": arena_bytes,
            "input_count": 1,
            "output_count": 1,
            "row_fed_tensor": 0 if row_fed else fmt.NONE,
            "fed_state_offset": counter_offset if row_fed else 0,
        },
        tensor_count=np.array(
            [
                (0, width * channels, input_bytes, height, width, channels, slots, -1, storage, 1),
                (output_offset, cols * depth, output_bytes, rows, cols, depth, rows, 0, 0, 1),
            ],
            fmt.TENSOR,
        ),
        op_count=record,
        group_count=np.array([(0, 1, 1, cols, rows, cols, 0, 0)], fmt.GROUP),
        stage_count=np.array([(0, 1, 1, 0, state_offset)], fmt.STAGE),
    )
    blob = np.frombuffer(parameters, np.int8)
    row = dataclasses.replace(source, shape=(1, 1, width, channels))
    tensors = [
        row if row_fed else source,
        Tensor("parameters", blob.shape, "int8", data=blob),
        result,
        Tensor("memory", (arena_bytes,), "int8"),
    ]
    return HandPacked(
        tensors, options, [_aligned(arena_bytes) if row_fed else 0, -1, output_offset, 0]
    )


class _Chain:
    """Tensors and operators where each operator reads what the one before wrote."""

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self.ops: list[Op] = []
        self.last = 0

    def append(self, kind: Kind, output: Tensor, *constants: Tensor, **fields: object) -> None:
        inputs = [self.last]
        for constant in constants:
            self.tensors.append(constant)
            inputs.append(len(self.tensors) - 1)
        self.tensors.append(output)
        self.last = len(self.tensors) - 1
        self.ops.append(Op(kind, tuple(inputs), (self.last,), **fields))  # type: ignore[arg-type]


def _convolve(builder: _Chain, name: str, *, stride: int, rng: np.random.Generator) -> None:
    _, height, width, channels = builder.tensors[builder.last].shape
    shape = (1, (height - 1) // stride + 1, (width - 1) // stride + 1, CHANNELS)
    weights = rng.integers(-127, 128, (CHANNELS, KERNEL, KERNEL, channels), np.int8)
    scales = rng.uniform(0.001, 0.003, CHANNELS).astype(np.float32)
    zeros = np.zeros(CHANNELS, np.int32)
    bias = rng.integers(-3000, 3000, CHANNELS, np.int32)
    bias_scales = scales * np.float32(SCALE)
    builder.append(
        Kind.CONV,
        _activation(name, shape),
        Tensor(f"{name} weights", weights.shape, "int8", Quantization(scales, zeros), weights),
        Tensor(f"{name} bias", bias.shape, "int32", Quantization(bias_scales, zeros), bias),
        attributes=ConvAttributes(Window(stride, stride, padding=Padding(1, 1, 1, 1))),
    )


def _activation(name: str, shape: tuple[int, ...]) -> Tensor:
    values = Quantization(np.array([SCALE], np.float32), np.array([ZERO_POINT], np.int32))
    return Tensor(name, shape, "int8", values)


def _parameters(graph: Graph, op: Op) -> tuple[bytes, dict[str, int]]:
    """Weights, bias and requantization one after the other, and where each begins."""
    multipliers, shifts = arithmetic.conv_requantization(graph, op)
    entries = {
        "weights": program_parameters.padded_filters(
            program_parameters.constant(graph, op.inputs[1])
        ),
        "bias": graph.tensors[op.inputs[2]].data,
        "requantization": multipliers.astype("<i4"),
        "shifts": shifts.astype(np.int8),
    }
    blob, offsets = b"", {}
    for name, data in entries.items():
        assert data is not None
        offsets[name] = len(blob)
        blob += data.tobytes() + bytes(-data.nbytes % 4)
    del offsets["shifts"]  # they follow the multipliers
    return blob, offsets


def _pack(*, header: dict[str, int], **arrays: np.ndarray) -> bytes:
    packed = np.zeros(1, fmt.HEADER)
    body = b"".join(array.tobytes() for array in arrays.values())
    fields = {
        "magic": fmt.MAGIC,
        "version": fmt.VERSION,
        "header_bytes": fmt.HEADER.itemsize,
        "program_bytes": fmt.HEADER.itemsize + len(body),
        **{name: len(array) for name, array in arrays.items()},
        **header,
    }
    for name, value in fields.items():
        packed[name] = value
    return packed.tobytes() + body


def _aligned(size: int) -> int:
    return -(-size // SPAN_ALIGNMENT) * SPAN_ALIGNMENT
