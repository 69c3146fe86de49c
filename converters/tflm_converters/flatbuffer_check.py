# SPDX-License-Identifier: Apache-2.0
"""Check that a file is a well-formed flatbuffer of the TensorFlow Lite schema.

The schema classes follow every offset they find; this module makes sure beforehand that all
of them stay inside the file, and that unpacking takes time and memory linear in its size.
FlatBuffers internals: https://flatbuffers.dev/internals/
"""

from __future__ import annotations

import dataclasses
import struct
from typing import NoReturn

from tflm_converters.errors import ModelFileError
from tflm_converters.schema import FILE_IDENTIFIER

_MINIMUM_BYTES = 16
_TABLE_BYTES = 12  # no file has more tables than one for so many of its bytes ...
_MOST_TABLES = 100_000  # ... nor more than fifty times those of the largest TFLM models
_SHARING = 16  # vectors may be shared, but not to make a small file a large model


@dataclasses.dataclass(frozen=True)
class _Field:
    """What a table holds in one slot: `inline` bytes, and what they point at, if anything."""

    inline: int = 4
    item: int = 0  # bytes of each element, if it points at a vector of scalars
    table: str = ""  # schema name, if it points at a table or a vector of tables
    repeated: bool = False


def _scalar(size: int) -> _Field:
    return _Field(inline=size)


def _vector(item: int) -> _Field:
    return _Field(item=item)


def _table(name: str) -> _Field:
    return _Field(table=name)


def _tables(name: str) -> _Field:
    return _Field(table=name, repeated=True)


_TEXT = _vector(1)
_OPAQUE = "opaque"  # options and other unions: scalars and at most one level of vectors

_SCHEMA: dict[str, dict[int, _Field]] = {
    _OPAQUE: {},
    "Model": {
        0: _scalar(4),
        1: _tables("OperatorCode"),
        2: _tables("SubGraph"),
        3: _TEXT,
        4: _tables("Buffer"),
        5: _vector(4),
        6: _tables("Metadata"),
        7: _tables("SignatureDef"),
        8: _tables("ExternalBufferGroup"),
        9: _tables("ExternalBuffer"),
    },
    "OperatorCode": {0: _scalar(1), 1: _TEXT, 2: _scalar(4), 3: _scalar(4)},
    "SubGraph": {
        0: _tables("Tensor"),
        1: _vector(4),
        2: _vector(4),
        3: _tables("Operator"),
        4: _TEXT,
        5: _scalar(4),
    },
    "Tensor": {
        0: _vector(4),
        1: _scalar(1),
        2: _scalar(4),
        3: _TEXT,
        4: _table("QuantizationParameters"),
        5: _scalar(1),
        6: _table("SparsityParameters"),
        7: _vector(4),
        8: _scalar(1),
        9: _tables("VariantSubType"),
        10: _scalar(4),
    },
    "QuantizationParameters": {
        0: _vector(4),
        1: _vector(4),
        2: _vector(4),
        3: _vector(8),
        4: _scalar(1),
        5: _table(_OPAQUE),
        6: _scalar(4),
    },
    "SparsityParameters": {0: _vector(4), 1: _vector(4), 2: _tables("DimensionMetadata")},
    "DimensionMetadata": {
        0: _scalar(1),
        1: _scalar(4),
        2: _scalar(1),
        3: _table(_OPAQUE),
        4: _scalar(1),
        5: _table(_OPAQUE),
    },
    "VariantSubType": {0: _vector(4), 1: _scalar(1), 2: _scalar(1)},
    "Operator": {
        0: _scalar(4),
        1: _vector(4),
        2: _vector(4),
        3: _scalar(1),
        4: _table(_OPAQUE),
        5: _vector(1),
        6: _scalar(1),
        7: _vector(1),
        8: _vector(4),
        9: _scalar(8),
        10: _scalar(8),
        11: _scalar(1),
        12: _table(_OPAQUE),
        13: _scalar(4),
    },
    "Buffer": {0: _vector(1), 1: _scalar(8), 2: _scalar(8)},
    "Metadata": {0: _TEXT, 1: _scalar(4)},
    "SignatureDef": {
        0: _tables("TensorMap"),
        1: _tables("TensorMap"),
        2: _TEXT,
        4: _scalar(4),
    },
    "TensorMap": {0: _TEXT, 1: _scalar(4)},
    "ExternalBufferGroup": {0: _TEXT},
    "ExternalBuffer": {
        0: _scalar(4),
        1: _scalar(4),
        2: _scalar(8),
        3: _scalar(8),
        4: _TEXT,
    },
}


def check_model(data: bytes) -> None:
    """Raise ModelFileError unless `data` is a sound flatbuffer with the schema's identifier."""
    if len(data) < _MINIMUM_BYTES or data[4:8] != FILE_IDENTIFIER:
        raise ModelFileError(
            f"not a TensorFlow Lite model: {len(data)} bytes without the identifier "
            f"'{FILE_IDENTIFIER.decode()}' at byte 4"
        )
    _Walk(data).run()


class _Walk:
    """Visits every table once, depth first, with an explicit stack."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)
        self.stack: list[tuple[int, str]] = []
        self.tables_left = min(len(data) // _TABLE_BYTES, _MOST_TABLES)
        self.bytes_left = len(data) * _SHARING

    def run(self) -> None:
        self._push(self._target(0), "Model")
        while self.stack:
            position, name = self.stack.pop()
            self._check_table(position, name)

    def _check_table(self, position: int, name: str) -> None:
        vtable = position - self._read("<i", 4, position)
        vtable_bytes = self._read("<H", 2, vtable)
        table_bytes = self._read("<H", 2, vtable + 2)
        self._require(vtable, vtable_bytes)
        self._require(position, table_bytes)
        for slot, field in _SCHEMA[name].items():
            entry = 4 + 2 * slot
            if entry + 2 > vtable_bytes:
                break
            offset = self._read("<H", 2, vtable + entry)
            if offset == 0:
                continue
            if offset + field.inline > table_bytes:
                self._damaged(position)
            self._check_field(position + offset, field)

    def _check_field(self, position: int, field: _Field) -> None:
        if not field.item and not field.table:
            return
        target = self._target(position)
        if field.table and not field.repeated:
            self._push(target, field.table)
            return
        count = self._read("<I", 4, target)
        self._require(target + 4, count * (field.item or 4))
        self.bytes_left -= count * (field.item or 4)
        if self.bytes_left < 0:
            self._damaged(target)
        if field.table:
            for element in range(target + 4, target + 4 + 4 * count, 4):
                self._push(self._target(element), field.table)

    def _push(self, position: int, name: str) -> None:
        self.tables_left -= 1
        if self.tables_left < 0:
            self._damaged(position)
        self.stack.append((position, name))

    def _target(self, position: int) -> int:
        """Where the offset stored at a position points."""
        return position + self._read("<I", 4, position)

    def _read(self, layout: str, size: int, position: int) -> int:
        self._require(position, size)
        return int(struct.unpack_from(layout, self.data, position)[0])

    def _require(self, position: int, size: int) -> None:
        if position < 0 or position + size > self.size:
            self._damaged(position)

    def _damaged(self, position: int) -> NoReturn:
        raise ModelFileError(
            f"the file is damaged or cut short: its structure breaks at byte {position} "
            f"of {self.size}"
        )
