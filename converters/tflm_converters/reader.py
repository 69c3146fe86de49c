# SPDX-License-Identifier: Apache-2.0
"""Read a .tflite file into a `Graph`, or say in one sentence why it cannot be used."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as tflite

from tflm_converters import flatbuffer_check, graph_check, operator_reader, support_check
from tflm_converters.errors import ConversionError, ModelFileError, UnsupportedModelError
from tflm_converters.graph import ABSENT, Graph, Quantization, Tensor
from tflm_converters.operator_reader import SourceOperator
from tflm_converters.schema import (
    DTYPES,
    OFFLINE_PLAN,
    OFFLINE_PLAN_VERSION,
    SCHEMA_VERSION,
    TYPE_NAMES,
    text,
)


@dataclasses.dataclass(frozen=True, eq=False)
class OpaqueSubgraph:
    """A subgraph after the first, e.g. the body of a WHILE: kept, never interpreted.

    `opcodes` and `data` give the operator code of each of its operators and the buffer of
    each of its tensors, so that it does not depend on the file's own numbering.
    """

    source: Any  # SubGraphT
    opcodes: tuple[Any, ...]  # OperatorCodeT
    data: tuple[np.ndarray | None, ...]


@dataclasses.dataclass(frozen=True)
class Signature:
    """A named entry point; for the main graph, tensors are positions in its inputs and outputs."""

    key: str
    subgraph: int
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]


def read(path: str | Path) -> Graph:
    """The model in a .tflite file.

    Raises ModelFileError if the file cannot be read, is damaged or contradicts itself, and
    UnsupportedModelError if it is sound but cannot be run: float32 layers, dynamic shapes,
    or an operator that the pinned TFLite-Micro does not know.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ModelFileError(f"cannot read '{path}': {error.strerror}") from error
    return read_bytes(data, name=str(path))


def read_bytes(data: bytes, *, name: str) -> Graph:
    """The model in a .tflite file's content; constants are views of `data`, not copies.

    `name` is how error messages call the model; errors are those of `read`.

    `Graph.rest` has "description" (bytes or None), "subgraphs" (tuple of OpaqueSubgraph),
    "metadata" (name and bytes pairs), "signatures" (tuple of Signature) and, if the file
    carries an offline memory plan, "offline_offsets" (one int per tensor of the file).
    """
    try:
        flatbuffer_check.check_model(data)
        graph = _Reader(data, _unpack(data)).graph()
        graph_check.check(graph)
        support_check.check(graph)
    except ConversionError as error:
        raise type(error)(f"{name}: {error}") from error.__cause__
    return graph


def _unpack(data: bytes) -> Any:
    """The schema's ModelT; the structure check leaves the options of operators to this."""
    try:
        return tflite.ModelT.InitFromPackedBuf(data, 0)
    except (struct.error, ValueError) as error:
        raise ModelFileError("the file is damaged: the options of an operator break off") from error


