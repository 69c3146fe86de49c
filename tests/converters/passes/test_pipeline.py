# SPDX-License-Identifier: Apache-2.0
"""All passes together: options, real models, random networks."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from tests import tflm
from tests.converters.passes.comparison import differing_bytes
from tests.networks import NetworkBuilder, random_inputs, random_network
from tflm_converters import graph_check, passes, reader, writer
from tflm_converters.cost import macs
from tflm_converters.errors import ConversionError
from tflm_converters.graph import Graph, Kind

SECONDS = 1.0

MLPERF_MODELS = [
    "ad01_int8",
    "kws_ref_model_int8",
    "resnet_ic_int8",
    "resnet_ic_large_int8",
    "str_ww_ref_model",
    "vww_96_int8",
]
OTHER_MODELS = [
    "mlperf_v0_1_aww_ref",
    "mltk_image_example1",
    "mltk_keyword_pacman_v3",
    "mltk_rock_paper_scissors",
    "tflm_hello_world_int8",
    "tflm_micro_speech_quantized",
    "tflm_mobilenet_v2_pytorch_1x3x224x224",
    "tinyengine_mcunetv2_large",
    "tinyengine_vww",
]
MODELS = [f"mlperf_tiny/models/{name}.tflite" for name in MLPERF_MODELS] + [
    f"models/{name}.tflite" for name in OTHER_MODELS
]
PASS_THROUGH_MODELS = [
    "tflm_keyword_scrambled_8bit",
    "tflm_mnist_lstm_int8",
    "tinyengine_mnist_lenet",
]
VWW = "mlperf_tiny/models/vww_96_int8.tflite"


def without_float_border(graph: Graph) -> Graph:
    """The model with no other change, so that both sides have the same inputs."""
    others = set(passes.NAMES) - {"strip_float_io"}
    return passes.run(graph, disabled=others).graph


def convolution_macs(graph: Graph) -> int:
    convolutions = (Kind.CONV, Kind.DEPTHWISE_CONV)
    return sum(macs(graph, index) for index, op in enumerate(graph.ops) if op.kind in convolutions)


def test_unknown_pass_is_refused_with_the_list() -> None:
    graph = random_network(0)
    with pytest.raises(ConversionError, match="fold_nothing.*absorb_pad.*dead_channels"):
        passes.run(graph, disabled={"fold_nothing", "absorb_pad"})


@pytest.mark.parametrize("name", passes.NAMES)
def test_every_pass_can_be_switched_off(name: str) -> None:
    result = passes.run(random_network(1), disabled=[name])
    assert [step.name for step in result.steps] == [n for n in passes.NAMES if n != name]


def test_float_io_keeps_the_border() -> None:
    builder = NetworkBuilder()
    x = builder.quantize(builder.input(4, 4, 2, dtype="float32"))
    graph = builder.build(builder.dequantize(builder.conv(x, 3)))
    kept = passes.run(graph, float_io=True).graph
    assert [op.kind for op in kept.ops] == [Kind.QUANTIZE, Kind.CONV, Kind.DEQUANTIZE]
    assert [op.kind for op in passes.run(graph).graph.ops] == [Kind.CONV]


def test_steps_tell_what_each_pass_saved(shared_data: Path) -> None:
    steps = passes.run(reader.read(shared_data / VWW)).steps
    for before, after in zip(steps[:-1], steps[1:], strict=True):
        assert (before.macs_after, before.ops_after) == (after.macs_before, after.ops_before)
    savers = [step.name for step in steps if step.macs_after < step.macs_before]
    assert savers == ["dead_channels"]


@pytest.mark.parametrize("model", MODELS)
def test_real_models_compute_the_same(shared_data: Path, model: str) -> None:
    graph = reader.read(shared_data / model)
    start = time.process_time()
    after = passes.run(graph).graph
    assert time.process_time() - start < SECONDS
    assert differing_bytes(without_float_border(graph), after, samples=1) == 0


@pytest.mark.parametrize("model", PASS_THROUGH_MODELS)
def test_real_models_that_we_only_pass_through(shared_data: Path, model: str) -> None:
    graph = reader.read(shared_data / "models" / f"{model}.tflite")
    after = passes.run(graph, float_io=True).graph
    graph_check.check(after)
    inputs = [
        value.astype(graph.tensors[tensor].dtype)
        for tensor, value in zip(graph.inputs, random_inputs(graph, 0), strict=True)
    ]
    expected, got = (tflm.infer(writer.write(g), inputs) for g in (graph, after))
    assert (expected[0] == got[0]).all()


def test_vww_96_keeps_half_of_its_macs(shared_data: Path) -> None:
    """Issue 2: at most 3.74 M convolution MACs, bit for bit, in TFLite-Micro itself."""
    original = shared_data / VWW
    graph = reader.read(original)
    after = passes.run(graph).graph
    assert convolution_macs(graph) == 7_489_152
    assert convolution_macs(after) <= 3_740_000
    model = writer.write(after)
    for seed in range(5):
        inputs = random_inputs(graph, seed)
        expected = tflm.infer(original.read_bytes(), inputs)
        assert (expected[0] == tflm.infer(model, inputs)[0]).all()


def test_tinyengine_vww_in_tflm(shared_data: Path) -> None:
    """All but absorb_pad, whose explicit padding no builtin operator can express."""
    graph = without_float_border(reader.read(shared_data / "models/tinyengine_vww.tflite"))
    after = passes.run(graph, disabled=["absorb_pad"]).graph
    for seed in range(2):
        inputs = random_inputs(graph, seed)
        expected, got = (tflm.infer(writer.write(g), inputs) for g in (graph, after))
        assert (expected[0] == got[0]).all()


@pytest.mark.parametrize("block", range(10))
def test_random_networks_compute_the_same(block: int) -> None:
    """With all passes, and with a random half of them."""
    for seed in range(20 * block, 20 * block + 20):
        graph = random_network(seed, max_ops=16)
        assert differing_bytes(graph, passes.run(graph).graph, samples=2) == 0
        half = np.random.default_rng(seed).permutation(passes.NAMES)[::2]
        some = passes.run(graph, disabled=half.tolist()).graph
        assert differing_bytes(graph, some, samples=1) == 0
