# SPDX-License-Identifier: Apache-2.0
"""The runtime's kernels compute the same bytes as the kernels of TFLite-Micro itself."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np
import pytest

from tests import tflm
from tests.arduino import kernel_case, memory
from tests.arduino.kernel_call import run
from tests.arduino.kernel_case import Case
from tests.converters import single_op
from tflm_converters import writer
from tflm_converters.graph import Graph, Kind, SoftmaxAttributes

SEEDS = 25
EVERY_INT8 = np.arange(-128, 128, dtype=np.int8)


def tflm_output(graph: Graph, inputs: Sequence[np.ndarray]) -> np.ndarray:
    return tflm.infer(writer.write(graph), inputs)[0]


def check(kernels: ctypes.CDLL, case: Case, rng: np.random.Generator) -> None:
    """Asserts that a kernel computes what is expected from whole tensors."""
    inputs = [memory.place_whole(rng, image.shape) for image in case.images]
    for placed, image in zip(inputs, case.images, strict=True):
        placed.memory.bytes[:] = image.view(np.uint8).ravel()
    output = memory.place_whole(rng, case.expected.shape)
    run(kernels, case.kernel, case, inputs, output, memory.whole(case.expected.shape))
    result = output.memory.bytes.view(np.int8).reshape(case.expected.shape)
    channels = slice(None) if case.channels is None else case.channels
    np.testing.assert_array_equal(result[..., channels], case.expected[..., channels])


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("kind", kernel_case.KERNELS)
def test_kernel_equals_tflm(kernels: ctypes.CDLL, kind: Kind, seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = kernel_case.random_graph(kind, rng)
    check(kernels, kernel_case.case_of(graph, rng, oracle=tflm_output), rng)


def softmax_graph(shape: tuple[int, ...], scale: float) -> Graph:
    return single_op.single_op(
        Kind.SOFTMAX,
        SoftmaxAttributes(),
        [single_op.activation("input", shape, single_op.quantization(scale))],
        single_op.activation("output", shape, single_op.quantization(1 / 256, -128)),
    )


@pytest.mark.parametrize("scale", np.geomspace(1e-4, 20, 60))
def test_softmax_of_every_difference_equals_tflm(kernels: ctypes.CDLL, scale: float) -> None:
    """Pairs of the greatest value and any other, and all values at once."""
    pairs = np.stack([np.full(256, 127, np.int8), EVERY_INT8], axis=1)
    rng = np.random.default_rng(0)
    for values in (pairs.reshape(1, 16, 16, 2), EVERY_INT8.reshape(1, 1, 1, 256)):
        graph = softmax_graph(values.shape, scale)
        check(kernels, kernel_case.case_of(graph, rng, inputs=[values], oracle=tflm_output), rng)
