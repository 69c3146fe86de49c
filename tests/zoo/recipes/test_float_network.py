# SPDX-License-Identifier: Apache-2.0
"""Files of a network, float32 and int8, compute alike."""

from __future__ import annotations

import numpy as np

from tflm_converters import reader
from tflm_mcunet.quantize import quantize
from tflm_mcunet.zoo.inputs import ArrayInput
from tflm_mcunet.zoo.model import Pipeline
from tflm_mcunet.zoo.outputs import Classes
from zoo.recipes import autoencoders
from zoo.recipes.float_network import FloatNetwork, float_file


def test_int8_and_float_files_compute_alike() -> None:
    network = autoencoders.dense(6, hidden=5, code=4)
    samples = np.random.default_rng(0).uniform(-1, 1, (50, 6)).astype(np.float32)
    int8, real = quantize(network, [samples]), float_file(network)
    graph = reader.read_bytes(int8, name="int8")
    assert {graph.tensors[i].dtype for i in (*graph.inputs, *graph.outputs)} == {"int8"}
    how = ArrayInput((6,)), Classes(tuple("abcdef"))
    expected = FloatNetwork(how[0], real, how[1])
    quantized = Pipeline(how[0], int8, how[1])
    for sample in samples[:10]:
        got, wanted = (list(n.predict(sample).scores.values()) for n in (quantized, expected))
        assert np.allclose(got, wanted, atol=0.05)
        assert np.allclose(wanted, network(sample[None]).numpy(), atol=1e-5)