class _Reader:
    """Assembles the `Graph` of one unpacked model."""

    def __init__(self, data: bytes, model: Any) -> None:
        self.data = data
        self.model = model
        if model.version != SCHEMA_VERSION:
            raise ModelFileError(
                f"its schema version is {model.version}, expected {SCHEMA_VERSION}"
            )
        if not model.subgraphs:
            raise ModelFileError("it holds no subgraph")
        self.buffers = [self._buffer(i) for i in range(len(model.buffers or []))]

    def graph(self) -> Graph:
        main = self.model.subgraphs[0]
        tensors = self._tensors(main)
        count = len(tensors)
        inputs = _indices(main.inputs, count, "an input of the model")
        for index in inputs:
            _check_static_signature(tensors[index], _list(main.tensors[index].shapeSignature))
        rest = {
            "description": self.model.description,
            "subgraphs": tuple(self._opaque(subgraph) for subgraph in self.model.subgraphs[1:]),
            "metadata": self._metadata(),
            "signatures": self._signatures(main),
        }
        plan = self._offline_offsets(count)
        return Graph(
            tensors=tensors,
            ops=tuple(
                operator_reader.interpret(self._operator(i, operator, tensors))
                for i, operator in enumerate(main.operators or [])
            ),
            inputs=inputs,
            outputs=_indices(main.outputs, count, "an output of the model"),
            name=text(main.name) or "main",
            rest=rest if plan is None else {**rest, "offline_offsets": plan},
        )

    def _buffer(self, index: int) -> np.ndarray | None:
        """A buffer's bytes; large models keep them behind the flatbuffer, at an offset."""
        buffer = self.model.buffers[index]
        if buffer.offset <= 1:
            return None if buffer.data is None or not len(buffer.data) else buffer.data
        if buffer.offset + buffer.size > len(self.data):
            raise ModelFileError(
                f"buffer {index} ends at byte {buffer.offset + buffer.size} of a file of "
                f"{len(self.data)} bytes: the file is cut short"
            )
        return np.frombuffer(self.data, np.uint8, buffer.size, buffer.offset)

    def _data(self, buffer: int, owner: str) -> np.ndarray | None:
        if buffer >= len(self.buffers):
            raise ModelFileError(
                f"{owner} refers to buffer {buffer} of a file with {len(self.buffers)} buffers"
            )
        return self.buffers[buffer] if buffer else None

    def _tensors(self, subgraph: Any) -> tuple[Tensor, ...]:
        written = {int(t) for op in subgraph.operators or [] for t in _list(op.outputs)}
        written.update(int(t) for t in _list(subgraph.inputs))
        return tuple(
            self._tensor(i, source, is_written=i in written)
            for i, source in enumerate(subgraph.tensors or [])
        )

    def _tensor(self, index: int, source: Any, *, is_written: bool) -> Tensor:
        name = text(source.name) or f"tensor_{index}"
        if source.type not in DTYPES:
            type_name = TYPE_NAMES.get(source.type, str(source.type))
            raise UnsupportedModelError(
                f"tensor '{name}' has type {type_name}, which TFLite-Micro does not run"
            )
        if source.sparsity is not None or source.externalBuffer:
            raise UnsupportedModelError(
                f"tensor '{name}' is sparse or stored outside the file; convert the model with "
                "dense weights inside the file"
            )
        tensor = Tensor(
            name=name,
            shape=tuple(int(size) for size in _list(source.shape)),
            dtype=DTYPES[source.type],
            quantization=_quantization(source.quantization, name),
            is_variable=bool(source.isVariable),
        )
        data = self._data(source.buffer, f"tensor '{name}'")
        if data is None and (is_written or 0 not in tensor.shape):
            _check_static_shape(tensor)
            return tensor
        return dataclasses.replace(tensor, data=_shaped(data, tensor))

    def _operator(self, index: int, source: Any, tensors: Sequence[Tensor]) -> SourceOperator:
        return SourceOperator(
            index=index,
            source=self._inlined(source),
            opcode=self._opcode(source.opcodeIndex, f"operator {index}"),
            inputs=_indices(source.inputs, len(tensors), f"operator {index}", optional=True),
            outputs=_indices(source.outputs, len(tensors), f"operator {index}"),
            intermediates=_indices(
                source.intermediates, len(tensors), f"operator {index}", optional=True
            ),
            tensors=tensors,
        )

    def _inlined(self, source: Any) -> Any:
        """The operator with custom options that large models keep behind the flatbuffer."""
        begin, size = source.largeCustomOptionsOffset, source.largeCustomOptionsSize
        if begin > 1:
            if begin + size > len(self.data):
                raise ModelFileError("the options of a custom operator lie outside the file")
            source.customOptions = np.frombuffer(self.data, np.uint8, size, begin)
            source.largeCustomOptionsOffset = source.largeCustomOptionsSize = 0
        return source

    def _opcode(self, index: int, owner: str) -> Any:
        opcodes = self.model.operatorCodes or []
        if index >= len(opcodes):
            raise ModelFileError(
                f"{owner} refers to operator code {index} of a file with {len(opcodes)}"
            )
        return opcodes[index]

    def _opaque(self, source: Any) -> OpaqueSubgraph:
        count = len(source.tensors or [])
        for operator in source.operators or []:
            _indices(operator.inputs, count, "a nested operator", optional=True)
            _indices(operator.outputs, count, "a nested operator")
        return OpaqueSubgraph(
            source=source,
            opcodes=tuple(
                self._opcode(operator.opcodeIndex, "a nested operator")
                for operator in source.operators or []
            ),
            data=tuple(
                self._data(tensor.buffer, f"tensor '{text(tensor.name)}'")
                for tensor in source.tensors or []
            ),
        )

    def _metadata(self) -> tuple[tuple[str, bytes], ...]:
        """All metadata but the memory plan, which holds only for the file's own tensors."""
        entries = [
            (text(entry.name), self._data(entry.buffer, f"metadata '{text(entry.name)}'"))
            for entry in self.model.metadata or []
        ]
        return tuple(
            (name, b"" if data is None else data.tobytes())
            for name, data in entries
            if name != OFFLINE_PLAN
        )

    def _offline_offsets(self, tensor_count: int) -> tuple[int, ...] | None:
        for entry in self.model.metadata or []:
            if text(entry.name) != OFFLINE_PLAN:
                continue
            data = self._data(entry.buffer, f"metadata '{OFFLINE_PLAN}'")
            if data is None or data.size != 4 * (3 + tensor_count):
                raise ModelFileError(
                    f"its memory plan does not cover exactly its {tensor_count} tensors"
                )
            version, subgraph, count, *offsets = data.view("<i4").tolist()
            if (version, subgraph, count) != (OFFLINE_PLAN_VERSION, 0, tensor_count):
                raise ModelFileError(
                    f"its memory plan says version {version}, subgraph {subgraph}, {count} "
                    f"tensors; expected {OFFLINE_PLAN_VERSION}, 0, {tensor_count}"
                )
            return tuple(offsets)
        return None

    def _signatures(self, main: Any) -> tuple[Signature, ...]:
        return tuple(
            self._signature(source, main) for source in self.model.signatureDefs or []
        )

    def _signature(self, source: Any, main: Any) -> Signature:
        key = text(source.signatureKey)

        def tensors(maps: Any, border: Any) -> tuple[tuple[str, int], ...]:
            border = [int(t) for t in _list(border)]
            pairs = [(text(entry.name), int(entry.tensorIndex)) for entry in maps or []]
            if source.subgraphIndex != 0:
                return tuple(pairs)
            if not {tensor for _, tensor in pairs} <= set(border):
                raise ModelFileError(
                    f"signature '{key}' names a tensor that is not an input or output of the model"
                )
            return tuple((name, border.index(tensor)) for name, tensor in pairs)

        return Signature(
            key=key,
            subgraph=source.subgraphIndex,
            inputs=tensors(source.inputs, main.inputs),
            outputs=tensors(source.outputs, main.outputs),
        )


