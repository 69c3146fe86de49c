# SPDX-License-Identifier: Apache-2.0
"""Write a `Graph` as a .tflite file."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as tflite

from tflm_converters import operator_writer
from tflm_converters.graph import ABSENT, Graph, Kind, Quantization, Tensor
from tflm_converters.rest import OpaqueSubgraph, Signature
from tflm_converters.schema import (
    FILE_IDENTIFIER,
    OFFLINE_PLAN,
    OFFLINE_PLAN_VERSION,
    SCHEMA_VERSION,
    TENSOR_TYPES,
)

_BUFFER_ALIGNMENT = 16  # what the schema asks for; TFLM reads constants in place
_STRUCTURE_BYTES = 1 << 16  # first guess of what the file needs besides its constants
_ONLINE = -1  # offset of a tensor that TFLM's own planner places


def write(graph: Graph, *, offline_offsets: Sequence[int] | None = None) -> bytes:
    """The content of a .tflite file that holds the graph.

    Tensors that nothing refers to are left out. `offline_offsets` gives, for every tensor of
    the graph, its byte offset in the arena, or -1 where TFLM shall place it (or it needs no
    memory); it becomes the metadata "OfflineMemoryAllocation".

    Raises UnsupportedModelError for explicit padding that no builtin operator can express,
    and ValueError if the number of offsets is not the number of tensors.
    """
    return _Writer(graph, offline_offsets).content()


class _Writer:
    """Numbers tensors, buffers and operator codes, then packs the model."""

    def __init__(self, graph: Graph, offline_offsets: Sequence[int] | None) -> None:
        if offline_offsets is not None and len(offline_offsets) != len(graph.tensors):
            raise ValueError(f"{len(offline_offsets)} offsets for {len(graph.tensors)} tensors")
        self.graph = graph
        self.buffers: dict[bytes, int] = {b"": 0}  # content to number; 0 is always empty
        self.opcodes: dict[tuple[Any, ...], int] = {}
        self.tensors: list[Any] = []  # TensorT
        self.offsets: list[int] = []
        self.numbers: dict[int, int] = {ABSENT: ABSENT}  # of the graph to of the file
        for index in _used(graph):
            offset = _ONLINE if offline_offsets is None else offline_offsets[index]
            self.numbers[index] = self._add_tensor(graph.tensors[index], offset)
        self.has_plan = offline_offsets is not None

    def content(self) -> bytes:
        subgraphs = [self._main(), *map(self._opaque, self.graph.rest.get("subgraphs", ()))]
        metadata = [self._metadata(*entry) for entry in self.graph.rest.get("metadata", ())]
        if self.has_plan:
            header = [OFFLINE_PLAN_VERSION, 0, len(self.offsets)]
            plan = np.array(header + self.offsets, "<i4").tobytes()
            metadata.append(self._metadata(OFFLINE_PLAN, plan))
        signatures = [self._signature(s) for s in self.graph.rest.get("signatures", ())]
        return self._pack(subgraphs, metadata, signatures)

    def _main(self) -> Any:
        operators = [self._operator(index) for index in range(len(self.graph.ops))]
        return tflite.SubGraphT(
            tensors=self.tensors,
            inputs=self._renumbered(self.graph.inputs),
            outputs=self._renumbered(self.graph.outputs),
            operators=operators,
            name=self.graph.name,
        )

    def _renumbered(self, tensors: Sequence[int]) -> np.ndarray:
        return np.array([self.numbers[tensor] for tensor in tensors], np.int32)

    def _add_tensor(self, tensor: Tensor, offset: int = _ONLINE) -> int:
        self.tensors.append(
            tflite.TensorT(
                shape=np.array(tensor.shape, np.int32),
                type=TENSOR_TYPES[tensor.dtype],
                buffer=self._buffer(tensor.data),
                name=tensor.name,
                quantization=_quantization(tensor.quantization),
                isVariable=tensor.is_variable,
                hasRank=True,
            )
        )
        self.offsets.append(offset)
        return len(self.tensors) - 1

    def _buffer(self, data: np.ndarray | bytes | None) -> int:
        """The number of the buffer with this content; equal contents share one."""
        if data is None:
            return 0
        content = data.tobytes() if isinstance(data, np.ndarray) else data
        return self.buffers.setdefault(content, len(self.buffers))

    def _opcode(self, opcode: Any) -> int:
        code = (
            opcode.deprecatedBuiltinCode,
            opcode.builtinCode,
            opcode.customCode,
            opcode.version,
        )
        return self.opcodes.setdefault(code, len(self.opcodes))

    def _operator(self, index: int) -> Any:
        op = self.graph.ops[index]
        encoded = operator_writer.encode(self.graph, index)
        operands = np.array([self._add_tensor(t) for t in encoded.operands], np.int32)
        source = encoded.source
        source.opcodeIndex = self._opcode(encoded.opcode)
        inputs = op.inputs if op.kind is Kind.PASS_THROUGH else _without_absent_bias(op.inputs)
        source.inputs = np.concatenate([self._renumbered(inputs), operands])
        source.outputs = self._renumbered(op.outputs)
        if encoded.intermediates:
            source.intermediates = np.array(
                [ABSENT if t is None else self._add_tensor(t) for t in encoded.intermediates],
                np.int32,
            )
        return source

    def _opaque(self, subgraph: OpaqueSubgraph) -> Any:
        """A subgraph that was kept, with this file's numbers of buffers and operator codes."""
        source = copy.copy(subgraph.source)
        source.tensors = list(map(copy.copy, source.tensors or []))
        for tensor, data in zip(source.tensors, subgraph.data, strict=True):
            tensor.buffer = self._buffer(data)
        source.operators = list(map(copy.copy, source.operators or []))
        for operator, opcode in zip(source.operators, subgraph.opcodes, strict=True):
            operator.opcodeIndex = self._opcode(opcode)
        return source

    def _metadata(self, name: str, content: bytes) -> Any:
        return tflite.MetadataT(name=name, buffer=self._buffer(content))

    def _signature(self, signature: Signature) -> Any:
        is_main = signature.subgraph == 0

        def maps(entries: Sequence[tuple[str, int]], border: Sequence[int]) -> list[Any]:
            return [
                tflite.TensorMapT(name, self.numbers[border[place]] if is_main else place)
                for name, place in entries
            ]

        return tflite.SignatureDefT(
            inputs=maps(signature.inputs, self.graph.inputs),
            outputs=maps(signature.outputs, self.graph.outputs),
            signatureKey=signature.key,
            subgraphIndex=signature.subgraph,
        )

    def _pack(self, subgraphs: list[Any], metadata: list[Any], signatures: list[Any]) -> bytes:
        builder = flatbuffers.Builder(sum(map(len, self.buffers)) + _STRUCTURE_BYTES)
        buffers = _pack_tables(builder, [_pack_buffer(builder, data) for data in self.buffers])
        opcodes = [
            tflite.OperatorCodeT(
                deprecatedBuiltinCode=deprecated, customCode=name, version=version, builtinCode=code
            )
            for deprecated, code, name, version in self.opcodes
        ]
        vectors = {
            "Buffers": buffers,
            "OperatorCodes": _pack_objects(builder, opcodes),
            "Subgraphs": _pack_objects(builder, subgraphs),
            "Metadata": _pack_objects(builder, metadata),
            "SignatureDefs": _pack_objects(builder, signatures),
        }
        if self.graph.rest.get("description") is not None:
            vectors["Description"] = builder.CreateString(self.graph.rest["description"])
        tflite.ModelStart(builder)
        tflite.ModelAddVersion(builder, SCHEMA_VERSION)
        for field, vector in vectors.items():
            getattr(tflite, f"ModelAdd{field}")(builder, vector)
        builder.Finish(tflite.ModelEnd(builder), file_identifier=FILE_IDENTIFIER)
        return bytes(builder.Output())


