# SPDX-License-Identifier: Apache-2.0
"""Bytes alive at once; that no plan beats the bounds is tested with the planner."""

from __future__ import annotations

from tests.converters.memory.stairs import buffer
from tflm_converters.memory.bounds import lead_bounds, live_bytes, pressures
from tflm_converters.memory.overlap import Overlap
from tflm_converters.memory.types import Buffer


def test_live_bytes_by_tick() -> None:
    ticks, live = live_bytes([buffer((0, 10, 0, 2)), buffer((0, 4, 2, 3), (4, 6, 3, 3))], {})
    assert ticks.tolist() == [0, 2, 3, 4]
    assert live.tolist() == [10, 14, 6, 0]


def test_live_bytes_take_an_input_for_dead_where_its_output_may_overwrite_it() -> None:
    buffers = [buffer((0, 10, 0, 2)), buffer((0, 4, 2, 3))]
    assert live_bytes(buffers, {(0, 1): Overlap(0)})[1].max() == 10


def bounds_of(buffers: list[Buffer], lead: int) -> list[int]:
    """Of buffers whose second overwrites the first."""
    pairs = {(0, 1): Overlap(lead)}
    return list(lead_bounds(buffers, pairs, *live_bytes(buffers, pairs)))


def test_the_lead_of_an_output_stays_free_until_it_is_filled() -> None:
    """Eight bytes of lead and sixteen of input; what lives all the while comes on top."""
    consumed = buffer((0, 8, 0, 1), (8, 16, 0, 2))
    made = buffer((0, 8, 1, 9), (8, 16, 2, 9))
    waiting, brief = buffer((0, 5, 0, 9)), buffer((0, 100, 2, 9))
    assert bounds_of([consumed, made], 8) == [8 + 16]
    assert bounds_of([consumed, made, waiting, brief], 8) == [8 + 16 + 5]
    assert bounds_of([consumed, made], 0) == []


def test_an_output_behind_its_input_overwrites_nothing() -> None:
    """A lead as large as the output leaves only that: all 60 + 2 bytes beside the 8 others."""
    consumed, made, state = buffer((0, 60, 0, 1)), buffer((0, 2, 1, 9)), buffer((0, 8, 1, 1))
    assert bounds_of([consumed, made, state], 2) == [70]


def test_the_pressure_on_a_buffer_is_the_most_alive_during_its_life() -> None:
    buffers = [buffer((0, 10, 0, 4)), buffer((0, 7, 3, 5)), buffer((0, 2, 5, 6))]
    ticks, live = live_bytes(buffers, {})
    assert pressures(buffers, ticks, live) == [17, 17, 9]
