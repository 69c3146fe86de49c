# SPDX-License-Identifier: Apache-2.0
"""Multiply-accumulates and weight bytes, by hand and as published for known models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.converters.single_op import activation, quantization, single_op
from tflm_converters import cost, reader
from tflm_converters.graph import (
    ConvAttributes,
    ElementwiseAttributes,
    FullyConnectedAttributes,
    Graph,
    Kind,
    Padding,
    Tensor,
    Window,
)


def constant(name: str, shape: tuple[int, ...], dtype: str = "int8") -> Tensor:
    return Tensor(name, shape, dtype, quantization(0.1), np.zeros(shape, dtype))


def convolution(kind: Kind, weights: tuple[int, ...], channels: int) -> Graph:
    """3 x 3, stride 2, from 8 x 6 x 4, with padding all around and a bias."""
    return single_op(
        kind,
        ConvAttributes(Window(2, 2, padding=Padding(1, 1, 1, 1)), depth_multiplier=2),
        [
            activation("input", (1, 8, 6, 4), quantization(0.1)),
            constant("weights", weights),
            constant("bias", (channels,), "int32"),
        ],
        activation("output", (1, 4, 3, channels), quantization(0.1)),
    )


def test_conv_counts_taps_and_input_channels_and_padding() -> None:
    graph = convolution(Kind.CONV, (5, 3, 3, 4), 5)
    assert cost.macs(graph, 0) == (4 * 3 * 5) * (3 * 3) * 4
    assert cost.weight_bytes(graph, 0) == 5 * 3 * 3 * 4 + 5 * 4


def test_depthwise_conv_counts_taps() -> None:
    graph = convolution(Kind.DEPTHWISE_CONV, (1, 3, 3, 8), 8)
    assert cost.macs(graph, 0) == (4 * 3 * 8) * (3 * 3)
    assert cost.weight_bytes(graph, 0) == 3 * 3 * 8 + 8 * 4


def test_fully_connected_counts_weights() -> None:
    graph = single_op(
        Kind.FULLY_CONNECTED,
        FullyConnectedAttributes(),
        [activation("input", (1, 30), quantization(0.1)), constant("weights", (7, 30))],
        activation("output", (1, 7), quantization(0.1)),
    )
    assert cost.macs(graph, 0) == 7 * 30
    assert cost.weight_bytes(graph, 0) == 7 * 30


def test_other_kinds_have_no_macs_but_may_have_constants() -> None:
    graph = single_op(
        Kind.ADD,
        ElementwiseAttributes(),
        [activation("input", (1, 4, 4, 8), quantization(0.1)), constant("offset", (8,))],
        activation("output", (1, 4, 4, 8), quantization(0.1)),
    )
    assert cost.macs(graph, 0) == 0
    assert cost.weight_bytes(graph, 0) == 8


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("mlperf_tiny/models/vww_96_int8.tflite", 7_489_664),
        ("mlperf_tiny/models/kws_ref_model_int8.tflite", 2_656_768),
        ("mlperf_tiny/models/resnet_ic_int8.tflite", 12_501_632),
        ("mlperf_tiny/models/ad01_int8.tflite", 264_192),
        ("mlperf_tiny/models/str_ww_ref_model.tflite", 826_368),
        ("models/tinyengine_vww.tflite", 11_578_816),
        ("models/tinyengine_mcunetv2_large.tflite", 216_815_264),
    ],
)
def test_total_of_a_known_model(path: str, expected: int, shared_data: Path) -> None:
    assert cost.total_macs(reader.read(shared_data / path)) == expected
