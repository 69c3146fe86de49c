# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tests.tflm_mcunet.search.random_networks import random_architecture
from tflm_converters.emit.program import pack_program
from tflm_converters.schedule.evaluate import evaluate
from tflm_converters.schedule.network import build_network
from tflm_mcunet.search.flash import parameter_bytes, program_bytes
from tflm_mcunet.search.graph import build_graph
from tflm_mcunet.search.layers import encode
from tflm_mcunet.search.paths import find_paths


@pytest.mark.parametrize("row_fed", [False, True])
@pytest.mark.parametrize("mode", ["layer", "auto"])
def test_tables_are_as_large_as_those_of_c_export(mode: str, row_fed: bool) -> None:
    networks = [random_architecture(seed) for seed in range(6)]
    layers = encode(networks)
    paths = find_paths(layers, mode=mode, row_fed=row_fed)
    parameters, programs = parameter_bytes(layers), program_bytes(layers, paths)
    for index, network in enumerate(networks):
        seen = build_network(build_graph(network))
        planned = evaluate(seen, paths.schedule(index, seen), steps=0)
        schedule = planned.schedule
        stages = range(len(schedule.stages))
        program = pack_program(seen, schedule, planned.layout, planned.plan, stages)
        assert len(program.parameters) == parameters[index]
        assert len(program.options) == programs[index]
