# SPDX-License-Identifier: Apache-2.0
"""Names shared by the reader and the writer for what the TensorFlow Lite schema numbers.

The schema classes themselves come from `ai_edge_litert.schema_py_generated`.
"""

from __future__ import annotations

from ai_edge_litert import schema_py_generated as tflite

FILE_IDENTIFIER = b"TFL3"
SCHEMA_VERSION = 3
PROGRAM_OPERATOR = "TFLM_MCUNET"
OFFLINE_PLAN = "OfflineMemoryAllocation"
OFFLINE_PLAN_VERSION = 1

DTYPES = {
    tflite.TensorType.FLOAT32: "float32",
    tflite.TensorType.FLOAT16: "float16",
    tflite.TensorType.INT32: "int32",
    tflite.TensorType.UINT8: "uint8",
    tflite.TensorType.INT64: "int64",
    tflite.TensorType.BOOL: "bool",
    tflite.TensorType.INT16: "int16",
    tflite.TensorType.COMPLEX64: "complex64",
    tflite.TensorType.INT8: "int8",
    tflite.TensorType.FLOAT64: "float64",
    tflite.TensorType.COMPLEX128: "complex128",
    tflite.TensorType.UINT64: "uint64",
    tflite.TensorType.RESOURCE: "resource",
    tflite.TensorType.UINT32: "uint32",
    tflite.TensorType.UINT16: "uint16",
    tflite.TensorType.INT4: "int4",
}
"""Element types that TFLM can hold; "resource" and "int4" are not NumPy types."""

TENSOR_TYPES = {dtype: number for number, dtype in DTYPES.items()}

BUILTIN_NAMES = {
    number: name for name, number in vars(tflite.BuiltinOperator).items() if isinstance(number, int)
}

TYPE_NAMES = {
    number: name for name, number in vars(tflite.TensorType).items() if isinstance(number, int)
}


def text(value: bytes | str | None) -> str:
    """A flatbuffer string as text; bytes that are not UTF-8 become escapes."""
    if value is None:
        return ""
    return value if isinstance(value, str) else value.decode("utf-8", "backslashreplace")
