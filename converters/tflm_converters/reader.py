# SPDX-License-Identifier: Apache-2.0
"""Read a .tflite file into a `Graph`, or say in one sentence why it cannot be used."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as tflite

from tflm_converters import flatbuffer_check, graph_check, operator_reader, support_check
from tflm_converters.errors import ConversionError, ModelFileError
from tflm_converters.graph import ABSENT, Graph, Tensor
from tflm_converters.operator_reader import SourceOperator
from tflm_converters.rest import OpaqueSubgraph, Signature
from tflm_converters.schema import OFFLINE_PLAN, OFFLINE_PLAN_VERSION, SCHEMA_VERSION, text
from tflm_converters.tensor_reader import check_static, integers, read_tensor

_SHARING = 16  # how often, on average, a file's bytes may be referred to


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
    "metadata" (tuple of name and bytes), "signatures" (tuple of Signature) and, if the file
    carries an offline memory plan, "offline_offsets" (one int per tensor of the graph).
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
        raise ModelFileError("the file is damaged: an operator's options break off") from error


class _Reader:
    """Assembles the `Graph` of one unpacked model."""

    def __init__(self, data: bytes, model: Any) -> None:
        self.data = data
        self.model = model
        if model.version != SCHEMA_VERSION:
            raise ModelFileError(f"its schema version is {model.version}, not {SCHEMA_VERSION}")
        if not model.subgraphs:
            raise ModelFileError("it holds no graph")
        self.buffers = [self._buffer(i) for i in range(len(model.buffers or []))]
        self.shared_bytes_left = len(data) * _SHARING

    def graph(self) -> Graph:
        main = self.model.subgraphs[0]
        tensors = self._tensors(main)
        inputs = _indices(main.inputs, len(tensors), "an input of the model")
        for index in inputs:
            check_static(tensors[index], integers(main.tensors[index].shapeSignature))
        return Graph(
            tensors=tensors,
            ops=tuple(
                operator_reader.interpret(self._operator(i, operator, tensors))
                for i, operator in enumerate(main.operators or [])
            ),
            inputs=inputs,
            outputs=_indices(main.outputs, len(tensors), "an output of the model"),
            name=text(main.name) or "main",
            rest=self._rest(main),
        )

    def _rest(self, main: Any) -> dict[str, Any]:
        rest = {
            "description": self.model.description,
            "subgraphs": tuple(self._opaque(subgraph) for subgraph in self.model.subgraphs[1:]),
            "metadata": self._metadata(),
            "signatures": tuple(
                _signature(source, main) for source in self.model.signatureDefs or []
            ),
        }
        metadata = dict(rest["metadata"])
        if OFFLINE_PLAN in metadata:
            plan = _offline_offsets(metadata[OFFLINE_PLAN], len(main.tensors))
            rest["offline_offsets"] = plan
            rest["metadata"] = tuple(e for e in rest["metadata"] if e[0] != OFFLINE_PLAN)
        return rest

    def _buffer(self, index: int) -> np.ndarray | None:
        """A buffer's bytes, None if it has none."""
        buffer = self.model.buffers[index]
        if buffer.offset > 1:
            return self._behind(buffer.offset, buffer.size, f"buffer {index}")
        return buffer.data if buffer.data is not None and len(buffer.data) else None

    def _behind(self, offset: int, size: int, what: str) -> np.ndarray:
        """Bytes that a file of more than 2 GB keeps behind the flatbuffer."""
        if offset + size > len(self.data):
            raise ModelFileError(
                f"{what} ends at byte {offset + size} of a file of {len(self.data)} bytes: "
                "the file is cut short"
            )
        return np.frombuffer(self.data, np.uint8, size, offset)

    def _content(self, buffer: int, owner: str) -> np.ndarray | None:
        if buffer >= len(self.buffers):
            raise ModelFileError(
                f"{owner} refers to buffer {buffer} of a file with {len(self.buffers)}"
            )
        content = self.buffers[buffer]
        self.shared_bytes_left -= 0 if content is None else content.size
        if self.shared_bytes_left < 0:
            raise ModelFileError(f"the file is damaged: {owner} shares a buffer with too many")
        return content

    def _tensors(self, subgraph: Any) -> tuple[Tensor, ...]:
        written = set(integers(subgraph.inputs))
        written.update(t for op in subgraph.operators or [] for t in integers(op.outputs))
        return tuple(
            read_tensor(
                source,
                index,
                self._content(source.buffer, f"tensor '{text(source.name)}'"),
                is_written=index in written,
            )
            for index, source in enumerate(subgraph.tensors or [])
        )

    def _operator(self, index: int, source: Any, tensors: Sequence[Tensor]) -> SourceOperator:
        owner, count = f"operator {index}", len(tensors)
        if source.largeCustomOptionsOffset > 1:
            source.customOptions = self._behind(
                source.largeCustomOptionsOffset, source.largeCustomOptionsSize, owner
            )
            source.largeCustomOptionsOffset = source.largeCustomOptionsSize = 0
        return SourceOperator(
            index=index,
            source=source,
            opcode=self._opcode(source.opcodeIndex, owner),
            inputs=_indices(source.inputs, count, owner, optional=True),
            outputs=_indices(source.outputs, count, owner),
            intermediates=_indices(source.intermediates, count, owner, optional=True),
            tensors=tensors,
        )

    def _opcode(self, index: int, owner: str) -> Any:
        opcodes = self.model.operatorCodes or []
        if index >= len(opcodes):
            raise ModelFileError(
                f"{owner} refers to operator code {index} of a file with {len(opcodes)}"
            )
        return opcodes[index]

    def _opaque(self, source: Any) -> OpaqueSubgraph:
        owner, count = "an operator of a subgraph", len(source.tensors or [])
        for operator in source.operators or []:
            _indices(operator.inputs, count, owner, optional=True)
            _indices(operator.outputs, count, owner)
        return OpaqueSubgraph(
            source=source,
            opcodes=tuple(self._opcode(op.opcodeIndex, owner) for op in source.operators or []),
            data=tuple(
                self._content(tensor.buffer, "a tensor of a subgraph")
                for tensor in source.tensors or []
            ),
        )

    def _metadata(self) -> tuple[tuple[str, bytes], ...]:
        entries = []
        for entry in self.model.metadata or []:
            content = self._content(entry.buffer, f"metadata '{text(entry.name)}'")
            entries.append((text(entry.name), b"" if content is None else content.tobytes()))
        return tuple(entries)


