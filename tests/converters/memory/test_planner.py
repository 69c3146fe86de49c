# SPDX-License-Identifier: Apache-2.0
"""Offsets: totals by hand, no byte used twice, and bounds that no plan beats."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from tests.converters.memory.stairs import TICKS, UNIT, Pairs, buffer, random_buffers
from tflm_converters.memory.overlap import Overlap
from tflm_converters.memory.planner import plan_buffers, refit
from tflm_converters.memory.types import Buffer

STEPS = 200


# ---- By hand ----


def test_no_buffers() -> None:
    plan = plan_buffers([], {})
    assert (plan.peak, plan.lower_bound, plan.offsets) == (0, 0, ())


def test_buffers_that_live_together_lie_side_by_side() -> None:
    plan = plan_buffers([buffer((0, 10, 0, 5)), buffer((0, 7, 5, 9))], {})
    assert plan.peak == plan.lower_bound == 17


def test_buffers_that_live_one_after_the_other_share_memory() -> None:
    plan = plan_buffers([buffer((0, 10, 0, 4)), buffer((0, 7, 5, 9))], {})
    assert plan.peak == plan.lower_bound == 10
    assert plan.offsets == (0, 0)


def test_rows_take_the_place_of_rows_already_read() -> None:
    """Two tensors of three rows; a row of the second is written after one of the first dies."""
    consumed = buffer((0, 8, 0, 1), (8, 16, 0, 2), (16, 24, 0, 3))
    made = buffer((0, 8, 2, 9), (8, 16, 3, 9), (16, 24, 4, 9))
    plan = plan_buffers([consumed, made], {})
    assert plan.peak == plan.lower_bound == 24
    assert plan.offsets == (0, 0)


def test_an_overlapping_output_begins_a_lead_below_its_input() -> None:
    """Each row is written in the tick that reads the same row for the last time."""
    consumed = buffer((0, 8, 0, 1), (8, 16, 0, 2))
    made = buffer((0, 8, 1, 9), (8, 16, 2, 9))
    assert plan_buffers([consumed, made], {}).peak == 24
    plan = plan_buffers([consumed, made], {(0, 1): Overlap(lead=3)})
    assert plan.peak == plan.lower_bound == 19
    assert plan.offsets == (3, 0)
    assert plan_buffers([consumed, made], {(0, 1): Overlap(lead=0)}).peak == 16


def test_a_great_lead_is_no_better_than_side_by_side() -> None:
    consumed, made = buffer((0, 8, 0, 1)), buffer((0, 8, 1, 9))
    plan = plan_buffers([consumed, made], {(0, 1): Overlap(lead=8)})
    assert plan.peak == plan.lower_bound == 16


def test_the_hole_in_a_staircase_is_used() -> None:
    """The middle buffer fits only where both others have no band."""
    low, high = buffer((0, 10, 0, 9)), buffer((0, 10, 5, 9))
    middle = buffer((0, 10, 0, 4))
    assert plan_buffers([low, middle, high], {}).peak == 20


def test_alignment() -> None:
    plan = plan_buffers([buffer((0, 5, 0, 1)), buffer((0, 8, 0, 1), alignment=4)], {})
    assert plan.offsets[1] % 4 == 0
    assert plan.peak == 13


def test_other_inputs_of_an_output_may_lie_in_its_lead() -> None:
    """The second row of the output overwrites `first` in the tick that reads it last."""
    first, second = buffer((0, 16, 0, 2)), buffer((0, 16, 0, 2))
    made = buffer((0, 20, 1, 9), (20, 40, 2, 9), (40, 60, 3, 9))
    plan = plan_buffers([first, second, made], {(0, 2): Overlap(20), (1, 2): Overlap(40)})
    assert plan.offsets == (20, 40, 0)
    assert plan.peak == plan.lower_bound == 60


# ---- Every plan ----


@pytest.mark.parametrize("seed", range(80))
def test_no_byte_is_used_twice(seed: int) -> None:
    buffers, pairs = random_buffers(seed, alignment=(seed % 2) * 3 + 1)
    plan = plan_buffers(buffers, pairs, steps=STEPS)
    assert is_valid(buffers, pairs, plan.offsets)
    assert plan.peak == max(o + b.size for o, b in zip(plan.offsets, buffers, strict=True))
    assert plan.lower_bound <= plan.peak
    assert all(o % b.alignment == 0 for o, b in zip(plan.offsets, buffers, strict=True))


@pytest.mark.parametrize("seed", range(20))
def test_plans_are_reproducible(seed: int) -> None:
    buffers, pairs = random_buffers(seed)
    first, second = (plan_buffers(buffers, pairs, steps=STEPS) for _ in range(2))
    assert first.offsets == second.offsets


@pytest.mark.parametrize("seed", range(40))
def test_two_buffers_are_placed_as_low_as_possible(seed: int) -> None:
    buffers, pairs = random_buffers(seed, most=2)
    plan = plan_buffers(buffers, pairs, steps=STEPS)
    first, second = buffers
    reach = (first.size + second.size) // UNIT
    peaks = []
    for step in range(-reach, reach + 1):
        offsets = (max(-step, 0) * UNIT, max(step, 0) * UNIT)
        if is_valid(buffers, pairs, offsets):
            peaks.append(max(o + b.size for o, b in zip(offsets, buffers, strict=True)))
    assert plan.lower_bound <= min(peaks) == plan.peak


@pytest.mark.parametrize("seed", range(40))
def test_the_search_finds_the_least_peak_of_rectangles(seed: int) -> None:
    """Without stairs the least peak is known: the best of all orders of first fit."""
    buffers = [buffer((0, b.size, b.first_tick, b.last_tick)) for b in random_buffers(seed)[0][:5]]
    best = min(first_fit(buffers, order) for order in itertools.permutations(range(len(buffers))))
    plan = plan_buffers(buffers, {}, steps=2000)
    assert plan.lower_bound == max(raster(buffers, tick) for tick in range(TICKS + 1))
    assert plan.peak == best


@pytest.mark.parametrize("seed", range(40))
def test_refit_leaves_the_others_in_place(seed: int) -> None:
    buffers, pairs = random_buffers(seed)
    plan = plan_buffers(buffers, pairs, steps=STEPS)
    movable = set(range(0, len(buffers), 2))
    offsets = refit(buffers, pairs, plan.offsets, movable, ceiling=10 * plan.peak)
    assert offsets is not None
    assert is_valid(buffers, pairs, offsets)
    assert all(o == offsets[i] for i, o in enumerate(plan.offsets) if i not in movable)


def test_refit_refuses_what_does_not_fit() -> None:
    fixed, moved = buffer((0, 10, 0, 5)), buffer((0, 6, 0, 5))
    assert refit([fixed, moved], {}, (6, 0), {1}, ceiling=16) == (6, 0)
    assert refit([fixed, moved], {}, (5, 0), {1}, ceiling=16) is None
    assert refit([fixed, moved], {}, (5, 0), {1}, ceiling=21) == (5, 15)


def test_refit_refuses_an_overlap_that_no_longer_holds() -> None:
    consumed, made, other = buffer((0, 8, 0, 1)), buffer((0, 8, 1, 9)), buffer((0, 4, 0, 9))
    buffers = [consumed, made, other]
    assert refit(buffers, {(0, 1): Overlap(3)}, (3, 0, 11), {2}, ceiling=20) is not None
    assert refit(buffers, {(0, 1): Overlap(4)}, (3, 0, 11), {2}, ceiling=20) is None


# ---- What a valid plan is ----


def is_valid(buffers: Sequence[Buffer], pairs: Pairs, offsets: Sequence[int]) -> bool:
    """Whether no byte is live in two buffers at once, by drawing every tick of the arena.

    An input and an output that may overlap may share what is read last when it is
    overwritten, at distances that their lead allows.
    """
    size = max(o + b.size for o, b in zip(offsets, buffers, strict=True))
    for first, second in itertools.combinations(range(len(buffers)), 2):
        if (second, first) in pairs:
            first, second = second, first
        overlap = pairs.get((first, second))
        distance = offsets[second] - offsets[first]
        if overlap is not None and -overlap.lead < distance < buffers[first].size:
            return False
        for tick in range(TICKS + 1):
            earlier = drawn(buffers[first], offsets[first], tick, size, tick + bool(overlap))
            if (earlier & drawn(buffers[second], offsets[second], tick, size, tick)).any():
                return False
    return True


def drawn(buffer: Buffer, offset: int, tick: int, size: int, until: int) -> np.ndarray:
    """Bytes of an arena of `size` that hold live bytes at `tick` and still at `until`."""
    arena = np.zeros(size, bool)
    for begin, end, first, last in buffer.bands:
        if first <= tick and until <= last:
            arena[offset + begin : offset + end] = True
    return arena


def raster(buffers: Sequence[Buffer], tick: int) -> int:
    """Bytes alive at a tick."""
    return sum(int(drawn(b, 0, tick, b.size, tick).sum()) for b in buffers)


def first_fit(buffers: Sequence[Buffer], order: Sequence[int]) -> int:
    """The peak when buffers are placed as low as possible, in this order."""
    offsets: dict[int, int] = {}
    for index in order:
        buffer = buffers[index]
        others = [
            (offsets[i], offsets[i] + buffers[i].size)
            for i in offsets
            if buffers[i].first_tick <= buffer.last_tick
            and buffer.first_tick <= buffers[i].last_tick
        ]
        candidates = sorted([0, *(end for _, end in others)])
        offsets[index] = next(
            o for o in candidates if all(o + buffer.size <= b or e <= o for b, e in others)
        )
    return max(offsets[i] + buffers[i].size for i in offsets)
