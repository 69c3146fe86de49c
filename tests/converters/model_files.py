# SPDX-License-Identifier: Apache-2.0
"""Model files for tests: edited, damaged, compared."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as tflite

from tflm_converters.graph import ABSENT, Graph, PassThroughAttributes, Tensor


def edited(model: bytes, edit: Callable[[Any], None]) -> bytes:
    """The file after `edit` has changed its unpacked ModelT."""
    unpacked = tflite.ModelT.InitFromPackedBuf(model, 0)
    edit(unpacked)
    builder = flatbuffers.Builder(len(model))
    builder.Finish(unpacked.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def damaged(model: bytes, seed: int) -> bytes:
    """The file cut short, with flipped bits, with a wild word, or with bytes out of place."""
    rng = random.Random(seed)
    content = bytearray(model)
    place = rng.randrange(len(content) - 4)
    match seed % 4:
        case 0:
            del content[place:]
        case 1:
            for _ in range(rng.randint(1, 8)):
                content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        case 2:
            word = rng.choice([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
            content[place : place + 4] = word.to_bytes(4, "little")
        case 3:
            source, size = rng.randrange(len(content)), rng.randrange(64)
            content[place : place + size] = content[source : source + size]
    return bytes(content)


def differences(first: Graph, second: Graph) -> Iterator[str]:
    """How two graphs differ, whatever the order of their tensors and the names of operands."""
    if len(first.ops) != len(second.ops):
        yield f"{len(first.ops)} and {len(second.ops)} operators"
        return
    borders = [("input", first.inputs, second.inputs), ("output", first.outputs, second.outputs)]
    for index, (op, other) in enumerate(zip(first.ops, second.ops, strict=True)):
        place = first.describe(index)
        borders += [(place, op.inputs, other.inputs), (place, op.outputs, other.outputs)]
        if (op.kind, op.version) != (other.kind, other.version):
            yield f"{place}: {op.kind} and {other.kind}"
        if _comparable(op.attributes) != _comparable(other.attributes):
            yield f"{place}: {op.attributes} and {other.attributes}"
    for place, tensors, others in borders:
        if _contents(first, tensors) != _contents(second, others):
            yield f"{place}: tensors differ"
    yield from (key for key in first.rest if not _same(first.rest[key], second.rest.get(key)))


def _comparable(attributes: Any) -> Any:
    if not isinstance(attributes, PassThroughAttributes):
        return attributes
    options = attributes.source.builtinOptions
    custom = attributes.source.customOptions
    return (
        attributes.operator_name,
        {} if options is None else {k: np.asarray(v).tolist() for k, v in vars(options).items()},
        None if custom is None else bytes(custom),
        tuple(t and _tensor_content(t) for t in attributes.intermediates),
    )


def _contents(graph: Graph, indices: Sequence[int]) -> list[Any]:
    """What the tensors are; an absent bias need not be listed."""
    listed = indices[:-1] if indices[-1:] == (ABSENT,) else indices
    return [None if i == ABSENT else _tensor_content(graph.tensors[i]) for i in listed]


def _tensor_content(tensor: Tensor) -> Any:
    quantization = tensor.quantization and (
        tensor.quantization.scales.tolist(),
        tensor.quantization.zero_points.tolist(),
        tensor.quantization.axis,
    )
    data = None if tensor.data is None else tensor.data.tobytes()
    return tensor.name, tensor.shape, tensor.dtype, quantization, data, tensor.is_variable


def _same(first: Any, second: Any) -> bool:
    """Equal, but for subgraphs only as many: their schema objects do not compare."""
    is_opaque = isinstance(first, tuple) and any(hasattr(entry, "opcodes") for entry in first)
    return len(first) == len(second) if is_opaque else first == second
