# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tflm_mcunet import boards


def test_nano33ble_is_as_its_data_sheet_says() -> None:
    board = boards.get("nano33ble")
    assert (board.core, board.clock_hz) == ("Cortex-M4F", 64_000_000)
    assert (board.sram_bytes, board.flash_bytes) == (262_144, 1_048_576)


def test_names_are_unique_and_each_gives_its_board() -> None:
    assert len(set(boards.names())) == len(boards.names())
    assert [boards.get(name).name for name in boards.names()] == boards.names()


def test_a_board_of_ones_own_is_taken_as_it_is() -> None:
    own = boards.Board("own", "My board", "Cortex-M0+", 16_000_000, 8192, 65_536)
    assert boards.get(own) is own


def test_an_unknown_name_is_answered_with_all_known_ones() -> None:
    with pytest.raises(boards.UnknownBoardError, match="'nano34'.*nano33ble, .*rp2040"):
        boards.get("nano34")
