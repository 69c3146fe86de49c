# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from tflm_converters.errors import SettingsError
from tflm_mcunet.boards import UnknownBoardError
from tflm_mcunet.search.cost import Cost, Costs
from tflm_mcunet.search.limits import Limits

_COST = Cost(1000, 2000, 3000, 4.0)


def test_excess_is_the_largest_ratio() -> None:
    costs = Costs.of([_COST, Cost(10, 20, 30, 40.0)])
    assert Limits(500, 4000).excess(costs).tolist() == [2.0, 0.02]
    assert Limits().excess(costs).tolist() == [0.0, 0.0]


def test_given_limits_replace_the_boards() -> None:
    board = Limits.of_board("nano33ble")
    assert Limits.given(board="nano33ble") == board
    changed = Limits.given(board="nano33ble", sram=1024, latency_ms=5.0)
    assert changed == Limits(1024, board.flash_bytes, None, 5.0)
    assert Limits.given(macs=7) == Limits(macs=7)


def test_nothing_given_is_refused() -> None:
    with pytest.raises(SettingsError, match="something to keep to: a board, or a limit on sram"):
        Limits.given()
    with pytest.raises(UnknownBoardError):
        Limits.given(board="none")


def test_limits_are_inclusive() -> None:
    assert Limits(1000, 2000, 3000, 4.0).kept(_COST)
    for name, less in (
        ("sram_bytes", 999),
        ("flash_bytes", 1999),
        ("macs", 2999),
        ("latency_ms", 3.9),
    ):
        limits = Limits(**{name: less})  # type: ignore[arg-type]
        assert not limits.kept(_COST)
        assert limits.kept(_COST, but=name)


def test_violations_worst_first() -> None:
    texts = Limits(500, 1990, 10**6).violations(_COST)
    assert texts == [
        "SRAM: 1,000 B, but the limit is 500 B",
        "flash: 2,000 B, but the limit is 1,990 B",
    ]


def test_a_board_leaves_what_its_own_software_does_not_take() -> None:
    limits = Limits.of_board("nano33ble")
    assert limits.sram_bytes == (256 - 64) * 1024
    assert limits.flash_bytes == (1024 - 160 - 32) * 1024


def test_print() -> None:
    assert str(Limits(65536, latency_ms=100)) == "SRAM 65,536 B and latency 100.0 ms"
    assert str(Limits()) == "no limits"


def test_costs_join() -> None:
    joined = Costs.join([Costs.of([_COST]), Costs.of([_COST, _COST])])
    assert joined.macs.tolist() == [3000] * 3
    assert isinstance(joined.latency_ms, np.ndarray)
