# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses

import numpy as np

from benchmarks import instruction_model
from tests.tflm_mcunet.search.random_networks import random_architecture
from tflm_mcunet.search.latency import instructions, latency_ms
from tflm_mcunet.search.layers import LayerKind, encode


def test_every_kind_of_layer_takes_time() -> None:
    layers = encode([random_architecture(1)])
    whole = instructions(layers)[0]
    for kind in LayerKind:
        if kind is LayerKind.NONE or not (layers.kind == kind).any():
            continue
        rest = layers.kind.copy()
        rest[rest == kind] = LayerKind.NONE
        without = dataclasses.replace(layers, kind=rest)
        assert instructions(without)[0] < whole


def test_milliseconds() -> None:
    layers = encode([random_architecture(2)])
    assert np.isclose(latency_ms(layers, 1000)[0], instructions(layers)[0])


def test_fit_finds_the_factors() -> None:
    rows = [(macs, n, 3 * macs + 20 * n) for macs, n in ((100, 9), (2000, 30), (900, 500))]
    found = instruction_model.fit(rows)
    assert (found["per_mac"], found["per_output"]) == (3.0, 20.0)
    assert found["median_error"] == 0.0


def test_fit_has_no_negative_factor() -> None:
    found = instruction_model.fit([(100, 100, 1000), (1000, 500, 5000), (9000, 100, 990)])
    assert found["per_mac"] >= 0 and found["per_output"] >= 0