def _check_static_shape(tensor: Tensor) -> None:
    if min(tensor.shape, default=1) < 1:
        raise _dynamic(tensor, f"shape {list(tensor.shape)}")


def _check_static_signature(tensor: Tensor, signature: list[int]) -> None:
    """Only the batch size of an input may be open: it is the 1 in its shape."""
    if any(size < 0 for size in signature[1:]):
        raise _dynamic(tensor, f"shape signature {signature}")


def _dynamic(tensor: Tensor, shape: str) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"tensor '{tensor.name}' has {shape}: its size is known only at run time; give the "
        "model an input of fixed shape with batch size 1, then convert it again"
    )


def _list(vector: np.ndarray | None) -> list[int]:
    """An integer vector that may be absent, as a list."""
    return [] if vector is None else np.asarray(vector).tolist()


def _indices(
    vector: np.ndarray | None, count: int, owner: str, *, optional: bool = False
) -> tuple[int, ...]:
    """Tensor indices, all in range; ABSENT too where inputs are optional."""
    indices = tuple(_list(vector))
    for index in indices:
        if not (0 <= index < count or (optional and index == ABSENT)):
            raise ModelFileError(f"{owner} refers to tensor {index} of a graph with {count}")
    return indices


def _quantization(source: Any, name: str) -> Quantization | None:
    if source is None or source.scale is None or not len(source.scale):
        return None
    scales = np.asarray(source.scale, np.float32)
    zero_points = np.asarray(_list(source.zeroPoint) or [0], np.int64)
    if len(zero_points) not in (1, len(scales)):
        raise ModelFileError(
            f"tensor '{name}' has {len(scales)} scales but {len(zero_points)} zero points"
        )
    if np.abs(zero_points).max() > np.iinfo(np.int32).max:
        raise ModelFileError(f"tensor '{name}' has a zero point that does not fit 32 bits")
    zero_points = np.broadcast_to(zero_points, scales.shape).astype(np.int32)
    return Quantization(scales, zero_points, int(source.quantizedDimension))


def _shaped(data: np.ndarray | None, tensor: Tensor) -> np.ndarray:
    """A constant's bytes seen as its shape and type; sub-byte and foreign types stay bytes."""
    data = np.zeros(0, np.uint8) if data is None else data
    expected = tensor.byte_count
    if tensor.dtype == "int4":
        expected = (expected + 1) // 2
    if min(tensor.shape, default=0) < 0 or data.size != expected:
        raise ModelFileError(
            f"constant '{tensor.name}' of shape {list(tensor.shape)} and type {tensor.dtype} "
            f"needs {expected} bytes, its buffer has {data.size}"
        )
    if tensor.dtype in ("int4", "resource"):
        return data
    return data.view(np.dtype(tensor.dtype)).reshape(tensor.shape)
