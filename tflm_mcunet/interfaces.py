# SPDX-License-Identifier: Apache-2.0
"""What the C functions of a converted model say of it, whichever runtime runs it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from tflm_converters.emit.c_interface import C_TYPES, Interface, Port, identifier
from tflm_converters.errors import ConversionError, UnsupportedModelError
from tflm_converters.graph import Graph, Quantization, Tensor
from tflm_converters.schedule.layers import extent_of_shape
from tflm_mcunet.emulator.deployment import fed_shape
from tflm_mcunet.files import read_file

_IDENTITY = Quantization(np.ones(1, np.float32), np.zeros(1, np.int32))


def interface_of(
    graph: Graph, *, path: Path, name: str | None = None, labels: str | Path | None = None
) -> Interface:
    """The interface of a converted model.

    Args:
        graph: the converted model.
        path: the file that it was made from, for comments and error messages.
        name: prefix of files and functions; default: from the file's name.
        labels: text file with a line for each channel of the first output.

    Raises:
        UnsupportedModelError: C has no type for an input or output.
        ConversionError: the labels are not as many as channels.
    """
    fed = fed_shape(graph)
    outputs = tuple(_port(graph.tensors[tensor]) for tensor in graph.outputs)
    return Interface(
        name=identifier(name or path.stem),
        title=" ".join(path.name.split()),
        inputs=tuple(_port(graph.tensors[tensor], fed) for tensor in graph.inputs),
        outputs=outputs,
        row_fed=fed is not None,
        labels=() if labels is None else _labels(Path(labels), outputs[0].shape[-1]),
    )


def _port(tensor: Tensor, fed: tuple[int, int, int] | None = None) -> Port:
    """Shapes with a batch or too many axes become one row; `fed` is that of all rows."""
    if tensor.dtype not in C_TYPES:
        raise UnsupportedModelError(
            f"'{tensor.name}' must be one of {', '.join(C_TYPES)} to be an input or output in C, "
            f"got {tensor.dtype}"
        )
    shape = fed or extent_of_shape(tensor.shape) or (1, 1, math.prod(tensor.shape))
    return Port(shape, tensor.quantization or _IDENTITY, tensor.dtype)


def _labels(path: Path, channels: int) -> tuple[str, ...]:
    labels = tuple(read_file(path).decode("utf-8", "replace").splitlines())
    if len(labels) != channels:
        raise ConversionError(
            f"{path}: expected a line for each of the {channels} output channels, got {len(labels)}"
        )
    return labels
