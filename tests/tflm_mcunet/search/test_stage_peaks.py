# SPDX-License-Identifier: Apache-2.0
"""All figures are compared with those of the converter's own scheduler."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tflm_mcunet.search.random_networks import random_architecture
from tflm_converters.schedule.candidates import Options, plain_candidates, segments
from tflm_converters.schedule.network import build_network
from tflm_converters.schedule.segment import Tables
from tflm_mcunet.search.graph import build_graph
from tflm_mcunet.search.layers import encode
from tflm_mcunet.search.stage_peaks import HUGE, StagePeaks

_NETWORKS = [random_architecture(seed) for seed in range(9)]


@pytest.mark.parametrize("row_fed", [False, True])
def test_streams_are_the_converters_segments(row_fed: bool) -> None:
    peaks = dict(StagePeaks(encode(_NETWORKS), row_fed=row_fed).streams())
    for row, network in enumerate(_NETWORKS):
        tables = Tables(build_network(build_graph(network)), row_fed=row_fed)
        compared = 0
        for segment in segments(tables, most_rings=2**40):
            ours = int(peaks[segment.last][row, segment.first])
            where = f"layers [{segment.first}, {segment.last}) of {network}"
            assert ours == segment.stream_peak(), where
            compared += 1
        assert compared > 100


def test_layers_in_place_are_the_converters() -> None:
    peaks = StagePeaks(encode(_NETWORKS), row_fed=False).in_place()
    for row, network in enumerate(_NETWORKS):
        tables = Tables(build_network(build_graph(network)), row_fed=False)
        expected = np.full(peaks.shape[1], HUGE)
        for candidate in plain_candidates(tables, Options(), 0):
            if candidate.in_place:
                expected[candidate.first] = candidate.peak
        assert peaks[row].tolist() == expected.tolist()


def test_a_network_costs_the_same_in_any_company() -> None:
    together = dict(StagePeaks(encode(_NETWORKS), row_fed=False).streams())
    for row, network in enumerate(_NETWORKS):
        for last, alone in StagePeaks(encode([network]), row_fed=False).streams():
            assert alone[0].tolist() == together[last][row].tolist()


def test_single_layers_alone() -> None:
    stages = StagePeaks(encode(_NETWORKS), row_fed=False)
    for (last, every), (same, single) in zip(
        stages.streams(), stages.streams(alone=True), strict=True
    ):
        assert last == same
        assert single.tolist() == every[:, -1:].tolist()
