# SPDX-License-Identifier: Apache-2.0
"""From a graph and a goal to the schedule that meets it."""

from __future__ import annotations

import dataclasses
import itertools
import re
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest

from tests.arduino.runtime import Runtime
from tests.converters.emit.execution import Execution, mismatches
from tests.network_builder import NetworkBuilder
from tests.networks import random_inputs, random_network
from tflm_converters import reference
from tflm_converters.cost import total_macs
from tflm_converters.errors import BudgetError, UnsupportedModelError
from tflm_converters.graph import Activation, Graph
from tflm_converters.optimize import (
    Goal,
    Solution,
    choose,
    optimize,
    pareto_front,
    peak_holders,
)
from tflm_converters.schedule.evaluate import Planned
from tflm_converters.schedule.types import Mode


def mobile_network(*, squeeze: int = 0) -> Graph:
    """A small MobileNet on 40 x 40 x 3: stem, two inverted residuals, classifier."""
    builder = NetworkBuilder(0)
    x = builder.input(40, 40, 3)
    x = builder.conv(x, 8, kernel=3, stride=2, activation=Activation.RELU6)
    x = builder.inverted_residual(x, 16, expansion=4, stride=2, squeeze=squeeze)
    x = builder.inverted_residual(x, 16, expansion=6)
    builder.softmax(builder.fully_connected(builder.mean(x), 4))
    return builder.build()


MOBILE = mobile_network()


@cache
def solve(goal: Goal) -> Solution:
    """What is found for the small MobileNet."""
    return optimize(MOBILE, goal)


def best(**goal: Any) -> Planned:
    return solve(Goal(**goal)).best


def modes(planned: Planned) -> set[Mode]:
    return {stage.mode for stage in planned.schedule.stages}


# ---- Modes and limits ----


def test_each_mode_runs_in_its_own_way() -> None:
    assert modes(best(mode="layer")) == {Mode.LAYER}
    assert Mode.PATCH in modes(best(mode="patch"))
    assert modes(best(mode="stream")) <= {Mode.LAYER, Mode.STREAM}
    assert Mode.STREAM in modes(best(mode="stream"))


def test_streaming_needs_less_than_layers_or_patches() -> None:
    """Layer by layer holds 32 channels of 20 x 20; streaming little more than the input."""
    peaks = {mode: best(mode=mode).peak for mode in ("layer", "patch", "stream", "auto")}
    assert peaks["layer"] > 20 * 20 * 32
    assert peaks["patch"] < peaks["layer"] / 2
    assert 40 * 40 * 3 < peaks["stream"] == peaks["auto"] < 1.1 * 40 * 40 * 3
    assert peaks["stream"] < peaks["patch"]


def test_fed_rows_are_never_held_whole() -> None:
    assert best(row_fed=True).peak < 40 * 40 * 3


def test_by_default_nothing_is_computed_twice() -> None:
    assert best().macs == total_macs(MOBILE)


@pytest.mark.parametrize("ratio", [1.0, 1.1, 1.5])
def test_macs_stay_within_the_ratio(ratio: float) -> None:
    planned = best(max_macs_ratio=ratio, row_fed=True)
    assert planned.macs <= ratio * total_macs(MOBILE)


def test_more_macs_buy_memory() -> None:
    cheap, dear = (best(max_macs_ratio=r, row_fed=True) for r in (1.0, 2.0))
    assert dear.peak < cheap.peak
    assert dear.macs > cheap.macs


