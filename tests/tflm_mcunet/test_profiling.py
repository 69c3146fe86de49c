# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from tflm_converters.errors import ModelFileError
from tflm_converters.graph import (
    ElementwiseAttributes,
    Graph,
    Kind,
    Op,
    Tensor,
)
from tflm_mcunet import profile
from tflm_mcunet.boards import Board
from tflm_mcunet.profiling import live_tensors, profile_graph


def tensor(name: str, size: int, *, is_variable: bool = False) -> Tensor:
    return Tensor(name, (1, size), "int8", is_variable=is_variable)


def residual_graph() -> Graph:
    """input -> a -> b; output = a + b; and a variable that nobody reads."""
    tensors = (
        tensor("input", 100),
        tensor("a", 50),
        tensor("b", 50),
        tensor("output", 50),
        tensor("state", 7, is_variable=True),
    )
    ops = (
        Op(Kind.RELU, (0,), (1,)),
        Op(Kind.RELU, (1,), (2,)),
        Op(Kind.ADD, (1, 2), (3,), ElementwiseAttributes()),
    )
    return Graph(tensors, ops, inputs=(0,), outputs=(3,))


def test_a_tensor_lives_from_its_writer_to_its_last_reader() -> None:
    assert live_tensors(residual_graph()) == [(0, 1, 4), (1, 2, 4), (1, 2, 3, 4)]


def test_an_output_that_is_read_again_stays_to_the_end() -> None:
    graph = residual_graph().replace(outputs=(1,))
    assert [1 in live for live in live_tensors(graph)] == [True, True, True]


def test_peak_and_what_makes_it() -> None:
    result = profile_graph(residual_graph(), name="m", file_bytes=1000)
    assert [layer.live_bytes for layer in result.layers] == [157, 107, 157]
    assert result.peak_bytes == 157
    assert result.peak_layer.index == 0
    assert [t.name for t in result.peak_layer.live] == ["input", "a", "state"]
    assert result.fits_sram is None


@pytest.mark.parametrize(("sram", "flash", "fits"), [(157, 1000, True), (156, 999, False)])
def test_fits_to_the_byte(sram: int, flash: int, fits: bool) -> None:
    board = Board("b", "B", "core", 1, sram, flash)
    result = profile_graph(residual_graph(), name="m", file_bytes=1000, board=board)
    assert (result.fits_sram, result.fits_flash) == (fits, fits)


def test_a_model_without_operators_is_refused() -> None:
    with pytest.raises(ModelFileError, match="m: .*no operators"):
        profile_graph(residual_graph().replace(ops=()), name="m", file_bytes=1)


def test_the_example_model(repository: Path) -> None:
    result = profile(repository / "examples" / "vww_96_int8.tflite", board="nano33ble")
    assert len(result.layers) == 31
    assert result.macs == 7_489_664
    assert (result.peak_layer.index, result.peak_bytes) == (2, 48 * 48 * (8 + 16))
    assert result.layers[0].weight_bytes == 3 * 3 * 3 * 8 + 4 * 8
    assert result.fits_sram and result.fits_flash


@pytest.mark.parametrize(
    ("model", "peak", "macs"),
    [  # peaks: TFLite-Micro's arena without its persistent part
        ("models/tinyengine_vww.tflite", 161_472, 11_578_816),
        ("models/tinyengine_mcunetv2_large.tflite", 2_451_840, 216_815_264),
        ("mlperf_tiny/models/kws_ref_model_int8.tflite", 16_000, 2_656_768),
    ],
)
def test_published_models(shared_data: Path, model: str, peak: int, macs: int) -> None:
    result = profile(shared_data / model)
    assert (result.peak_bytes, result.macs) == (peak, macs)
