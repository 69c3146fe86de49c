# SPDX-License-Identifier: Apache-2.0
"""Distances at which two buffers may not lie, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tflm_converters.memory.distances import first_fit, forbidden_distances, last_fit, merge


def test_merge_keeps_the_distance_between_intervals_that_touch() -> None:
    merged = merge(np.array([[5, 9], [0, 3], [3, 4], [6, 12], [20, 20]]))
    assert merged.tolist() == [[0, 3], [3, 4], [5, 12]]


def test_forbidden_distances_of_two_rows() -> None:
    """Only b's first row lives together with a, and a single byte apart is enough."""
    a, b = np.array([[0, 4, 0, 5]]), np.array([[0, 4, 5, 9], [4, 8, 6, 9]])
    assert forbidden_distances(a, b, strict=False).tolist() == [[-4, 4]]
    assert forbidden_distances(a, b, strict=True).tolist() == []


@pytest.mark.parametrize(
    ("blocked", "alignment", "first", "last"),
    [
        ([], 1, 0, 20),
        ([(-3, 6)], 1, 6, 20),
        ([(-3, 6)], 4, 8, 20),
        ([(2, 9), (-5, 2)], 1, 2, 20),  # the offset where two intervals touch is free
        ([(2, 9), (-5, 3)], 1, 9, 20),
        ([(15, 30)], 1, 0, 15),
        ([(15, 30)], 4, 0, 12),
        ([(-1, 40)], 1, 40, -1),
    ],
)
def test_the_lowest_and_the_highest_offset_outside_of_intervals(
    blocked: list[tuple[int, int]], alignment: int, first: int, last: int
) -> None:
    assert first_fit(blocked, alignment) == first
    assert last_fit(blocked, 20, alignment) == last
