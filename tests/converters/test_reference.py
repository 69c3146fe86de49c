# SPDX-License-Identifier: Apache-2.0
"""The NumPy executor against TFLite-Micro: no byte may differ."""

from __future__ import annotations

import dataclasses
import zlib
from pathlib import Path

import numpy as np
import pytest

from tests import networks, tflm
from tests.converters.single_op import (
    KINDS,
    activation,
    quantization,
    random_graph,
    random_inputs,
    single_op,
)
from tflm_converters import reader, reference, writer
from tflm_converters.errors import UnsupportedModelError
from tflm_converters.graph import (
    ConvAttributes,
    FullyConnectedAttributes,
    Graph,
    Kind,
    MeanAttributes,
    NoAttributes,
    Op,
    PadAttributes,
    Padding,
    PassThroughAttributes,
    Quantization,
    ResizeAttributes,
    Tensor,
    Window,
)

MODELS = [
    "mlperf_tiny/models/ad01_int8.tflite",
    "mlperf_tiny/models/kws_ref_model_int8.tflite",
    "mlperf_tiny/models/resnet_ic_int8.tflite",
    "mlperf_tiny/models/resnet_ic_large_int8.tflite",
    "mlperf_tiny/models/str_ww_ref_model.tflite",
    "mlperf_tiny/models/vww_96_int8.tflite",
    "models/mlperf_v0_1_aww_ref.tflite",
    "models/mltk_image_example1.tflite",
    "models/mltk_keyword_pacman_v3.tflite",
    "models/mltk_rock_paper_scissors.tflite",
    "models/tflm_hello_world_int8.tflite",
    "models/tflm_micro_speech_quantized.tflite",
    "models/tflm_mobilenet_v2_pytorch_1x3x224x224.tflite",
    "models/tinyengine_mcunetv2_large.tflite",
    "models/tinyengine_vww.tflite",
]


@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize("kind", KINDS)
def test_single_operator_equals_tflm(kind: Kind, seed: int) -> None:
    rng = np.random.default_rng([seed, zlib.crc32(kind.name.encode())])
    graph = random_graph(kind, rng)
    inputs = random_inputs(graph, rng)
    (expected,) = tflm.infer(writer.write(graph), inputs)
    got = reference.execute(graph, inputs)[graph.outputs[0]]
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("seed", range(30))
def test_random_network_equals_tflm(seed: int) -> None:
    graph = networks.random_network(seed)
    inputs = networks.random_inputs(graph, seed)
    expected = tflm.infer(writer.write(graph), inputs, outputs=len(graph.outputs))
    values = reference.execute(graph, inputs)
    for tensor, value in zip(graph.outputs, expected, strict=True):
        np.testing.assert_array_equal(values[tensor], value)


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (3, 50), (7, 13), (10, 20), (29, 11)])
def test_resize_to_any_size_equals_tflm(size: tuple[int, int], align_corners: bool) -> None:
    graph = single_op(
        Kind.RESIZE_NEAREST,
        ResizeAttributes(align_corners=align_corners),
        [activation("input", (1, 7, 10, 2), quantization(0.1))],
        activation("output", (1, *size, 2), quantization(0.1)),
    )
    inputs = random_inputs(graph, np.random.default_rng(3))
    (expected,) = tflm.infer(writer.write(graph), inputs)
    np.testing.assert_array_equal(reference.execute(graph, inputs)[1], expected)


@pytest.mark.parametrize("ratio", [0.02, 0.5, 1.0, 1.7])
@pytest.mark.parametrize("axes", [(1, 2), (1,), (2,), (3,), (1, 2, 3)])
def test_mean_equals_tflm(axes: tuple[int, ...], ratio: float) -> None:
    """On values whose mean varies from place to place and is not saturated."""
    rng = np.random.default_rng(5)
    shape = (1, 7, 6, 40)
    graph = single_op(
        Kind.MEAN,
        MeanAttributes(axes, keep_dims=True),
        [activation("input", shape, quantization(0.1 * ratio, 3))],
        activation("output", _reduced(shape, axes), quantization(0.1, -5)),
    )
    values = rng.integers(-100, 100, _reduced(shape, axes)) + rng.integers(-27, 28, shape)
    inputs = [values.astype(np.int8)]
    (expected,) = tflm.infer(writer.write(graph), inputs)
    np.testing.assert_array_equal(reference.execute(graph, inputs)[1], expected)