def test_a_grid_of_patches_can_be_asked_for() -> None:
    planned = best(mode="patch", patches=(3, 2))
    patches = [s for s in planned.schedule.stages if s.mode is Mode.PATCH]
    for stage in patches:
        extent = planned.network.layers[stage.last - 1].extent
        (group,) = stage.groups
        assert (group.tile_rows, group.tile_cols) == (-(-extent.height // 3), -(-extent.width // 2))
    assert patches


def test_squeezed_tensors_are_computed_twice_where_that_is_allowed() -> None:
    """The squeezed tensor has 48 channels of 12 x 12; what it comes from has 8."""
    builder = NetworkBuilder(0)
    x = builder.conv(builder.input(24, 24, 3), 8, kernel=3, stride=2)
    builder.fully_connected(builder.mean(builder.inverted_residual(x, 8, squeeze=4)), 3)
    graph = builder.build()
    once = optimize(graph, Goal(row_fed=True)).best
    twice = optimize(graph, Goal(row_fed=True, max_macs_ratio=2.0)).best
    assert not any("/second_pass" in t.name for t in once.network.graph.tensors)
    assert any("/second_pass" in t.name for t in twice.network.graph.tensors)
    assert twice.peak < 12 * 12 * 48 < once.peak


def test_a_model_of_stock_operators() -> None:
    builder = NetworkBuilder(0)
    x = builder.input(6, 6, 2)
    builder.mul(builder.add(x, builder.constant([1.0, 2.0])), builder.constant([0.5, -0.5]))
    planned = optimize(builder.build(), Goal()).best
    assert modes(planned) == {Mode.STOCK}
    assert planned.peak == 2 * 6 * 6 * 2


# ---- Budgets ----


def test_a_budget_with_the_least_work() -> None:
    """The cheapest point of the front that fits; one byte less needs the next one."""
    front = solve(Goal(row_fed=True)).front
    assert len(front) > 1
    for cheaper, dearer in itertools.pairwise(front):
        goal = Goal(objective="macs", sram=cheaper.peak, row_fed=True)
        assert choose(front, goal, total_macs(MOBILE)) is cheaper
        goal = dataclasses.replace(goal, sram=cheaper.peak - 1)
        assert choose(front, goal, total_macs(MOBILE)) is dearer


def test_a_budget_is_met() -> None:
    """With the same work, tiles are as wide as the budget lets them be."""
    tight, wide = (best(objective="macs", sram=sram) for sram in (5200, 8000))
    assert tight.peak <= 5200 < wide.peak <= 8000
    assert tight.macs == wide.macs
    assert best(sram=5200).peak <= 5200


def test_an_impossible_budget_says_what_is_reachable_and_what_holds_it() -> None:
    reachable = best().peak
    with pytest.raises(BudgetError, match="a peak of 1,000 bytes cannot be met") as error:
        optimize(MOBILE, Goal(sram=1000))
    message = str(error.value)
    least = int(re.search(r"least reachable is ([\d,]+) bytes", message)[1].replace(",", ""))
    assert reachable <= least < 1.02 * reachable  # the front is planned with fewer steps
    held = re.findall(r"'([^']+)' ([\d,]+) B", message)
    sizes = [int(size.replace(",", "")) for _, size in held]
    assert 0.9 * least < sum(sizes) < 1.1 * least
    assert {name for name, _ in held} & {tensor.name for tensor in MOBILE.tensors}
    assert "--row-fed" in message and "--max-macs" in message


@pytest.mark.parametrize(
    ("goal", "hinted", "not_hinted"),
    [
        (Goal(sram=9, row_fed=True), "--max-macs", "--row-fed"),
        (Goal(sram=9, objective="macs"), "--row-fed", "--max-macs"),
        (Goal(sram=9, mode="layer"), "--mode auto", "nothing"),
    ],
)
def test_hints_are_ways_out(goal: Goal, hinted: str, not_hinted: str) -> None:
    with pytest.raises(BudgetError) as error:
        optimize(MOBILE, goal)
    assert hinted in str(error.value)
    assert not_hinted not in str(error.value)


def point(macs: int, peak: int) -> Any:
    return SimpleNamespace(macs=macs, peak=peak)


def test_the_front_leaves_out_what_is_beaten() -> None:
    best_of_both, small, beaten, equal = point(10, 50), point(20, 30), point(15, 50), point(20, 35)
    assert pareto_front([beaten, small, equal, best_of_both]) == (best_of_both, small)


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        (Goal(), 0),
        (Goal(max_macs_ratio=1.5), 1),
        (Goal(max_macs_ratio=0.5), 0),
        (Goal(max_macs_ratio=9.0), 2),
        (Goal(mode="patch"), 2),
        (Goal(objective="macs", sram=40), 1),
        (Goal(objective="macs"), 0),
        (Goal(max_macs_ratio=9.0, sram=25), 2),
    ],
)
def test_choosing_a_point(goal: Goal, expected: int) -> None:
    front = (point(100, 50), point(150, 40), point(300, 20))
    assert choose(front, goal, 100) is front[expected]


def test_if_all_recompute_the_cheapest_is_chosen() -> None:
    front = (point(150, 40), point(300, 20))
    assert choose(front, Goal(), 100) is front[0]


# ---- What is reported ----