def _offline_offsets(plan: bytes, tensor_count: int) -> tuple[int, ...]:
    """The offsets in the metadata "OfflineMemoryAllocation"."""
    header = (OFFLINE_PLAN_VERSION, 0, tensor_count)
    if len(plan) != 4 * (len(header) + tensor_count):
        raise ModelFileError(
            f"its memory plan has {len(plan)} bytes, expected "
            f"{4 * (len(header) + tensor_count)} for {tensor_count} tensors"
        )
    numbers = tuple(np.frombuffer(plan, "<i4").tolist())
    if numbers[: len(header)] != header:
        raise ModelFileError(
            "its memory plan starts with version, subgraph and tensor count "
            f"{numbers[: len(header)]}, expected {header}"
        )
    return numbers[len(header) :]


def _signature(source: Any, main: Any) -> Signature:
    key = text(source.signatureKey)

    def tensors(maps: Any, border: Any) -> tuple[tuple[str, int], ...]:
        pairs = [(text(entry.name), int(entry.tensorIndex)) for entry in maps or []]
        if source.subgraphIndex != 0:
            return tuple(pairs)
        places = {tensor: place for place, tensor in enumerate(integers(border))}
        if not {tensor for _, tensor in pairs} <= places.keys():
            raise ModelFileError(
                f"signature '{key}' names a tensor that is not an input or output of the model"
            )
        return tuple((name, places[tensor]) for name, tensor in pairs)

    return Signature(
        key=key,
        subgraph=source.subgraphIndex,
        inputs=tensors(source.inputs, main.inputs),
        outputs=tensors(source.outputs, main.outputs),
    )


def _indices(
    vector: np.ndarray | None, count: int, owner: str, *, optional: bool = False
) -> tuple[int, ...]:
    """Tensor indices, all in range; ABSENT too where they are optional."""
    indices = tuple(integers(vector))
    for index in indices:
        if not (0 <= index < count or (optional and index == ABSENT)):
            raise ModelFileError(f"{owner} refers to tensor {index} of a graph with {count}")
    return indices
