# SPDX-License-Identifier: Apache-2.0
"""From the schema's tensors to those of the intermediate representation."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tflm_converters.errors import ModelFileError, UnsupportedModelError
from tflm_converters.graph import Quantization, Tensor
from tflm_converters.schema import DTYPES, TYPE_NAMES, text

_MOST_DIMENSIONS = 6  # of TFLM's RuntimeShape
_NOT_NUMPY = frozenset({"int4", "resource"})


def read_tensor(source: Any, index: int, data: np.ndarray | None, *, is_written: bool) -> Tensor:
    """The tensor, a constant if it has data (uint8) or is empty and no operator writes it.

    Raises UnsupportedModelError for types, sizes and encodings that TFLM does not run, and
    ModelFileError if the data or the quantization do not fit the shape.
    """
    tensor = Tensor(
        name=text(source.name) or f"tensor_{index}",
        shape=tuple(integers(source.shape)),
        dtype=DTYPES.get(source.type, ""),
        quantization=_quantization(source),
        is_variable=bool(source.isVariable),
    )
    _check_representation(tensor, source)
    if data is None and (is_written or 0 not in tensor.shape):
        if min(tensor.shape, default=1) < 1:
            raise _dynamic(tensor, f"shape {list(tensor.shape)}")
        return tensor
    return dataclasses.replace(tensor, data=_shaped(data, tensor))


def check_static(tensor: Tensor, signature: list[int]) -> None:
    """Raise UnsupportedModelError if more than the batch size of an input is open.

    An open batch size, as Keras exports it, is the 1 in the tensor's shape.
    """
    if any(size < 0 for size in signature[1:]):
        raise _dynamic(tensor, f"shape signature {signature}")


def integers(vector: np.ndarray | None) -> list[int]:
    """An integer vector of the schema, which may be absent, as a list."""
    return [] if vector is None else np.asarray(vector).tolist()


def _check_representation(tensor: Tensor, source: Any) -> None:
    if not tensor.dtype:
        type_name = TYPE_NAMES.get(source.type, source.type)
        raise UnsupportedModelError(
            f"tensor '{tensor.name}' has type {type_name}, which TFLite-Micro does not run"
        )
    if len(tensor.shape) > _MOST_DIMENSIONS:
        raise UnsupportedModelError(
            f"tensor '{tensor.name}' has {len(tensor.shape)} dimensions; "
            f"TFLite-Micro runs at most {_MOST_DIMENSIONS}"
        )
    if source.sparsity is not None or source.externalBuffer:
        raise UnsupportedModelError(
            f"tensor '{tensor.name}' is sparse or stored outside the file; convert the model "
            "with dense weights inside the file"
        )


def _dynamic(tensor: Tensor, shape: str) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"tensor '{tensor.name}' has {shape}: its size is known only at run time; give the "
        "model an input of fixed shape with batch size 1, then convert it again"
    )


def _quantization(source: Any) -> Quantization | None:
    if source.quantization is None or not len(integers(source.quantization.scale)):
        return None
    scales = np.asarray(source.quantization.scale, np.float32)
    zero_points = integers(source.quantization.zeroPoint) or [0]
    if len(zero_points) not in (1, len(scales)):
        raise ModelFileError(
            f"tensor '{text(source.name)}' has {len(scales)} scales but "
            f"{len(zero_points)} zero points"
        )
    if max(map(abs, zero_points)) > np.iinfo(np.int32).max:
        raise ModelFileError(f"tensor '{text(source.name)}' has a zero point beyond 32 bits")
    if len(zero_points) == 1:
        zero_points *= len(scales)
    axis = int(source.quantization.quantizedDimension)
    return Quantization(scales, np.array(zero_points, np.int32), axis)


def _shaped(data: np.ndarray | None, tensor: Tensor) -> np.ndarray:
    """A constant's bytes seen as its shape and type; types that NumPy lacks stay bytes."""
    data = np.zeros(0, np.uint8) if data is None else data
    expected = tensor.byte_count
    if tensor.dtype == "int4":
        expected = (expected + 1) // 2
    if min(tensor.shape, default=0) < 0 or data.size != expected:
        raise ModelFileError(
            f"constant '{tensor.name}' of shape {list(tensor.shape)} and type {tensor.dtype} "
            f"needs {expected} bytes, its buffer has {data.size}"
        )
    if tensor.dtype in _NOT_NUMPY:
        return data
    return data.view(np.dtype(tensor.dtype)).reshape(tensor.shape)
