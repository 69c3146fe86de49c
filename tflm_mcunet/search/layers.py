# SPDX-License-Identifier: Apache-2.0
"""Many networks at once: their layers as arrays, one row per network.

Layers are those of the converter for the graph of `graph.py`, in its order; networks with fewer
layers than the longest are filled up with layers of kind NONE.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from tflm_converters.geometry import output_extent, same_padding
from tflm_mcunet.search.architecture import Architecture, Block, Convolution, Size


class LayerKind(enum.IntEnum):
    """What a layer computes."""

    NONE = 0
    CONV = 1
    POINTWISE = 2
    DEPTHWISE = 3
    ADD = 4
    MEAN = 5
    FULLY_CONNECTED = 6


class _Image(NamedTuple):
    height: int
    width: int
    channels: int


FIELDS = (
    "kind",
    "height",
    "width",
    "channels",
    "in_height",
    "in_width",
    "in_channels",
    "kernel_rows",
    "kernel_cols",
    "stride_rows",
    "stride_cols",
    "pad_top",
    "pad_left",
    "skipped",
)


@dataclasses.dataclass(frozen=True, eq=False)
class Layers:
    """Layers of many networks; every field is an int32 array (networks, layers).

    `skipped`: of an ADD, how many layers back the layer is that made its other operand.
    `counts` (networks,) are the numbers of layers, `input_shapes` (networks, 3) the inputs.
    """

    kind: np.ndarray
    height: np.ndarray
    width: np.ndarray
    channels: np.ndarray
    in_height: np.ndarray
    in_width: np.ndarray
    in_channels: np.ndarray
    kernel_rows: np.ndarray
    kernel_cols: np.ndarray
    stride_rows: np.ndarray
    stride_cols: np.ndarray
    pad_top: np.ndarray
    pad_left: np.ndarray
    skipped: np.ndarray
    counts: np.ndarray
    input_shapes: np.ndarray

    @cached_property
    def row_bytes(self) -> np.ndarray:
        """Bytes of a row of each layer's output."""
        return np.asarray(self.width * self.channels)

    @cached_property
    def bytes(self) -> np.ndarray:
        """Bytes of each layer's output."""
        return np.asarray(self.height * self.row_bytes)

    @cached_property
    def macs(self) -> np.ndarray:
        """Multiply-accumulates of each layer, as `tflm_converters.cost.macs` counts them."""
        inputs = np.where(self.is_any(LayerKind.DEPTHWISE), 1, self.in_channels)
        has_weights = ~self.is_any(LayerKind.NONE, LayerKind.ADD, LayerKind.MEAN)
        taps = self.kernel_rows * self.kernel_cols * inputs
        return np.asarray(has_weights * self.bytes.astype(np.int64) * taps)

    @cached_property
    def weights(self) -> np.ndarray:
        """int8 weights of each layer."""
        return np.asarray(self.macs // np.maximum(self.height * self.width, 1))

    def is_any(self, *kinds: LayerKind) -> np.ndarray:
        """Which layers are of one of these kinds."""
        return np.asarray(np.isin(self.kind, kinds))


def encode(architectures: Sequence[Architecture]) -> Layers:
    """The layers of one or more networks."""
    rows = [_encoded(architecture) for architecture in architectures]
    counts = np.array([len(row) // (len(FIELDS) * 4) for row in rows], dtype=np.int32)
    length = max(map(len, rows))
    packed = np.frombuffer(b"".join(row.ljust(length, b"\0") for row in rows), np.int32)
    fields = packed.reshape(len(rows), -1, len(FIELDS)).transpose(2, 0, 1)
    shapes = np.array([a.input_shape for a in architectures], dtype=np.int32).reshape(-1, 3)
    named = dict(zip(FIELDS, np.ascontiguousarray(fields), strict=True))
    return Layers(**named, counts=counts, input_shapes=shapes)


def _encoded(architecture: Architecture) -> bytes:
    """The fields of all layers of one network, int32, layer by layer."""
    image = _Image(*architecture.input_shape)
    part, image = _stem(image, architecture.stem)
    parts = [part]
    for block in architecture.blocks:
        part, image = _block(image, block)
        parts.append(part)
    parts.append(_classifier(image, architecture.head_channels, architecture.classes))
    return b"".join(parts)


@lru_cache(maxsize=4096)
def _stem(image: _Image, stem: Convolution) -> tuple[bytes, _Image]:
    layer, output = _windowed(
        LayerKind.CONV, image, stem.channels, stem.kernel, stem.stride, same=stem.same
    )
    return _packed([layer]), output


@lru_cache(maxsize=65536)
def _block(image: _Image, block: Block) -> tuple[bytes, _Image]:
    layers = []
    wide = image
    if block.expansion != 1:
        layer, wide = _pointwise(image, image.channels * block.expansion)
        layers.append(layer)
    layer, narrow = _windowed(LayerKind.DEPTHWISE, wide, wide.channels, block.kernel, block.stride)
    projection, output = _pointwise(narrow, block.channels)
    layers += [layer, projection]
    if block.has_residual(image.channels):
        skipped = len(layers) + 1
        layers.append((LayerKind.ADD, *output, *output, 1, 1, 1, 1, 0, 0, skipped))
    return _packed(layers), output


@lru_cache(maxsize=4096)
def _classifier(image: _Image, head_channels: int, classes: int) -> bytes:
    layers = []
    if head_channels:
        layer, image = _pointwise(image, head_channels)
        layers.append(layer)
    pooled = _Image(1, 1, image.channels)
    size = image.height, image.width
    layers.append((LayerKind.MEAN, *pooled, *image, *size, 1, 1, 0, 0, 0))
    layers.append((LayerKind.FULLY_CONNECTED, 1, 1, classes, *pooled, 1, 1, 1, 1, 0, 0, 0))
    return _packed(layers)


def _pointwise(image: _Image, channels: int) -> tuple[tuple[int, ...], _Image]:
    output = image._replace(channels=channels)
    return (LayerKind.POINTWISE, *output, *image, 1, 1, 1, 1, 0, 0, 0), output


def _windowed(
    kind: LayerKind, image: _Image, channels: int, kernel: Size, stride: Size, *, same: bool = True
) -> tuple[tuple[int, ...], _Image]:
    pads = [
        same_padding(*axis) if same else (0, 0)
        for axis in zip(image[:2], kernel, stride, strict=True)
    ]
    sizes = [
        output_extent(size, k, s, padding=pad)
        for size, k, s, pad in zip(image[:2], kernel, stride, pads, strict=True)
    ]
    output = _Image(sizes[0], sizes[1], channels)
    return (kind, *output, *image, *kernel, *stride, pads[0][0], pads[1][0], 0), output


def _packed(layers: Sequence[tuple[int, ...]]) -> bytes:
    return np.array(layers, dtype=np.int32).tobytes()
