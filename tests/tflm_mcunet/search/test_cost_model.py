# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.tflm_mcunet.search.random_networks import (
    random_architecture,
    small_space,
    tiny_space,
)
from tflm_converters.cost import total_macs
from tflm_converters.optimize import Goal, optimize
from tflm_mcunet import boards
from tflm_mcunet.redistribute import redistribute
from tflm_mcunet.search.architecture import Architecture
from tflm_mcunet.search.cost_model import CostModel
from tflm_mcunet.search.graph import build_graph
from tflm_mcunet.search.limits import InfeasibleError, Limits

_NETWORKS = [random_architecture(seed) for seed in range(30, 38)]
_SMALL = small_space(40, 0.2).smallest()


@pytest.mark.parametrize("row_fed", [False, True])
@pytest.mark.parametrize("mode", ["layer", "stream", "auto"])
def test_exact_figures_are_the_optimizers(mode: str, row_fed: bool) -> None:
    cost = CostModel(mode, row_fed).exact([_SMALL])[0]
    graph = build_graph(_SMALL)
    assert cost.sram_bytes == optimize(graph, Goal(mode=mode, row_fed=row_fed)).best.peak
    assert cost.macs == total_macs(graph)


def test_patches_are_planned_by_the_optimizer() -> None:
    tiny = dataclasses.replace(_SMALL, input_shape=(24, 24, 3), stages=_SMALL.stages[:2])
    model = CostModel("patch")
    cost, costs = model.exact([tiny])[0], model.estimate([tiny])
    best = optimize(build_graph(tiny), Goal(mode="patch")).best
    assert (cost.sram_bytes, cost.macs) == (best.peak, best.macs)
    assert costs.sram_bytes.tolist() == [best.peak]
    assert model.screen([tiny], Limits(best.peak)).fits.all()
    assert not model.screen([tiny], Limits(best.peak - 1)).fits.any()


def test_redistributed_networks_are_left_to_the_optimizer() -> None:
    changed = redistribute(tiny_space(24).largest(), blocks=1).architecture
    assert changed.blocks[0].kernel == (1, 1)
    cost = CostModel().exact([changed])[0]
    assert cost.sram_bytes == optimize(build_graph(changed), Goal()).best.peak


@pytest.mark.parametrize("mode", ["layer", "auto"])
@pytest.mark.parametrize("row_fed", [False, True])
def test_what_fits_is_decided_by_the_exact_figure(mode: str, row_fed: bool) -> None:
    model = CostModel(mode, row_fed)
    for network, cost in zip(_NETWORKS, model.exact(_NETWORKS), strict=True):
        assert model.screen([network], Limits(cost.sram_bytes)).fits[0]
        assert not model.screen([network], Limits(cost.sram_bytes - 1)).fits[0]


def test_all_limits_count() -> None:
    model = CostModel()
    costs = model.exact(_NETWORKS)
    middle = sorted(cost.flash_bytes for cost in costs)[4]
    fits = model.screen(_NETWORKS, Limits(flash_bytes=middle)).fits
    assert fits.tolist() == [cost.flash_bytes <= middle for cost in costs]
    slowest = max(cost.latency_ms for cost in costs)
    assert model.screen(_NETWORKS, Limits(latency_ms=slowest)).fits.all()
    assert not model.screen(_NETWORKS, Limits(10**9, 10**9, 1)).fits.any()


def test_figures_do_not_depend_on_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    together = CostModel().estimate(_NETWORKS)
    monkeypatch.setattr("tflm_mcunet.search.cost_model.BATCH", 3)
    apart = CostModel().estimate(_NETWORKS)
    for field in dataclasses.fields(together):
        assert np.array_equal(getattr(together, field.name), getattr(apart, field.name))


def test_clock_is_the_boards() -> None:
    model = CostModel.for_board("uno-r4", mode="layer", row_fed=True)
    assert model == CostModel("layer", True, boards.get("uno-r4").clock_hz)
    assert CostModel.for_board(None, mode="auto", row_fed=False) == CostModel()


def test_latency_follows_the_clock() -> None:
    slow, fast = CostModel(clock_hz=32_000_000), CostModel(clock_hz=64_000_000)
    ratio = slow.estimate(_NETWORKS).latency_ms / fast.estimate(_NETWORKS).latency_ms
    assert np.allclose(ratio, 2)


def test_nearest_network_and_binding_limit_are_named() -> None:
    larger: Architecture = small_space(96, 0.5).smallest()
    model = CostModel()
    with pytest.raises(InfeasibleError, match=r"exceeds SRAM: .* limit is 1,000 B") as caught:
        model.require_feasible([larger, _SMALL], Limits(1000, 10**9))
    assert caught.value.nearest == _SMALL
    assert caught.value.cost == model.exact([_SMALL])[0]
    model.require_feasible([larger, _SMALL], Limits(caught.value.cost.sram_bytes))