def _reduced(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(1 if axis in axes else size for axis, size in enumerate(shape))


def test_fully_connected_by_channel_equals_tflm() -> None:
    rng = np.random.default_rng(4)
    weights = rng.integers(-127, 128, (9, 30), np.int8)
    scales = Quantization(rng.uniform(1e-3, 1e-2, 9).astype(np.float32), np.zeros(9, np.int32))
    graph = single_op(
        Kind.FULLY_CONNECTED,
        FullyConnectedAttributes(),
        [
            activation("input", (1, 30), quantization(0.1, 4)),
            Tensor("weights", weights.shape, "int8", scales, weights),
        ],
        activation("output", (1, 9), quantization(0.5, -10)),
    )
    inputs = [rng.integers(-128, 128, (1, 30), np.int8)]
    (expected,) = tflm.infer(writer.write(graph), inputs)
    assert len(np.unique(expected)) > 3
    np.testing.assert_array_equal(reference.execute(graph, inputs)[2], expected)


@pytest.mark.parametrize("path", MODELS)
def test_every_tensor_of_a_real_model_equals_tflm(path: str, shared_data: Path) -> None:
    graph = reader.read(shared_data / path)
    rng = np.random.default_rng(0)
    inputs = [_full_range(graph.tensors[index], rng) for index in graph.inputs]
    got = reference.execute(graph, inputs)
    written = [op.output for op in graph.ops]
    expected = tflm.infer_tensors((shared_data / path).read_bytes(), inputs, written)
    differing = {t: int((got[t] != expected[t]).sum()) for t in written}
    assert sum(differing.values()) == 0, differing


def _full_range(tensor: Tensor, rng: np.random.Generator) -> np.ndarray:
    if tensor.dtype == "float32":
        return rng.normal(size=tensor.shape).astype(np.float32)
    return rng.integers(-128, 128, tensor.shape, np.int8)


@pytest.mark.parametrize(
    ("kind", "shape"), [(Kind.CONV, (5, 3, 3, 4)), (Kind.DEPTHWISE_CONV, (1, 3, 3, 4))]
)
def test_explicit_padding_equals_a_pad_before_in_tflm(kind: Kind, shape: tuple[int, ...]) -> None:
    """Symmetric padding at stride 2, which the builtin SAME cannot express."""
    rng = np.random.default_rng(1)
    channels = shape[0] if kind is Kind.CONV else shape[3]
    image = activation("input", (1, 8, 8, 4), quantization(0.05, 11))
    scales = Quantization(np.array([0.01], np.float32), np.zeros(1, np.int32))
    weights = Tensor("weights", shape, "int8", scales, rng.integers(-127, 128, shape, np.int8))
    bias = Tensor("bias", (channels,), "int32", scales, np.arange(channels, dtype=np.int32))
    output = activation("output", (1, 4, 4, channels), quantization(0.05, -7))
    window = Window(2, 2, padding=Padding(1, 1, 1, 1))
    fused = single_op(kind, ConvAttributes(window), [image, weights, bias], output)
    padded = dataclasses.replace(image, name="padded", shape=(1, 10, 10, 4))
    pads = PadAttributes(((0, 0), (1, 1), (1, 1), (0, 0)), value=11)
    separate = fused.replace(
        tensors=(*fused.tensors, padded),
        ops=(
            Op(Kind.PAD, (0,), (4,), pads),
            Op(kind, (4, 1, 2), (3,), ConvAttributes(Window(2, 2))),
        ),
    )
    values = [rng.integers(-128, 128, image.shape, np.int8)]
    (expected,) = tflm.infer(writer.write(separate), values)
    np.testing.assert_array_equal(reference.execute(fused, values)[3], expected)
    np.testing.assert_array_equal(reference.execute(separate, values)[3], expected)


def relu(dtype: str = "int8", of: Quantization | None = None) -> Graph:
    return single_op(
        Kind.RELU,
        NoAttributes(),
        [activation("input", (1, 4), of, dtype)],
        activation("output", (1, 4), of, dtype),
    )


def test_results_are_keyed_by_tensor() -> None:
    values = np.array([[-128, -1, 0, 127]], np.int8)
    got = reference.execute(relu(of=quantization(0.1)), [values])
    assert sorted(got) == [0, 1]
    assert got[0] is values
    assert got[1].tolist() == [[0, 0, 0, 127]]


def test_pass_through_is_refused_by_name() -> None:
    attributes = PassThroughAttributes("SVDF", is_custom=False, source=None, opcode=None)
    graph = relu(of=quantization(0.1))
    graph = graph.replace(ops=(Op(Kind.PASS_THROUGH, (0,), (1,), attributes),))
    with pytest.raises(UnsupportedModelError, match=r"operator 0 SVDF .*'output'"):
        reference.execute(graph, [np.zeros((1, 4), np.int8)])


def test_float_operators_are_refused_by_name() -> None:
    with pytest.raises(UnsupportedModelError, match=r"operator 0 RELU .*got float32"):
        reference.execute(relu("float32"), [np.zeros((1, 4), np.float32)])


@pytest.mark.parametrize(
    "inputs",
    [[], [np.zeros((1, 5), np.int8)], [np.zeros((1, 4), np.uint8)], [np.zeros((4,), np.int8)]],
)
def test_inputs_must_be_those_of_the_graph(inputs: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match=r"expected inputs of .*\(1, 4\), 'int8'"):
        reference.execute(relu(of=quantization(0.1)), inputs)