def _used(graph: Graph) -> list[int]:
    """Indices of the tensors that the graph's border or an operator refers to, ascending."""
    used = {*graph.inputs, *graph.outputs}
    for op in graph.ops:
        used.update(op.inputs, op.outputs)
    return sorted(used - {ABSENT})


def _without_absent_bias(inputs: tuple[int, ...]) -> tuple[int, ...]:
    """TFLM's convolutions abort on a bias that is listed as absent, but not on one unlisted."""
    return inputs[:-1] if inputs[-1:] == (ABSENT,) else inputs


def _quantization(quantization: Quantization | None) -> Any:
    if quantization is None:
        return None
    return tflite.QuantizationParametersT(
        scale=np.asarray(quantization.scales, np.float32),
        zeroPoint=np.asarray(quantization.zero_points, np.int64),
        quantizedDimension=quantization.axis,
    )


def _pack_buffer(builder: flatbuffers.Builder, content: bytes) -> int:
    """A Buffer table whose bytes start at a multiple of 16; the generated code aligns to 4."""
    if content:
        builder.StartVector(1, len(content), _BUFFER_ALIGNMENT)
        builder.head -= len(content)
        builder.Bytes[builder.head : builder.head + len(content)] = content
        data = builder.EndVector()
    tflite.BufferStart(builder)
    if content:
        tflite.BufferAddData(builder, data)
    return tflite.BufferEnd(builder)


def _pack_objects(builder: flatbuffers.Builder, objects: list[Any]) -> int:
    return _pack_tables(builder, [item.Pack(builder) for item in objects])


def _pack_tables(builder: flatbuffers.Builder, tables: list[int]) -> int:
    """A vector of offsets to tables that are already packed."""
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return builder.EndVector()
