# SPDX-License-Identifier: Apache-2.0
"""Random networks with random schedules, planned."""

from __future__ import annotations

from functools import cache

from tests.networks import random_network
from tests.schedules import random_schedule
from tflm_converters.schedule import rematerialize
from tflm_converters.schedule.evaluate import Planned, evaluate
from tflm_converters.schedule.network import build_network

SEARCH_STEPS = 100
"""Of the memory planner: a good plan is enough to be wrong."""


@cache
def random_plans(seed: int) -> tuple[Planned, ...]:
    """Schedules of one random network: whole input, rows fed, and with second passes."""
    graph = random_network(seed)
    twice = [variant for _, variant in rematerialize.variants(graph)]
    return tuple(
        evaluate(network, schedule, steps=SEARCH_STEPS)
        for network in map(build_network, [graph, *twice])
        for row_fed in (False, True)
        if (schedule := random_schedule(network, seed, row_fed=row_fed)) is not None
    )
