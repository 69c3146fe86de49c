# SPDX-License-Identifier: Apache-2.0
"""An architecture becomes a Keras model whose int8 file is converted without a differing byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.tflm_mcunet.search.spaces import tiny_audio_space, tiny_image_space
from tflm_mcunet import convert
from tflm_mcunet.quantize import quantize
from tflm_mcunet.search.architecture import Architecture, ArchitectureError, Block, Convolution
from tflm_mcunet.search.keras_model import build
from tflm_mcunet.search.space import SearchSpace


def test_layers_are_those_of_the_architecture() -> None:
    stage = (Block(8, (5, 5), (2, 2), 3), Block(8, expansion=2), Block(16, expansion=1))
    model = build(Architecture((16, 12, 3), Convolution(4, same=False), (stage,), 20, 5))
    shapes = {layer.name: tuple(layer.output_shape[1:]) for layer in model.layers[1:]}
    assert shapes["stem_relu"] == (7, 5, 4)  # no padding
    assert shapes["stage1_block1_expand_relu"] == (7, 5, 12)
    assert shapes["stage1_block1_depthwise_relu"] == (4, 3, 12)
    assert shapes["stage1_block2_add"] == (4, 3, 8)
    assert "stage1_block1_add" not in shapes and "stage1_block3_add" not in shapes
    assert "stage1_block3_expand" not in shapes
    assert shapes["stage1_block3_project_bn"] == (4, 3, 16)
    assert "stage1_block3_project_relu" not in shapes
    assert shapes["head_relu"] == (4, 3, 20)
    assert shapes["logits"] == (5,)


def test_over_one_column_the_stride_across_is_of_no_effect() -> None:
    stage = (Block(8, (9, 1), (2, 1), 2),)
    architecture = Architecture((20, 5, 1), Convolution(4, (3, 5), (1, 1), False), (stage,), 0, 2)
    model = build(architecture)
    assert model.get_layer("stage1_block1_depthwise").output_shape == (None, 9, 1, 8)


def test_refuses_unequal_strides_over_several_columns() -> None:
    architecture = Architecture((16, 16, 3), Convolution(4), ((Block(8, stride=(2, 1)),),), 0, 2)
    with pytest.raises(ArchitectureError, match="stage1_block1: .* got 2 and 1 over 8 columns"):
        build(architecture)


@pytest.mark.parametrize("space", [tiny_image_space(), tiny_audio_space()], ids=lambda s: s.name)
def test_the_int8_file_converts_without_a_differing_byte(
    space: SearchSpace, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    model = build(space.sample(rng))
    for layer in model.layers:
        layer.set_weights([w + rng.normal(0, 0.05, w.shape) ** 2 for w in layer.get_weights()])
    path = tmp_path / "model.tflite"
    path.write_bytes(quantize(model, [rng.normal(size=(8, *model.input_shape[1:]))]))
    parity = convert(path, samples=6).parity
    assert parity is not None
    assert (parity.samples, parity.differing_bytes) == (6, 0)