@pytest.mark.parametrize("seed", range(12))
def test_fronts_are_strictly_better_in_one_and_worse_in_the_other(seed: int) -> None:
    solution = optimize(random_network(seed), Goal(max_macs_ratio=2.0))
    for cheaper, dearer in itertools.pairwise(solution.front):
        assert cheaper.macs < dearer.macs and cheaper.peak > dearer.peak
    assert (solution.best.macs, solution.best.peak) in {(p.macs, p.peak) for p in solution.front}
    assert solution.layer_macs == total_macs(random_network(seed))


def test_holders_of_the_peak() -> None:
    planned = best(mode="layer")
    holders = peak_holders(planned.plan)
    assert [size for _, size in holders] == sorted((s for _, s in holders), reverse=True)
    # A row that an output overwrites as it is read counts among the holders only.
    assert sum(size for _, size in holders) >= planned.plan.live_bytes.max()


def test_progress_goes_from_nothing_to_all() -> None:
    shares: list[float] = []
    optimize(MOBILE, Goal(), progress=lambda what, share: shares.append(share))
    assert shares[0] == 0.0 and shares[-1] == 1.0
    assert shares == sorted(shares)


# ---- Models that cannot be fed row by row ----


def test_two_inputs_cannot_be_fed() -> None:
    builder = NetworkBuilder(0)
    builder.add(builder.input(4, 4, 2), builder.input(4, 4, 2))
    with pytest.raises(UnsupportedModelError, match="exactly one input, got 2"):
        optimize(builder.build(), Goal(row_fed=True))


def test_stock_operators_cannot_be_fed() -> None:
    builder = NetworkBuilder(0)
    builder.relu(builder.mul(builder.input(4, 4, 2), builder.constant([1.0, 2.0])))
    with pytest.raises(UnsupportedModelError, match=r"operator 0 MUL .* is left to TFLite-Micro"):
        optimize(builder.build(), Goal(row_fed=True))


def test_an_input_that_is_an_output_cannot_be_fed() -> None:
    builder = NetworkBuilder(0)
    x = builder.input(4, 4, 2)
    graph = builder.build(builder.relu(x), x)
    with pytest.raises(UnsupportedModelError, match="Convert it without --row-fed"):
        optimize(graph, Goal(row_fed=True))


@pytest.mark.parametrize("mode", ["layer", "patch", "stream", "auto"])
def test_a_first_layer_that_needs_all_rows_is_fed(mode: str) -> None:
    """The rows pile up in a line buffer of all of them."""
    builder = NetworkBuilder(0)
    builder.fully_connected(builder.input(8, 8, 2), 3)
    planned = optimize(builder.build(), Goal(row_fed=True, mode=mode)).best
    assert planned.peak >= 8 * 8 * 2 + 3


# ---- Bytes ----


GOALS = {
    "layer by layer": Goal(mode="layer"),
    "in patches": Goal(mode="patch"),
    "least memory": Goal(),
    "twice the work": Goal(max_macs_ratio=2.0),
    "rows fed": Goal(row_fed=True),
    "rows fed, twice the work": Goal(row_fed=True, max_macs_ratio=2.0),
    "wider tiles": Goal(tile_slack=500),
}


@pytest.mark.parametrize("name", GOALS)
def test_every_goal_gives_the_same_bytes(runtime: Runtime, name: str) -> None:
    planned = solve(GOALS[name]).best
    execution = Execution(runtime, planned, 0)
    for seed in range(2):
        inputs = random_inputs(MOBILE, seed)
        assert not mismatches(execution, inputs, reference.execute(planned.network.graph, inputs))


@pytest.mark.parametrize("name", ["twice the work", "rows fed", "rows fed, twice the work"])
def test_squeeze_and_excite_gives_the_same_bytes(runtime: Runtime, name: str) -> None:
    graph = mobile_network(squeeze=2)
    planned = optimize(graph, GOALS[name]).best
    inputs = random_inputs(graph, 0)
    expected = reference.execute(planned.network.graph, inputs)
    assert not mismatches(Execution(runtime, planned, 0), inputs, expected)


@pytest.mark.parametrize("seed", range(2000, 2015))
def test_random_networks_give_the_same_bytes(runtime: Runtime, seed: int) -> None:
    graph = random_network(seed)
    planned = optimize(graph, Goal(max_macs_ratio=4.0)).best
    assert planned.lower_bound <= planned.peak
    inputs = random_inputs(graph, seed)
    expected = reference.execute(planned.network.graph, inputs)
    assert not mismatches(Execution(runtime, planned, seed), inputs, expected)
