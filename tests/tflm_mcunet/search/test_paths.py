# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tests.tflm_mcunet.search.random_networks import random_architecture
from tflm_converters.optimize import MODES
from tflm_converters.schedule.candidates import Options, plain_candidates
from tflm_converters.schedule.network import build_network
from tflm_converters.schedule.segment import Tables
from tflm_converters.schedule.solver import Solver
from tflm_converters.schedule.types import Schedule
from tflm_mcunet.search.graph import build_graph
from tflm_mcunet.search.layers import encode
from tflm_mcunet.search.paths import find_paths


@pytest.mark.parametrize("row_fed", [False, True])
@pytest.mark.parametrize("mode", ["layer", "stream", "auto"])
def test_schedules_are_those_of_the_converters_solver(mode: str, row_fed: bool) -> None:
    networks = [random_architecture(seed) for seed in range(20, 26)]
    paths = find_paths(encode(networks), mode=mode, row_fed=row_fed)
    for index, network in enumerate(networks):
        seen = build_network(build_graph(network))
        tables = Tables(seen, row_fed=row_fed)
        options = Options(MODES[mode], None, row_fed)
        candidates = list(plain_candidates(tables, options, tables.generous_limit()))
        path = next(Solver(len(seen.layers), candidates).pareto())
        stages = tuple(candidate.build(seen) for candidate in path.candidates)
        assert int(paths.peaks[index]) == path.peak
        assert paths.schedule(index, seen) == Schedule(stages, row_fed=row_fed)


def test_starts_are_those_of_the_stages() -> None:
    networks = [random_architecture(seed) for seed in range(3)]
    paths = find_paths(encode(networks), mode="auto", row_fed=False)
    starts = paths.starts()
    for index in range(len(networks)):
        count = int(paths.counts[index])
        expected = [first for first, _ in paths.stages(index)]
        assert starts[index, :count].nonzero()[0].tolist() == expected
        assert starts[index, count:].all()
