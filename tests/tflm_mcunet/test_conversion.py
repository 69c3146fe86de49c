# SPDX-License-Identifier: Apache-2.0
"""The whole way: a file in, a smaller one out, the same bytes from both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tflm_converters.errors import BudgetError, ConversionError
from tflm_converters.schedule.types import Mode
from tflm_mcunet import Interpreter, convert
from tflm_mcunet.boards import Board
from tflm_mcunet.conversion import Conversion


@pytest.fixture(scope="module")
def model(repository: Path) -> Path:
    return repository / "examples" / "vww_96_int8.tflite"


@pytest.fixture(scope="module")
def conversion(model: Path) -> Conversion:
    return convert(model, board="nano33ble", samples=3)


def tiny_board(sram: int) -> Board:
    return Board("tiny", "Tiny", "Cortex-M0+", 16_000_000, sram, 1 << 20)


def test_less_sram_and_the_same_bytes(conversion: Conversion) -> None:
    assert conversion.parity is not None
    assert (conversion.parity.samples, conversion.parity.differing_bytes) == (3, 0)
    assert conversion.planned.peak < 28_000 < conversion.before.peak_bytes
    assert conversion.planned.plan.lower_bound <= conversion.planned.peak
    assert conversion.macs_ratio < 0.5


def test_the_arena_is_exact(conversion: Conversion) -> None:
    assert conversion.arena is not None and conversion.arena_before is not None
    total = conversion.arena.total
    assert 3 * total < conversion.arena_before.total
    assert conversion.planned.peak <= total
    image = np.zeros((1, 96, 96, 3), np.int8)
    interpreter = Interpreter.from_bytes(conversion.model, arena_size=total)
    interpreter.set_input(image, 0)
    assert interpreter.invoke() == 0
    with pytest.raises(RuntimeError):
        Interpreter.from_bytes(conversion.model, arena_size=total - 1).invoke()


def test_nobody_on_the_front_is_beaten(conversion: Conversion) -> None:
    points = [(point.peak, point.macs) for point in conversion.front]
    assert (conversion.planned.peak, conversion.planned.macs) in points
    assert points == sorted(points, reverse=True)
    assert [macs for _, macs in points] == sorted(macs for _, macs in points)


def test_json_has_what_scripts_need(conversion: Conversion) -> None:
    result = conversion.to_json()
    assert result["peak_sram_bytes"] == conversion.planned.peak
    assert result["lower_bound_bytes"] == conversion.planned.plan.lower_bound
    assert result["macs_ratio"] == result["macs"] / 7_489_664
    assert result["tflm_arena_bytes"] == conversion.arena.total
    assert (result["differing_bytes"], result["samples"]) == (0, 3)
    assert {"peak_sram_bytes": result["peak_sram_bytes"], "macs": result["macs"]} in result[
        "pareto"
    ]


def test_the_board_is_the_budget(model: Path) -> None:
    with pytest.raises(
        BudgetError, match=r"10,000 bytes cannot be met: .* 27,\d{3} bytes.*input_1"
    ):
        convert(model, board=tiny_board(10_000), samples=0)
    assert convert(model, board=tiny_board(10_000), sram=28_000, samples=0).planned.peak <= 28_000


def test_least_work_within_a_budget(model: Path) -> None:
    generous = convert(model, sram=60_000, objective="macs", samples=0)
    assert generous.planned.peak <= 60_000
    assert generous.planned.macs == min(point.macs for point in generous.front)


@pytest.mark.parametrize("mode", ["layer", "patch"])
def test_modes(model: Path, mode: str) -> None:
    result = convert(model, mode=mode, patches=(2, 2) if mode == "patch" else None, samples=1)
    assert result.parity is not None and result.parity.identical
    allowed = {Mode.LAYER, Mode(mode)}
    assert {stage.mode for stage in result.planned.schedule.stages} <= allowed


def test_row_fed_input_is_never_whole(model: Path) -> None:
    result = convert(model, row_fed=True, samples=2)
    assert result.parity is not None and result.parity.identical
    assert result.planned.peak < 96 * 96 * 3 / 2


def test_passes_can_be_left_out(model: Path) -> None:
    result = convert(model, disabled_passes=["dead_channels"], samples=0)
    assert result.planned.macs == result.before.macs
    assert "dead_channels" not in [step.name for step in result.passes]
    with pytest.raises(ConversionError, match="no_such_pass"):
        convert(model, disabled_passes=["no_such_pass"], samples=0)


@pytest.mark.parametrize(("float_io", "dtype"), [(False, np.int8), (True, np.float32)])
def test_float_borders(repository: Path, float_io: bool, dtype: type) -> None:
    result = convert(repository / "examples" / "mcunet_vww1.tflite", float_io=float_io, samples=2)
    assert result.parity is not None and result.parity.identical
    details = Interpreter.from_bytes(result.model).get_input_details(0)
    assert details["dtype"] == dtype


def test_nothing_runs_without_samples(model: Path) -> None:
    result = convert(model, samples=0)
    assert result.arena is None and result.parity is None
    assert result.to_json()["tflm_arena_bytes"] is None


def test_progress_goes_from_0_to_1_in_every_step(model: Path) -> None:
    seen: dict[str, list[float]] = {}
    convert(model, samples=1, progress=lambda what, share: seen.setdefault(what, []).append(share))
    assert {"planning memory", "comparing outputs"} <= seen.keys()
    for shares in seen.values():
        assert shares == sorted(shares) and 0 <= shares[0] and shares[-1] <= 1
